"""Borders of pictures: cut off, or put around."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F

from lamina.graph import ArgumentError
from lamina.ops.one_node import one_node_of
from lamina.ops.operands import tensor

from .frame import as_batch, as_given

_SIDES, _TARGET = ("top", "left", "bottom", "right"), ("target_height", "target_width")
_CROPPING, _PADDING = ((*(f"{side}_{what}" for side in _SIDES), *_TARGET) for what in ("cropping", "padding"))


@one_node_of(numbers=_CROPPING)
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """A part of the pictures. Of top, bottom and target height two are given, of left, right and target width as well.

    Args:
        images: (H, W, C) or (B, H, W, C).
        top_cropping, left_cropping, bottom_cropping, right_cropping: pixels to cut off.
        target_height, target_width: of the result.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: not two of three are given, or they are larger than the picture.

    >>> crop_images(torch.ones(5, 6, 3), top_cropping=1, left_cropping=2, target_height=2, target_width=3).shape
    torch.Size([2, 3, 3])
    """
    images = tensor(images)
    x = as_batch("crop_images", images, data_format)
    sizes = x.shape[2:]
    rows = _ends("height", sizes[0], top_cropping, bottom_cropping, target_height, -1)
    columns = _ends("width", sizes[1], left_cropping, right_cropping, target_width, -1)
    x = x[:, :, rows[0] : sizes[0] - rows[1], columns[0] : sizes[1] - columns[1]]
    return as_given(x, images.ndim, data_format)


@one_node_of(numbers=_PADDING)
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """The pictures in a border of zeros. Of top, bottom and target height two are given, of the width's three as well.

    Args:
        images: (H, W, C) or (B, H, W, C).
        top_padding, left_padding, bottom_padding, right_padding: pixels to add.
        target_height, target_width: of the result.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: not two of three are given, or the picture is larger than the target.

    >>> pad_images(torch.ones(5, 6, 3), top_padding=1, left_padding=2, target_height=8, target_width=9).shape
    torch.Size([8, 9, 3])
    """
    images = tensor(images)
    x = as_batch("pad_images", images, data_format)
    rows = _ends("height", x.shape[2], top_padding, bottom_padding, target_height, 1)
    columns = _ends("width", x.shape[3], left_padding, right_padding, target_width, 1)
    return as_given(F.pad(x, (*columns, *rows)), images.ndim, data_format)


def _ends(
    what: str, size: int, before: int | None, after: int | None, target: int | None, sign: int
) -> tuple[int, int]:
    """How many pixels go off (sign -1) or come on (1) at both ends, from two of the three numbers."""
    if [before, after, target].count(None) != 1:
        raise ArgumentError(
            f"Two of three numbers make the {what}.",
            got=f"before {before}, after {after}, target {target}",
            hint="both ends, or one end and the target",
        )
    total = (before or 0) + (after or 0) if target is None else sign * (target - size)
    ends = (total - (after or 0) if before is None else before, total - (before or 0) if after is None else after)
    if min(ends) < 0 or (sign < 0 and sum(ends) >= size):
        raise ArgumentError(f"The pictures' {what} is {size}.", got=f"before {before}, after {after}, target {target}")
    return ends
