"""What the four numbers of a box say, and how to say it otherwise."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError
from lamina.graph.dtypes import to_torch
from lamina.ops.operands import tensor

_BASES = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
FORMATS = (*_BASES, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """The same boxes in another format.

    "xyxy" is left, top, right, bottom; "yxyx" top, left, bottom, right; "xywh" left, top, width, height;
    "center_xywh" and "center_yxhw" have the centre in the place of the corner. With "rel_" before them, numbers are
    fractions of the picture's width and height, else pixels.

    Args:
        boxes: (..., 4), or a dict with these as "boxes", which gives a new dict.
        source, target: formats.
        height, width: of the picture, where one format is relative and the other is not.
        dtype: to compute in.

    Raises:
        ArgumentError: no such format; the picture's size is needed. ShapeError: not four numbers.

    >>> convert_format([[10, 20, 30, 40]], "xyxy", "center_xywh")
    tensor([[20., 30., 20., 20.]])
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = checked(source), checked(target)
    boxes = tensor(boxes, to_torch(dtype))
    if not boxes.ndim or boxes.shape[-1] != 4:
        raise ShapeError("A box is four numbers.", got=str(tuple(boxes.shape)), expected="(..., 4)")
    if source == target:
        return boxes
    corners = _corners(boxes, source.removeprefix("rel_"))
    if source.startswith("rel_") != target.startswith("rel_"):
        if height is None or width is None:
            raise ArgumentError(
                f"From {source!r} to {target!r} the size of the picture is needed.", hint="height=..., width=..."
            )
        x, y, right, bottom = corners
        if source.startswith("rel_"):
            corners = x * width, y * height, right * width, bottom * height
        else:
            corners = x / width, y / height, right / width, bottom / height
    return torch.stack(_said(corners, target.removeprefix("rel_")), -1)


def checked(name: Any, allowed: tuple[str, ...] = FORMATS) -> str:
    """A format in small letters.

    Raises:
        ArgumentError: there is no such format, or it has no meaning here.
    """
    if str(name).lower() not in allowed:
        raise ArgumentError(f"The format {name!r} is not one for boxes here.", expected=", ".join(allowed))
    return str(name).lower()


def _corners(boxes: Any, base: str) -> tuple[Any, Any, Any, Any]:
    """Left, top, right, bottom."""
    first, second, third, fourth = torch.unbind(boxes, -1)
    if base in ("yxyx", "center_yxhw"):
        first, second, third, fourth = second, first, fourth, third
    if base == "xywh":
        return first, second, first + third, second + fourth
    if base.startswith("center_"):
        return first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2
    return first, second, third, fourth


def _said(corners: tuple[Any, Any, Any, Any], base: str) -> tuple[Any, Any, Any, Any]:
    """The reverse of `_corners`."""
    left, top, right, bottom = corners
    if base == "xywh":
        return left, top, right - left, bottom - top
    if base == "yxyx":
        return top, left, bottom, right
    if base == "xyxy":
        return corners
    width, height = right - left, bottom - top
    x, y = left + width / 2, top + height / 2
    return (x, y, width, height) if base == "center_xywh" else (y, x, height, width)
