"""Boxes beside pictures: checked, moved as corners in pixels, cut off, and given back in the format that they had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError, ShapeError, StructureError
from lamina.ops.box_formats import convert_format
from lamina.probing import probing

Size = tuple[int, int]


def moved_boxes(
    layer: Any, given: Any, move: Callable[[torch.Tensor], torch.Tensor], before: Size, after: Size
) -> dict[str, Any]:
    """A new dict with the boxes that `move` makes of (B, N, 4), corners in pixels (left, top, right, bottom).

    Args:
        layer: whose `bounding_box_format` the boxes have.
        given: a dict of "boxes" (B, N, 4) and "labels" (B, N) or (B, N, K); without the B for one picture.
        before, after: (height, width) of the pictures.

    Boxes are cut off at the border of the picture; the label of one of which nothing is left becomes -1.
    """
    form, boxes = layer.bounding_box_format, given["boxes"]
    single = boxes.ndim == 2
    dtype = torch.promote_types(boxes.dtype, torch.float32) if boxes.is_floating_point() else torch.float32
    corners = convert_format(boxes, form, "xyxy", *before, dtype=dtype)
    corners = move(corners.unsqueeze(0) if single else corners)
    height, width = after
    left, top, right, bottom = corners.unbind(-1)
    left, right = left.clamp(0, width), right.clamp(0, width)
    top, bottom = top.clamp(0, height), bottom.clamp(0, height)
    corners = torch.stack((left, top, right, bottom), -1)
    left_over = (right > left) & (bottom > top)
    if single:
        corners, left_over = corners.squeeze(0), left_over.squeeze(0)
    fills_up = ((boxes == 0) | (boxes == -1)).all(-1, keepdim=True)
    corners = torch.where(fills_up, 0.0, corners)
    labels = given["labels"]
    shown = (
        left_over.unsqueeze(-1) if labels.ndim == boxes.ndim and labels.shape[:-1] == boxes.shape[:-1] else left_over
    )
    boxes = convert_format(corners, "xyxy", form, *after, dtype=dtype)
    return {**given, "boxes": boxes, "labels": torch.where(shown, labels, torch.full_like(labels, -1))}


def dense_boxes(layer: Any, given: Any) -> dict[str, Any]:
    """The boxes of a dict as tensors; lists of different lengths, one for each picture, are filled up.

    Raises:
        StructureError: no dict of "boxes" and "labels", or not as many labels as boxes. ShapeError: not four numbers.
        ArgumentError: the layer was not told the format.
    """
    if not isinstance(given, Mapping) or not {"boxes", "labels"} <= set(given):
        raise StructureError(
            f"{layer.label} cannot take these bounding_boxes.",
            got=f"a dict of {', '.join(map(repr, given))}" if isinstance(given, Mapping) else type(given).__name__,
            expected="a dict of 'boxes' (B, N, 4) and 'labels' (B, N)",
        )
    boxes, labels = given["boxes"], given["labels"]
    if isinstance(boxes, (list, tuple)):
        boxes, labels = _filled_up(layer, boxes, labels)
    boxes, labels = (value if hasattr(value, "shape") else as_tensor(value) for value in (boxes, labels))
    if boxes.ndim not in (2, 3) or boxes.shape[-1] != 4:
        raise ShapeError(
            f"{layer.label} cannot take these boxes.",
            got=str(tuple(boxes.shape)),
            expected="(N, 4) beside one picture, (B, N, 4) beside several",
        )
    return {**given, "boxes": boxes, "labels": labels}


def check_format(layer: Any) -> None:
    if layer.bounding_box_format is None:
        raise ArgumentError(
            f"{layer.label} was called on bounding_boxes and does not know their format.",
            expected="bounding_box_format when it is made",
            hint=f'{type(layer).__name__}(..., bounding_box_format="xyxy")',
        )


def check_boxes(layer: Any, boxes: torch.Tensor, size: Size) -> None:
    """Raise ArgumentError for boxes that cannot be of the format that the layer was told.

    Reads values, so it is asked once, of the first boxes; boxes of zeros or of -1 fill up and are none.
    """
    if probing() or boxes.is_meta or torch.compiler.is_compiling() or not boxes.numel():
        return
    there = boxes[((boxes != 0) & (boxes != -1)).any(-1)].double()
    if not len(there):
        return
    form = layer.bounding_box_format
    if form.startswith("rel_"):
        if bool(there.max() > 2):
            _refuse(layer, there, "fractions of the picture's size", form.removeprefix("rel_"))
        return
    if bool(there.max() <= 1) and min(size) > 1:
        _refuse(layer, there, "pixels", f"rel_{form}" if form != "center_yxhw" else "rel_center_xywh")
    if form in ("xyxy", "yxyx") and bool((there[:, 2:] < there[:, :2]).any()):
        _refuse(layer, there[(there[:, 2:] < there[:, :2]).any(-1)], "an end behind the beginning", "xywh")


def _refuse(layer: Any, there: torch.Tensor, expected: str, other: str) -> None:
    raise ArgumentError(
        f"{layer.label}: these boxes are not of the format {layer.bounding_box_format!r}.",
        got=str([round(n, 3) for n in there[0].tolist()]),
        expected=expected,
        hint=f"bounding_box_format={other!r}, or utils.bounding_boxes.convert_format(...)",
    )


def _filled_up(layer: Any, boxes: Any, labels: Any) -> tuple[Any, Any]:
    """Lists of boxes, perhaps of different lengths, as tensors: boxes of 0 and labels of -1 fill up."""
    rows = [as_tensor(row) for row in boxes]
    if len(boxes) != len(labels):
        raise StructureError(
            f"{layer.label} got lists of boxes and of labels.",
            got=f"{len(boxes)} and {len(labels)}",
            expected="as many",
        )
    if not rows or (rows[0].ndim < 2 and rows[0].numel()):
        return torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4), torch.as_tensor(labels)
    names = [as_tensor(row) for row in labels]
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        if row.numel() // 4 != len(name):
            raise StructureError(
                f"{layer.label} got boxes without labels.",
                got=f"{row.numel() // 4} boxes, {len(name)} labels at picture {number}",
                expected="a label for each box",
            )
    longest = max(map(len, names))
    dense = torch.zeros(len(rows), longest, 4)
    kinds = torch.full((len(rows), longest), -1, dtype=torch.int64)
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        dense[number, : len(name)] = row.reshape(-1, 4)
        kinds[number, : len(name)] = name
    return dense, kinds
