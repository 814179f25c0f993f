"""Conv1DTranspose, Conv2DTranspose, Conv3DTranspose: a convolution run backwards, to enlarge what it gets."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import refuse, whole, wholes
from lamina.layers.convolution.base import CONVOLVE, Convolution
from lamina.layers.geometry import (
    Shape,
    check_image,
    image_shape,
    lifted,
    shape_error,
    spatial_sizes,
    transposed_crop,
    transposed_size,
)
from lamina.layers.weight_options import keep_weight_options, weight_options_config
from lamina.ops.single_positions import LANES, apart

_SPREAD = {2: torch.conv_transpose2d, 3: torch.conv_transpose3d}


class _ConvTranspose(Convolution):
    """The transposed convolution of any rank."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.output_padding = self._output_padding(output_padding)
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._plan_crop()

    def _output_padding(self, value: Any) -> tuple[int, ...] | None:
        if value is None:
            return None
        amounts = wholes(self, "output_padding", value, self.rank, minimum=0)
        if any(amount >= stride for amount, stride in zip(amounts, self.strides, strict=True)):
            raise refuse(self, "output_padding", value, f"less than strides={self.strides} on every axis")
        return amounts

    def _per_axis(self) -> list[tuple[int, int, int | None]]:
        """(extent of the window, stride, output padding) of each spatial axis."""
        return list(zip(self._windows, self.strides, self.output_padding or (None,) * self.rank, strict=True))

    def _plan_crop(self) -> None:
        """What PyTorch's kernel cuts itself (alike on both ends, or less at the back), and what is left to cut."""
        crops = [transposed_crop(k, s, self.padding, extra) for k, s, extra in self._per_axis()]
        self._torch_padding = lifted([front for front, _ in crops], 0)
        self._torch_output_padding = lifted([max(front - back, 0) for front, back in crops], 0)
        first_axis = 2 + self._torch_rank - self.rank
        self._trim = [(first_axis + i, back - front) for i, (front, back) in enumerate(crops) if back > front]

    def build(self, input_shape: Shape) -> None:
        channels = self.build_channels(input_shape)
        self.kernel = self.add_kernel("kernel", "kernel", self.kernel_size, self.filters, channels)
        self.bias = self.add_bias(self.filters)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._skips_positions and self.filters < LANES:
            return self.finish(self._spread_apart(self._enter(inputs)))
        outputs = _SPREAD[self._torch_rank](
            self._enter(inputs),
            self.torch_kernel(self.kernel),
            self.bias,
            self._lifted_strides,
            self._torch_padding,
            self._torch_output_padding,
            1,
            self._lifted_dilation,
        )
        for axis, surplus in self._trim:
            outputs = outputs.narrow(axis, 0, outputs.shape[axis] - surplus)
        return self.finish(outputs)

    def _spread_apart(self, inputs: torch.Tensor) -> torch.Tensor:
        """Windows of one position: a mix of the channels, zeros between, and the bias everywhere."""
        mixed = CONVOLVE[self._torch_rank](inputs, self.torch_kernel(self.kernel).transpose(0, 1))
        outputs = apart(mixed, self._lifted_strides)
        rows = zip(inputs.shape[2:], self._lifted_strides, self._torch_output_padding, strict=True)
        for axis, (n, stride, extra) in enumerate(rows, start=2):
            if extra < stride - 1:
                outputs = outputs.narrow(axis, 0, (n - 1) * stride + 1 + extra)
        return outputs if self.bias is None else outputs + self.bias.view(-1, *(1,) * self._torch_rank)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        check_image(self, input_shape, self.rank)
        spatial = spatial_sizes(self.data_format, input_shape)
        sizes = [
            transposed_size(n, k, s, self.padding, extra)
            for n, (k, s, extra) in zip(spatial, self._per_axis(), strict=True)
        ]
        if any(size is not None and size < 1 for size in sizes):
            raise shape_error(self, input_shape, "an input that leaves an output of at least 1 on each spatial axis")
        return image_shape(self.data_format, input_shape[0], sizes, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "output_padding": None if self.output_padding is None else tuple(self.output_padding),
            **weight_options_config(self, "kernel"),
        }


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time; arguments as in `Conv2DTranspose`.

    Input (B, T, C), output (B, T', filters). Weights: `kernel` (kernel_size, filters, C), `bias` (filters,).

    >>> Conv1DTranspose(8, 3, strides=2, padding="same").compute_output_shape((None, 10, 4))
    (None, 20, 8)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """The gradient of a convolution, as a layer: each input position paints `kernel` times its value on the output.

    Input (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; output (B, H', W', filters). Weights:
    `kernel` (kh, kw, filters, C), `bias` (filters,). For each axis of size n, with k the extent of the kernel:
    "valid" gives (n - 1) * stride + max(k, stride), "same" n * stride; with `output_padding` they give
    (n - 1) * stride + k + output_padding and (n - 1) * stride + k % 2 + output_padding.

    Args:
        filters: channels of the output.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in `Conv2D`.
        output_padding: None, or less than the stride: picks the output's size among those that give this input.
        ..._initializer, ..._regularizer, ..._constraint: as in `Dense`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input's rank or channels do not fit, or the output would be empty.

    >>> Conv2DTranspose(8, 3, strides=2, padding="same").compute_output_shape((None, 14, 14, 16))
    (None, 28, 28, 8)
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes; arguments as in `Conv2DTranspose`, `data_format` before `output_padding`.

    Input (B, H, W, D, C), output (B, H', W', D', filters). Weights: `kernel` (kh, kw, kd, filters, C), `bias`
    (filters,).

    >>> Conv3DTranspose(8, 2, strides=2).compute_output_shape((None, 4, 4, 4, 3))
    (None, 8, 8, 8, 8)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
