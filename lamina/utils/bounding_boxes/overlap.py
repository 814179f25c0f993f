"""How much boxes have in common."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.config import epsilon
from lamina.graph import ArgumentError, ShapeError
from lamina.ops.box_formats import checked, convert_format


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Any:
    """Intersection over union of each box of one set with each of the other.

    Args:
        boxes1: (N, 4) or (B, N, 4).
        boxes2: (M, 4) or (B, M, 4).
        bounding_box_format: see `convert_format`.
        use_masking: put `mask_val` where a box is none, that is, all its numbers are below 0.
        mask_val: for that.
        image_shape: (height, width, channels); a relative format needs it.

    Returns:
        (N, M) or (B, N, M), from 0 to 1.

    Raises:
        ShapeError: another rank. ArgumentError: no such format, or no size for a relative one.

    >>> compute_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]], "xyxy")
    tensor([[0.3333, 0.0000]])
    """
    first, second = (_corners(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    for boxes in (first, second):
        if boxes.ndim not in (2, 3):
            got = str(tuple(boxes.shape))
            raise ShapeError("compute_iou takes sets of boxes.", got=got, expected="(N, 4) or (B, N, 4)")
    one, other = first.unsqueeze(-2), second.unsqueeze(-3)
    shared = _shared(one, other)
    iou = shared / (_area(one) + _area(other) - shared + epsilon())
    if not use_masking:
        return iou
    none = (one.amax(-1) < 0) | (other.amax(-1) < 0)
    return torch.where(none, torch.full_like(iou, mask_val), iou)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """Complete IoU of each box with its counterpart: IoU - d^2 / c^2 - alpha v (Zheng et al. 2020).

    d is the distance of the centres, c the diagonal of the box around both, v = 4 / pi^2 (atan(w2 / h2) - atan(w1 /
    h1))^2 and alpha = v / (1 - IoU + v).

    Args:
        boxes1, boxes2: (..., 4) both.
        bounding_box_format: see `convert_format`.
        image_shape: (height, width, channels); a relative format needs it.

    Returns:
        (...), from -1.5 to 1.

    >>> compute_ciou([[0, 0, 2, 2]], [[0, 0, 2, 2]], "xyxy")
    tensor([1.])
    """
    one, other = (_corners(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    (left, top, right, bottom), (x, y, end, low) = (torch.unbind(boxes, -1) for boxes in (one, other))
    shared = _shared(one, other)
    widths, heights = (right - left, end - x), (bottom - top + epsilon(), low - y + epsilon())
    union = widths[0] * heights[0] + widths[1] * heights[1] - shared + epsilon()
    iou = shared / (union + epsilon())
    around = (torch.maximum(right, end) - torch.minimum(left, x)).square()
    around = around + (torch.maximum(bottom, low) - torch.minimum(top, y)).square() + epsilon()
    apart = ((left + right - x - end) / 2).square() + ((top + bottom - y - low) / 2).square()
    v = 4 / math.pi**2 * (torch.atan(widths[1] / heights[1]) - torch.atan(widths[0] / heights[0])).square()
    return iou - apart / around - v * v / (v - iou + 1 + epsilon())


def _corners(boxes: Any, name: str, image_shape: Any) -> Any:
    if checked(name).startswith("rel_") and image_shape is None:
        raise ArgumentError("Boxes of a relative format need the size of the picture.", hint="image_shape=(H, W, C)")
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return convert_format(boxes, name, "xyxy", height, width)


def _area(boxes: Any) -> Any:
    left, top, right, bottom = torch.unbind(boxes, -1)
    return (right - left) * (bottom - top)


def _shared(one: Any, other: Any) -> Any:
    begin = torch.maximum(one[..., :2], other[..., :2])
    end = torch.minimum(one[..., 2:], other[..., 2:])
    return (end - begin).clamp(min=0).prod(-1)
