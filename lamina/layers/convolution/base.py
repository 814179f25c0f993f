"""What all convolutions share: the geometry of their windows, bias, activation, and the way to PyTorch's kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.layers.arguments import CHANNELS_LAST, choice, image_format, wholes
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import (
    Pads,
    Shape,
    channel_axis,
    check_image,
    extent,
    image_shape,
    known_size,
    lifted,
    same_pads,
    torch_views,
    window_counts,
)
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config
from lamina.ops.single_positions import LANES, every, skips_positions

# Alike at both ends of each axis, and further in F.pad's order (last axis first).
Padding = tuple[tuple[int, ...], list[int] | None]

CONVOLVE = {2: torch.conv2d, 3: torch.conv3d}

# From this many values on it pays to transpose a kernel ourselves (15 us of calls).
_LARGE = 2**18


class Convolution(Layer):
    """Base of the convolutions of one to three spatial axes. A subclass makes the kernels and says `rank`.

    Kernels have Keras' shape, spatial axes first, and lie in memory as they show (`torch_kernel`).
    """

    casts_integers = True

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_options: tuple[Any, Any, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = wholes(self, "kernel_size", kernel_size, self.rank)
        self.strides = wholes(self, "strides", strides, self.rank)
        self.padding = choice(self, "padding", padding, self.paddings)
        self.data_format = image_format(self, data_format)
        self.dilation_rate = wholes(self, "dilation_rate", dilation_rate, self.rank)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        keep_weight_options(self, "bias", *bias_options)
        self.input_spec = InputSpec(ndim=self.rank + 2)
        self._enter, self._leave = torch_views(self.data_format, self.rank)
        self._torch_rank = max(self.rank, 2)
        self._windows = tuple(map(extent, self.kernel_size, self.dilation_rate))
        self._lifted_windows = lifted(self._windows, 1)
        self._lifted_strides = lifted(self.strides, 1)
        self._lifted_dilation = lifted(self.dilation_rate, 1)
        self._fixed_padding = self._plan_padding()
        self._has_large = False
        self._skips_positions = skips_positions(self.kernel_size, self.strides)

    def build_channels(self, input_shape: Shape) -> int:
        """Check the input's shape, fix its number of channels, and return that."""
        axis = channel_axis(self.data_format)
        check_image(self, input_shape, self.rank)
        channels = known_size(self, input_shape, axis, "the channels")
        self.compute_output_shape(input_shape)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def add_kernel(self, name: str, options: str, spatial: tuple[int, ...], a: int, b: int) -> Any:
        """A kernel of shape (*spatial, a, b)."""
        self._has_large = self._has_large or math.prod(spatial) * a * b >= _LARGE
        return self.add_weight((*spatial, a, b), name=name, **weight_options(self, options))

    def add_bias(self, size: int) -> Any:
        """The bias, or None where there is none."""
        return self.add_weight((size,), name="bias", **weight_options(self, "bias")) if self.use_bias else None

    def torch_kernel(self, kernel: torch.Tensor) -> torch.Tensor:
        """(*spatial, a, b) as (b, a, *spatial), a 1D kernel with a height of 1.

        A view, which PyTorch's convolutions copy into their own order. A large kernel of channels_last data is brought
        there by `as_channels_last` first, which is faster.
        """
        large = self._has_large and self.data_format == CHANNELS_LAST and kernel.numel() >= _LARGE
        if large and not torch.compiler.is_compiling():
            kernel = as_channels_last(kernel)
        if self.rank == 1:
            return kernel.permute(2, 1, 0).unsqueeze(2)
        return kernel.permute(3, 2, 0, 1) if self.rank == 2 else kernel.permute(4, 3, 0, 1, 2)

    def convolve(
        self, inputs: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None, groups: int
    ) -> torch.Tensor:
        """Slide `kernel` (out, in / groups, ...) over `inputs` (B, in, ...), both in PyTorch's order of axes."""
        inputs, padding = self.padded(inputs)
        slide = CONVOLVE[self._torch_rank]
        if self._skips_positions and groups == 1 and kernel.shape[1] < LANES:
            return slide(every(inputs, self._lifted_strides), kernel, bias)  # such windows have no padding
        return slide(inputs, kernel, bias, self._lifted_strides, padding, self._lifted_dilation, groups)

    def padded(self, inputs: torch.Tensor) -> tuple[torch.Tensor, tuple[int, ...]]:
        """The input with the zeros that PyTorch's kernels cannot add themselves, and the padding that they can."""
        padding, beyond = self._fixed_padding or self._padding_for(inputs.shape[2:])
        return (inputs if beyond is None else F.pad(inputs, beyond)), padding

    def finish(self, outputs: torch.Tensor) -> torch.Tensor:
        """Back to the layer's order of axes, then the activation."""
        outputs = self._leave(outputs)
        result: torch.Tensor = outputs if self.activation is None else self.activation(outputs)
        return result

    def output_shape_with(self, input_shape: Shape, channels: int | None) -> Shape:
        """Shape after the windows have gone over the input."""
        check_image(self, input_shape, self.rank)
        counts = window_counts(self, input_shape, self._windows, self.strides, self.padding, self.data_format)
        return image_shape(self.data_format, input_shape[0], counts, channels)

    def _plan_padding(self) -> Padding | None:
        """Padding of the spatial axes, or None where it depends on the size of the input."""
        if self.padding == "valid":
            return split_pads([(0, 0)] * self._torch_rank)
        if self.padding == "causal":
            return split_pads([(0, 0), (self._windows[0] - 1, 0)])
        if any(stride > 1 for stride in self.strides):
            return None
        return self._padding_for(self._lifted_windows)

    def _padding_for(self, sizes: Sequence[int]) -> Padding:
        """Padding of spatial axes of these sizes under "same"; with stride 1 it is the same for all sizes."""
        return split_pads(same_pads(sizes, self._lifted_windows, self._lifted_strides))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": tuple(self.kernel_size),
            "strides": tuple(self.strides),
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": tuple(self.dilation_rate),
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **weight_options_config(self, "bias"),
        }


def as_channels_last(kernel: torch.Tensor) -> torch.Tensor:
    """The kernel (*spatial, a, b) with b outermost in memory, then space, then a: PyTorch's channels_last.

    As a matrix, of (taps * a, b), it is only transposed. That copy goes block by block: 2 ms for (3, 3, 512, 512) where
    PyTorch's convolutions take 15 for their own, and for the gradient's way back 15 more. `narrow` changes nothing
    forward; backward it makes the gradient a matrix in the kernel's own order, again block by block.
    """
    matrix = kernel.flatten(0, -2)
    return matrix.narrow(0, 0, len(matrix)).t().contiguous().t().view(kernel.shape)


def split_pads(pads: Pads) -> Padding:
    """What PyTorch's kernels can pad themselves, alike at both ends, and what F.pad has to add, and copy, before."""
    if all(type(a) is int and a == b for a, b in pads):  # as nearly always
        return tuple([a for a, _ in pads]), None
    # An exporter meets sizes that are not known; ONNX's convolutions want numbers, its Pad takes any.
    known = all(type(side) is int for pair in pads for side in pair) or not torch.compiler.is_exporting()
    common = tuple(min(pair) if known else 0 for pair in pads)
    beyond = [side - shared for pair, shared in zip(pads, common, strict=True) for side in reversed(pair)]
    return common, beyond[::-1] if any(beyond) else None
