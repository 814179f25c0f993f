"""Patches: windows cut out of pictures and volumes, each laid out as one row of numbers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ShapeError
from lamina.ops.one_node import one_node_of
from lamina.ops.operands import larger, tensor
from lamina.ops.spatial import each, is_channels_last, is_same


@one_node_of(numbers=("size", "strides", "dilation_rate"))
def extract_patches(
    images: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The windows of a picture: their values, row by row and channels last, take the place of the channels.

    Args:
        images: (H, W, C) or (B, H, W, C); with three sizes volumes, as `extract_patches_3d` takes.
        size: extent of a window: one integer or (height, width); three integers for volumes.
        strides: steps of the window; None takes `size`, so that patches do not overlap.
        dilation_rate: distance of the values in a window.
        padding: "valid" keeps windows inside, "same" makes ceil(n / stride) of them, with zeros beyond the border.
        data_format: "channels_last" (default) or "channels_first".

    Returns:
        (B, H', W', height * width * C), without B if none came.

    Raises:
        ArgumentError: an argument cannot be. ShapeError: the axes do not fit, or no window fits the picture.

    >>> extract_patches(torch.arange(16.0).reshape(4, 4, 1), 2)[0, 1]
    tensor([2., 3., 6., 7.])
    """
    rank = 3 if isinstance(size, (list, tuple)) and len(size) == 3 else 2
    sizes = each("size", size, rank)
    steps = sizes if strides is None else each("strides", strides, rank)
    gaps = each("dilation_rate", dilation_rate, rank)
    last, same = is_channels_last(data_format), is_same(padding)
    x = tensor(images)
    single = x.ndim == rank + 1
    if not single and x.ndim != rank + 2:
        raise ShapeError(
            f"ops.image.extract_patches: the input does not fit the {rank} axes of a window.",
            got=f"shape {tuple(x.shape)}",
            expected=f"{rank + 1} or {rank + 2} axes",
        )
    x = x.unsqueeze(0) if single else x
    x = torch.movedim(x, 1, -1) if not last else x
    for axis, (k, s, d) in enumerate(zip(sizes, steps, gaps, strict=True), start=1):
        x = _windows(x, axis, k, s, d, same)
    x = x.movedim(rank + 1, -1).flatten(rank + 1)  # (B, *windows, C, *size) -> (B, *windows, size * C)
    x = x if last else x.movedim(-1, 1)
    return x.squeeze(0) if single else x


@one_node_of(numbers=("size", "strides", "dilation_rate"))
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The windows of a volume: their values take the place of the channels.

    Args:
        volumes: (D, H, W, C) or (B, D, H, W, C).
        size: extent of a window: one integer or three.
        strides, dilation_rate, padding, data_format: as in `extract_patches`, for three axes.

    Returns:
        (B, D', H', W', depth * height * width * C), without B if none came.

    Raises:
        ArgumentError: an argument cannot be. ShapeError: the axes do not fit, or no window fits the volume.

    >>> extract_patches_3d(torch.ones(1, 4, 4, 6, 2), 2).shape
    torch.Size([1, 2, 2, 3, 16])
    """
    return extract_patches(volumes, each("size", size, 3), strides, dilation_rate, padding, data_format)


def _windows(x: torch.Tensor, axis: int, k: int, s: int, d: int, same: bool) -> torch.Tensor:
    """The windows along one axis: their number in its place, their values as a new last axis. A view but for padding.

    k is a window's number of values, d their distance, s the step from window to window.
    """
    extent, n = (k - 1) * d + 1, x.shape[axis]
    if same:
        total = extent - 1 if s == 1 else larger((-(-n // s) - 1) * s + extent - n, 0)
        behind = x.ndim - 1 - axis
        x = F.pad(x, (*[0, 0] * behind, total // 2, total - total // 2))
    elif extent > n:
        raise ShapeError(
            "ops.image.extract_patches: a window is larger than the input.",
            got=f"{n} positions, a window of {extent}",
            hint="padding='same' or a smaller size",
        )
    return x.unfold(axis, extent, s)[..., ::d]
