"""DepthwiseConv1D, DepthwiseConv2D: each channel has kernels of its own, and channels are not mixed."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import whole
from lamina.layers.convolution.base import Convolution
from lamina.layers.geometry import Shape, channel_axis
from lamina.layers.weight_options import keep_weight_options, weight_options_config


class _DepthwiseConv(Convolution):
    """The depthwise convolution of any rank."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
        self.depth_multiplier = whole(self, "depth_multiplier", depth_multiplier)
        keep_weight_options(self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)

    def build(self, input_shape: Shape) -> None:
        channels = self.build_channels(input_shape)
        multiplier = self.depth_multiplier
        self.kernel = self.add_kernel("kernel", "depthwise", self.kernel_size, channels, multiplier)
        self.bias = self.add_bias(channels * multiplier)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        kernel = depthwise_kernel(self.kernel)
        groups = kernel.shape[0] // self.depth_multiplier
        return self.finish(self.convolve(self._enter(inputs), kernel, self.bias, groups))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        output_shape = self.output_shape_with(input_shape, None)
        channels = input_shape[channel_axis(self.data_format)]
        widened = None if channels is None else channels * self.depth_multiplier
        shape = list(output_shape)
        shape[channel_axis(self.data_format)] = widened
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "depth_multiplier": self.depth_multiplier}
        return config | weight_options_config(self, "depthwise")


def depthwise_kernel(kernel: torch.Tensor) -> torch.Tensor:
    """(*spatial, C, M) seen as (C * M, 1, *spatial); a 1D kernel with a height of 1."""
    channels_first = kernel.flatten(-2).movedim(-1, 0)
    return channels_first[:, None, None] if channels_first.dim() == 2 else channels_first[:, None]


class DepthwiseConv1D(_DepthwiseConv):
    """Convolution over time that keeps channels apart: channel c gives outputs c * M .. c * M + M - 1.

    Input (B, T, C), output (B, T', C * M), M the depth multiplier. Weights: `kernel` (kernel_size, C, M), `bias`
    (C * M,). Arguments as in `DepthwiseConv2D`.

    >>> DepthwiseConv1D(3, depth_multiplier=2).compute_output_shape((None, 10, 4))
    (None, 8, 8)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """Convolution over images that keeps channels apart: channel c gives outputs c * M .. c * M + M - 1.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', C * M), M the depth
    multiplier. Weights: `kernel` (kh, kw, C, M), `bias` (C * M,).

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in `Conv2D`.
        depth_multiplier: outputs for each channel.
        depthwise_..., bias_...: initializer, regularizer and constraint of `kernel` and `bias`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, or the window is larger than the input.

    >>> DepthwiseConv2D(3, padding="same").compute_output_shape((None, 28, 28, 16))
    (None, 28, 28, 16)
    """

    rank = 2
