"""Conv1D, Conv2D, Conv3D: a kernel that mixes all channels of a neighbourhood."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import CHANNELS_LAST, refuse, whole
from lamina.layers.convolution.base import Convolution
from lamina.layers.convolution.pixelwise import is_small, product
from lamina.layers.geometry import Shape, channel_axis, shape_error
from lamina.layers.low_rank import Adapted, LowRank
from lamina.layers.weight_options import keep_weight_options, weight_options_config


class _Conv(LowRank, Convolution):
    """The convolution of any rank."""

    kernel = Adapted()

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
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
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            **kwargs,
        )
        self.filters = whole(self, "filters", filters)
        self.groups = whole(self, "groups", groups)
        if self.filters % self.groups:
            raise refuse(self, "groups", groups, f"a divisor of filters={filters}")
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._has_own_op = type(self).convolution_op is not _Conv.convolution_op
        last = self.data_format == CHANNELS_LAST
        self._is_product = last and self.groups == 1 and {*self.kernel_size, *self.strides} == {1}

    def build(self, input_shape: Shape) -> None:
        channels = self.build_channels(input_shape)
        per_group = channels // self.groups
        self.kernel = self.add_kernel("kernel", "kernel", self.kernel_size, per_group, self.filters)
        self.bias = self.add_bias(self.filters)
        self.begin_adapters()

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._has_own_op:
            return self._by_own_op(inputs)
        if self._is_product and is_small(inputs):
            return self.finish(self._enter(product(inputs, self.kernel, self.bias)))
        kernel = self.torch_kernel(self.kernel)
        return self.finish(self.convolve(self._enter(inputs), kernel, self.bias, self.groups))

    def convolution_op(self, inputs: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        """The convolution alone, without bias and activation: what a subclass calls, or replaces, to standardise the
        kernel, say.

        Args:
            inputs: of the layer's `data_format`.
            kernel: of the shape of `self.kernel`.

        Returns:
            Of the layer's `data_format`.

        >>> layer = Conv2D(2, 3)
        >>> layer.build((None, 5, 5, 1))
        >>> layer.convolution_op(torch.ones(1, 5, 5, 1), layer.kernel / 2).shape
        torch.Size([1, 3, 3, 2])
        """
        return self._leave(self.convolve(self._enter(inputs), self.torch_kernel(kernel), None, self.groups))

    def _by_own_op(self, inputs: torch.Tensor) -> torch.Tensor:
        """With the `convolution_op` of a subclass."""
        outputs = self._enter(self.convolution_op(inputs, self.kernel))
        if self.bias is not None:
            outputs = outputs + self.bias.reshape(-1, *(1,) * (outputs.ndim - 2))
        return self.finish(outputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        output_shape = self.output_shape_with(input_shape, self.filters)
        channels = input_shape[channel_axis(self.data_format)]
        if channels is not None and channels % self.groups:
            raise shape_error(self, input_shape, f"channels that {self.groups} groups divide evenly, not {channels}")
        return output_shape

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "groups": self.groups,
            **weight_options_config(self, "kernel"),
        }


class Conv1D(_Conv):
    """Convolution over time: `activation(sum of kernel[k] * inputs[t*stride + k*dilation] + bias)`.

    Input (B, T, C), or (B, C, T) with `data_format="channels_first"`; output (B, T', filters). Weights: `kernel`
    (kernel_size, C / groups, filters), `bias` (filters,).

    Args:
        filters: channels of the output.
        kernel_size, strides, dilation_rate: of the window, in steps.
        padding: "valid" (windows inside the input), "same" (T' = ceil(T / strides)) or "causal" (as "same", but no
            output sees a later input).
        data_format: "channels_last" (default) or "channels_first".
        groups: parts into which the channels are split, each convolved by itself.
        activation, use_bias, ..._initializer, ..._regularizer, ..._constraint, lora_rank, lora_alpha: as in `Dense`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, or the window is larger than the input.

    >>> Conv1D(8, 3, padding="causal").compute_output_shape((None, 100, 4))
    (None, 100, 8)
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(_Conv):
    """Convolution over images: `activation(sum over a window of kernel * inputs + bias)`.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', filters). Weights:
    `kernel` (kh, kw, C / groups, filters), `bias` (filters,). For each axis, "valid" gives
    floor((n - dilation * (k - 1) - 1) / stride) + 1 positions, "same" ceil(n / stride).

    Args:
        filters: channels of the output.
        kernel_size, strides, dilation_rate: one integer, or one for each spatial axis.
        padding: "valid" (windows inside the input) or "same" (zeros around; the odd one at the bottom and right).
        data_format: "channels_last" (default) or "channels_first".
        groups: parts into which the channels are split, each convolved by itself.
        activation, use_bias, ..._initializer, ..._regularizer, ..._constraint, lora_rank, lora_alpha: as in `Dense`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, or the window is larger than the input.

    >>> Conv2D(8, 3, strides=2, padding="same").compute_output_shape((None, 28, 28, 1))
    (None, 14, 14, 8)
    """

    rank = 2


class Conv3D(_Conv):
    """Convolution over volumes; arguments as in `Conv2D`.

    Input (B, H, W, D, C), or (B, C, H, W, D) with `data_format="channels_first"`; output (B, H', W', D', filters).
    Weights: `kernel` (kh, kw, kd, C / groups, filters), `bias` (filters,).

    >>> Conv3D(8, (3, 3, 1)).compute_output_shape((None, 16, 16, 4, 2))
    (None, 14, 14, 4, 8)
    """

    rank = 3
