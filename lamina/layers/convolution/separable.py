"""SeparableConv1D, SeparableConv2D: a depthwise convolution, then one that only mixes channels."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import whole
from lamina.layers.convolution.base import CONVOLVE, Convolution
from lamina.layers.convolution.depthwise import depthwise_kernel
from lamina.layers.geometry import Shape
from lamina.layers.weight_options import keep_weight_options, weight_options_config


class _SeparableConv(Convolution):
    """The separable convolution of any rank."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        bias_options = (bias_initializer, bias_regularizer, bias_constraint)
        super().__init__(
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_options,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.filters = whole(self, "filters", filters)
        self.depth_multiplier = whole(self, "depth_multiplier", depth_multiplier)
        keep_weight_options(self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        keep_weight_options(self, "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self.build_channels(input_shape)
        multiplier = self.depth_multiplier
        self.depthwise_kernel = self.add_kernel("depthwise_kernel", "depthwise", self.kernel_size, channels, multiplier)
        ones = (1,) * self.rank
        self.pointwise_kernel = self.add_kernel(
            "pointwise_kernel", "pointwise", ones, channels * multiplier, self.filters
        )
        self.bias = self.add_bias(self.filters)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        kernel = depthwise_kernel(self.depthwise_kernel)
        groups = kernel.shape[0] // self.depth_multiplier
        apart = self.convolve(self._enter(inputs), kernel, None, groups)
        mix = CONVOLVE[self._torch_rank]
        return self.finish(mix(apart, self.torch_kernel(self.pointwise_kernel), self.bias))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.output_shape_with(input_shape, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "depth_multiplier": self.depth_multiplier,
            **weight_options_config(self, "depthwise", "pointwise"),
        }


class SeparableConv1D(_SeparableConv):
    """Depthwise convolution over time, then a mix of the channels; arguments as in `SeparableConv2D`.

    Input (B, T, C), output (B, T', filters). Weights: `depthwise_kernel` (kernel_size, C, M), `pointwise_kernel`
    (1, C * M, filters), `bias` (filters,), M the depth multiplier.

    >>> SeparableConv1D(8, 3).compute_output_shape((None, 10, 4))
    (None, 8, 8)
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """`activation(mix of channels (depthwise convolution (inputs)) + bias)`: a cheap stand-in for `Conv2D`.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', filters). Weights:
    `depthwise_kernel` (kh, kw, C, M), `pointwise_kernel` (1, 1, C * M, filters), `bias` (filters,), M the depth
    multiplier.

    Args:
        filters: channels of the output.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in `Conv2D`.
        depth_multiplier: channels between the two steps, for each channel of the input.
        depthwise_..., pointwise_..., bias_...: initializer, regularizer and constraint of the weights.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, or the window is larger than the input.

    >>> SeparableConv2D(8, 3, padding="same").compute_output_shape((None, 28, 28, 4))
    (None, 28, 28, 8)
    """

    rank = 2
