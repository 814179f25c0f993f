"""The part in the middle of pictures that has an aspect ratio, and boxes in a part that is resized."""

from __future__ import annotations

import torch

from lamina.ops.operands import larger, smaller

from .boxes import Size

Part = tuple[int, int, int, int]


def middle_part(size: Size, wanted: Size) -> Part:
    """(top, left, height, width) of the largest part in the middle that has the aspect ratio of `wanted`."""
    (height, width), (tall, wide) = size, wanted
    rows = larger(smaller(height, width * tall // wide), 1)
    columns = larger(smaller(width, height * wide // tall), 1)
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def boxes_in_part(boxes: torch.Tensor, part: Part, after: Size) -> torch.Tensor:
    """Corners in pixels (..., 4) of a picture, in a part of it that was resized to `after`."""
    top, left, rows, columns = part
    down, across = after[0] / rows, after[1] / columns
    x0, y0, x1, y1 = boxes.unbind(-1)
    moved = (x0 - left) * across, (y0 - top) * down, (x1 - left) * across, (y1 - top) * down
    return torch.stack(moved, -1)
