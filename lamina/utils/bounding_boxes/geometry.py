"""Boxes that follow what is done to their picture: clipped, cropped, padded, rotated."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.ops.box_formats import checked
from lamina.ops.operands import common, floating, tensor


def clip_to_image_size(
    bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Boxes cut off at the borders of the picture; the label of one of which nothing is left becomes -1.

    Args:
        bounding_boxes: a dict of "boxes" (..., N, 4) and, perhaps, "labels" (..., N).
        height, width: of the picture; "rel_xyxy" needs them not.
        bounding_box_format: "xyxy" or "rel_xyxy".

    Returns:
        A new dict.

    Raises:
        ArgumentError: another format, or no size.

    >>> clip_to_image_size({"boxes": [[-10.0, 5.0, 50.0, 20.0]], "labels": [3]}, height=10, width=30)
    {'boxes': tensor([[ 0.,  5., 30., 10.]]), 'labels': tensor([3], dtype=torch.int32)}
    """
    if checked(bounding_box_format, ("xyxy", "rel_xyxy")) == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ArgumentError("The size of the picture is needed.", hint="height=..., width=...")
    boxes = _clipped(tensor(bounding_boxes["boxes"]), height, width)
    result = {**bounding_boxes, "boxes": boxes}
    if bounding_boxes.get("labels") is not None:
        left, top, right, bottom = torch.unbind(boxes, -1)
        labels = tensor(bounding_boxes["labels"])
        result["labels"] = torch.where((right - left) * (bottom - top) > 0, labels, torch.full_like(labels, -1))
    return result


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes in the part of a picture that begins at (`top`, `left`) and is so large, cut off at its borders.

    Args:
        boxes: (..., 4).
        bounding_box_format: "xyxy".

    >>> crop([[10.0, 20.0, 50.0, 60.0]], top=10, left=20, height=40, width=30)
    tensor([[ 0., 10., 30., 40.]])
    """
    return _clipped(pad(boxes, -top, -left, bounding_box_format=bounding_box_format), height, width)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes in a picture that got so many rows at the top and columns at the left.

    Args:
        boxes: (..., 4).
        height, width: as in Keras, without effect.
        bounding_box_format: "xyxy".

    >>> pad([[10.0, 20.0, 50.0, 60.0]], top=1, left=2)
    tensor([[12., 21., 52., 61.]])
    """
    checked(bounding_box_format, ("xyxy",))
    x, y, right, bottom = torch.unbind(tensor(boxes), -1)
    return torch.stack((x + left, y + top, right + left, bottom + top), -1)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: int,
    width: int,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The boxes around the boxes of a picture that was rotated, sheared, scaled and moved.

    A corner p becomes ``scale * A (p - c + t) + c``: A rotates and shears, c is the centre, t the translation.

    Args:
        boxes: (B, N, 4).
        angle, shear_x, shear_y: (B,), in degrees.
        translate_x, translate_y: (B,), fractions of ``width - 1`` and ``height - 1``.
        scale: (B,).
        height, width: of the picture.
        center_x, center_y: fractions of the same; the middle by default.
        bounding_box_format: "xyxy".

    >>> one = torch.ones(1)
    >>> box = torch.tensor([[[0.0, 0.0, 10.0, 4.0]]])
    >>> affine_transform(box, 90 * one, 0 * one, 0 * one, one, 0 * one, 0 * one, 11, 11).round()
    tensor([[[ 0.,  0.,  4., 10.]]])
    """
    checked(bounding_box_format, ("xyxy",))
    angle = floating(angle)
    boxes, *numbers = common(tensor(boxes, angle.dtype), angle, translate_x, translate_y, scale, shear_x, shear_y)
    angle, translate_x, translate_y, scale, shear_x, shear_y = (number.reshape(-1, 1, 1) for number in numbers)
    turn, along_x, along_y = (-math.pi / 180 * degrees for degrees in (angle, shear_x, shear_y))
    a = torch.cos(turn - along_y) / torch.cos(along_y)
    b = a * torch.tan(along_x) + torch.sin(turn)
    c = -torch.sin(turn - along_y) / torch.cos(along_y)
    d = torch.cos(turn) - c * torch.tan(along_x)
    middle_x = (0.5 if center_x is None else center_x) * (width - 1)
    middle_y = (0.5 if center_y is None else center_y) * (height - 1)
    left, top, right, bottom = torch.unbind(boxes, -1)
    x = torch.stack((left, right, right, left), -1) - middle_x + translate_x * (width - 1)
    y = torch.stack((top, top, bottom, bottom), -1) - middle_y + translate_y * (height - 1)
    x, y = scale * (d * x - b * y) + middle_x, scale * (a * y - c * x) + middle_y
    return torch.stack((x.amin(-1), y.amin(-1), x.amax(-1), y.amax(-1)), -1)


def _clipped(boxes: Any, height: Any, width: Any) -> Any:
    x, y, right, bottom = torch.unbind(boxes, -1)
    x, right = torch.clamp(x, 0, width), torch.clamp(right, 0, width)
    y, bottom = torch.clamp(y, 0, height), torch.clamp(bottom, 0, height)
    return torch.stack((x, y, right, bottom), -1)
