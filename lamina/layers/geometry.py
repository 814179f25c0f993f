"""The arithmetic of windows that slide over spatial axes, and the free views between Keras' and PyTorch's axis orders.

Letters: n size of an axis (None where unknown), k extent of a window (a kernel with its dilation), s stride.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina.graph.errors import ShapeError
from lamina.layers.arguments import CHANNELS_LAST

Shape = tuple[int | None, ...]
Pads = list[tuple[int, int]]
View = Callable[[torch.Tensor], torch.Tensor]


def shape_error(layer: Any, input_shape: Any, expected: str, hint: str | None = None) -> ShapeError:
    """The error of a layer whose input cannot have this shape; the caller raises it."""
    headline = f'{type(layer).__name__} "{layer.name}" cannot take this input.'
    return ShapeError(headline, got=f"shape {tuple(input_shape)}", expected=expected, hint=hint)


def check_rank(layer: Any, input_shape: Sequence[int | None], rank: int) -> None:
    """Raise ShapeError unless the input has this many axes, batch included."""
    if len(input_shape) != rank:
        raise shape_error(layer, input_shape, f"{rank} axes with the batch, not {len(input_shape)}")


def check_image(layer: Any, input_shape: Sequence[int | None], rank: int) -> None:
    """Raise ShapeError unless the input has batch, channels and `rank` spatial axes, none of them empty."""
    check_rank(layer, input_shape, rank + 2)
    if 0 in input_shape[1:]:
        raise shape_error(layer, input_shape, "sizes of at least 1")


def axis_index(layer: Any, input_shape: Sequence[int | None], axis: int) -> int:
    """`axis` counted from the front; ShapeError where the input has no such axis."""
    rank = len(input_shape)
    if not -rank <= axis < rank:
        raise shape_error(layer, input_shape, f"an input that has an axis {axis}")
    return axis % rank


def check_axes(layer: Any, input_shape: Sequence[int | None], axes: int | list[int]) -> Shape:
    """The same shape; ShapeError unless the input has these axes."""
    for axis in axes if isinstance(axes, list) else [axes]:
        axis_index(layer, input_shape, axis)
    return tuple(input_shape)


def known_size(layer: Any, input_shape: Sequence[int | None], axis: int, what: str) -> int:
    """Size of an axis that has to be known to make weights."""
    size = input_shape[axis_index(layer, input_shape, axis)]
    if size is None:
        hint = "give the size of this axis in Input(shape=...)"
        raise shape_error(layer, input_shape, f"a known size of axis {axis} ({what})", hint)
    if size < 1:
        raise shape_error(layer, input_shape, f"a size of at least 1 of axis {axis} ({what})")
    return size


def channel_axis(layout: str) -> int:
    """Index of the channels: -1 or 1."""
    return -1 if layout == CHANNELS_LAST else 1


def spatial_sizes(layout: str, shape: Sequence[int | None]) -> Shape:
    """Sizes of all axes but batch and channels."""
    return tuple(shape[1:-1]) if layout == CHANNELS_LAST else tuple(shape[2:])


def image_shape(layout: str, batch: int | None, spatial: Sequence[int | None], channels: int | None) -> Shape:
    """The shape with these parts, in the order of `layout`."""
    return (batch, *spatial, channels) if layout == CHANNELS_LAST else (batch, channels, *spatial)


def extent(kernel: int, dilation: int) -> int:
    """Positions from the first to the last tap of a dilated kernel."""
    return (kernel - 1) * dilation + 1


def window_count(n: int | None, k: int, s: int, padding: str) -> int | None:
    """How many windows an axis holds: ceil(n/s) when padded, else floor((n-k)/s)+1, which is <= 0 where none fits."""
    if n is None:
        return None
    return (n - k) // s + 1 if padding == "valid" else -(-n // s)


def window_counts(
    layer: Any, input_shape: Shape, windows: Sequence[int], strides: Sequence[int], padding: str, layout: str
) -> Shape:
    """Output sizes of the spatial axes; ShapeError where a window is larger than its axis."""
    sizes = spatial_sizes(layout, input_shape)
    counts = tuple(window_count(n, k, s, padding) for n, k, s in zip(sizes, windows, strides, strict=True))
    if any(count is not None and count < 1 for count in counts):
        needed = " x ".join(map(str, windows))
        hint = "padding='same', a smaller window, or fewer strides and poolings before this layer"
        raise shape_error(layer, input_shape, f"spatial axes of at least {needed}, the extent of one window", hint)
    return counts


def same_pads(sizes: Sequence[int], windows: Sequence[int], strides: Sequence[int]) -> Pads:
    """(before, after) for each axis under `padding="same"`: ceil(n/s) windows, the odd zero at the end."""
    pads = []
    for n, k, s in zip(sizes, windows, strides, strict=True):
        total = max((n - 1) // s * s + k - n, 0)  # not -(-n // s): ONNX rounds towards 0
        pads.append((total // 2, total - total // 2))
    return pads


def transposed_size(n: int | None, k: int, s: int, padding: str, output_padding: int | None) -> int | None:
    """Size that a transposed convolution gives an axis."""
    return None if n is None else (n - 1) * s + k - sum(transposed_crop(k, s, padding, output_padding))


def transposed_crop(k: int, s: int, padding: str, output_padding: int | None) -> tuple[int, int]:
    """(front, back) that are cut off the (n-1)s+k positions which n windows of a transposed convolution cover.

    "same" keeps n*s positions, or (n-1)s + k%2 + output_padding of them, and cuts the odd one at the back; a negative
    back is a row of zeros more.
    """
    if padding == "valid":
        return 0, -(max(s - k, 0) if output_padding is None else output_padding)
    total = k - s if output_padding is None else k - k % 2 - output_padding
    front = max(total // 2, 0)
    return front, total - front


# A 1D signal goes through PyTorch's 2D kernels as an image of height 1: those read channels_last as it lies, while the
# 1D kernels copy it into channels_first before and back after.


def _enter_last_1d(x: torch.Tensor) -> torch.Tensor:
    return x.unsqueeze(1).permute(0, 3, 1, 2)  # (B, T, C) -> (B, C, 1, T)


def _leave_last_1d(x: torch.Tensor) -> torch.Tensor:
    return x.squeeze(2).permute(0, 2, 1)


def _enter_last_2d(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W)


def _leave_last_2d(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def _enter_last_3d(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 4, 1, 2, 3)  # (B, H, W, D, C) -> (B, C, H, W, D)


def _leave_last_3d(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 4, 1)


def _enter_first_1d(x: torch.Tensor) -> torch.Tensor:
    return x.unsqueeze(2)  # (B, C, T) -> (B, C, 1, T)


def _leave_first_1d(x: torch.Tensor) -> torch.Tensor:
    return x.squeeze(2)


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


_VIEWS: dict[tuple[str, int], tuple[View, View]] = {
    (CHANNELS_LAST, 1): (_enter_last_1d, _leave_last_1d),
    (CHANNELS_LAST, 2): (_enter_last_2d, _leave_last_2d),
    (CHANNELS_LAST, 3): (_enter_last_3d, _leave_last_3d),
    ("channels_first", 1): (_enter_first_1d, _leave_first_1d),
    ("channels_first", 2): (_as_it_is, _as_it_is),
    ("channels_first", 3): (_as_it_is, _as_it_is),
}


def torch_views(layout: str, rank: int) -> tuple[View, View]:
    """Two functions: from `layout` with `rank` spatial axes to what PyTorch's kernels take, and back. No copies."""
    return _VIEWS[layout, rank]


def views_to_second_axis(rank: int, index: int) -> tuple[View, View] | None:
    """The views that bring axis `index` of a tensor to axis 1 and back, where its kernels take them as they lie."""
    return torch_views(CHANNELS_LAST, rank - 2) if index == rank - 1 and 3 <= rank <= 5 else None


def lifted(values: Sequence[int], filler: int) -> tuple[int, ...]:
    """Per-axis arguments for the kernel that `torch_views` leads to: a 1D signal has a further axis of size 1."""
    return (filler, *values) if len(values) == 1 else tuple(values)
