"""Boxes and the names of their classes, drawn on pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ArgumentTypeError, ShapeError
from lamina.graph.source import warn
from lamina.ops import convert_to_numpy
from lamina.tracebacks import door
from lamina.utils.bounding_boxes import convert_format
from lamina.utils.images import checked_format

from .pictures import batch_of, in_bytes, numbers_of
from .strokes import outline
from .words import Writer

_NO_BOX = -1  # the label of a place that holds no box
_FAR = 2**30  # pixels; what lies farther away is as far as this


@door
def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Any,
    bounding_box_format: str,
    class_mapping: Any = None,
    color: Any = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Pictures with boxes drawn on them.

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; C is 1, 3 or 4. Fractions of which
            none is above 1 are taken to go from 0 to 1, other numbers from 0 to 255.
        bounding_boxes: a dict of "boxes", (B, N, 4), "labels", (B, N), and if wanted "confidences", (B, N). Where a
            label is -1 there is no box.
        bounding_box_format: what the four numbers say; see `utils.bounding_boxes.convert_format`.
        class_mapping: label -> name, which is written beside the box; of classes without one a warning tells. It needs
            Pillow.
        color: red, green, blue from 0 to 255. Grey pictures take the first number; transparency stays full.
        line_thickness: of the box in pixels; below 0 the box is filled.
        text_thickness: of the strokes of letters; None takes that of the lines.
        font_scale: at 1, capital letters are some 21 pixels high.
        data_format: `lamina.config.image_data_format()` by default.

    Returns:
        uint8, in the shape of `images`.

    Raises:
        ShapeError: pictures, boxes or labels of another shape. ArgumentError: `bounding_boxes` lacks a key; no such
        format; a box of NaN; a class number that is none. ImportError: names are to be written and Pillow is not
        installed.

    >>> boxes = {"boxes": [[[1, 1, 3, 4]]], "labels": [[0]]}
    >>> draw_bounding_boxes(np.zeros((1, 6, 5, 1)), boxes, "xyxy", color=(9, 9, 9), line_thickness=1)[0, :, :, 0]
    array([[0, 0, 0, 0, 0],
           [0, 9, 9, 9, 0],
           [0, 9, 0, 9, 0],
           [0, 9, 0, 9, 0],
           [0, 9, 9, 9, 0],
           [0, 0, 0, 0, 0]], dtype=uint8)
    """
    pictures = in_bytes(batch_of(images, data_format, "draw_bounding_boxes"))
    names = _checked_names(class_mapping)
    thickness = _checked_thickness(line_thickness, "line_thickness")
    letters = thickness if text_thickness is None or text_thickness == 0 else text_thickness
    writer = Writer(_checked_scale(font_scale), abs(_checked_thickness(letters, "text_thickness"))) if names else None
    paint = _paint(color, pictures.shape[-1])
    boxes, labels, confidences = _told(bounding_boxes, bounding_box_format, pictures)
    for number, box in zip(*np.nonzero(labels != _NO_BOX), strict=True):
        left, top, right, bottom = (int(edge) for edge in np.clip(boxes[number, box], -_FAR, _FAR))
        outline(pictures[number], (left, top, right, bottom), paint, thickness)
        name = names.get(int(labels[number, box]))
        if writer is not None and name is not None:
            text = name if confidences is None else f"{name} | {confidences[number, box]:.2f}"
            writer.write(pictures[number], text, *_place(left, top, font_scale, letters), paint)
    _tell_unnamed(labels, names)
    return pictures.transpose(0, 3, 1, 2) if checked_format(data_format) == "channels_first" else pictures


def _told(told: Any, form: str, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Corners (B, N, 4) in pixels, labels (B, N), confidences (B, N) or None."""
    if not isinstance(told, Mapping):
        expected = 'a dict with "boxes" and "labels"'
        raise ArgumentTypeError("bounding_boxes cannot be this.", got=type(told).__name__, expected=expected)
    lacking = [key for key in ("boxes", "labels") if key not in told]
    if lacking:
        raise ArgumentError(f"bounding_boxes has no {lacking[0]!r}.", got=", ".join(map(repr, told)) or "no keys")
    height, width = pictures.shape[1:3]
    boxes = _even(told["boxes"], 0.0, (4,))
    boxes = convert_to_numpy(convert_format(boxes, form, "xyxy", height, width))
    labels = _even(told["labels"], _NO_BOX)
    if labels.ndim == 3 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    confidences = None if told.get("confidences") is None else _even(told["confidences"], 0.0)
    if boxes.ndim != 3 or len(boxes) != len(pictures):
        raise ShapeError(
            "bounding_boxes do not fit the pictures.",
            got=f'"boxes" of {boxes.shape}',
            expected=f"({len(pictures)}, N, 4)",
        )
    for key, values in (("labels", labels), ("confidences", confidences)):
        if values is not None and values.shape != boxes.shape[:2]:
            raise ShapeError(
                f"The {key} do not fit the boxes.", got=f'"{key}" of {values.shape}', expected=str(boxes.shape[:2])
            )
    _refuse_no_boxes(boxes, labels, form)
    return boxes, labels, confidences


def _even(values: Any, filling: float, inner: tuple[int, ...] = ()) -> np.ndarray:
    """Data as an array; lists of different lengths, one for each picture, are filled up to the longest.

    Args:
        inner: the shape of one entry, for lists that have none.
    """
    if not isinstance(values, (list, tuple)):
        return convert_to_numpy(values)
    try:
        rows = [convert_to_numpy(row) for row in values]
        if not rows or any(not row.ndim for row in rows):
            return convert_to_numpy(values)
        rows = [row if row.size else row.reshape(0, *inner) for row in rows]
        longest = max(map(len, rows))
        pads = [((0, longest - len(row)), *((0, 0) for _ in row.shape[1:])) for row in rows]
        return np.stack([np.pad(row, pad, constant_values=filling) for row, pad in zip(rows, pads, strict=True)])
    except (TypeError, ValueError) as error:
        raise ShapeError(
            "Boxes and labels are one array, or a list for each picture.", got=str(error), expected="(N, 4), (N,)"
        ) from error


def _refuse_no_boxes(boxes: np.ndarray, labels: np.ndarray, form: str) -> None:
    """Raise of what is no box or no class; tell of what looks like a box in another format."""
    there = labels != _NO_BOX
    no_class = there & ~(np.isfinite(labels) & (labels == np.floor(labels))) if labels.dtype.kind == "f" else None
    if labels.dtype.kind not in "iufb" or (no_class is not None and no_class.any()):
        got = labels.dtype if no_class is None else labels[no_class][0]
        raise ArgumentError("A label is the number of a class, or -1 where there is no box.", got=str(got))
    broken = there & ~np.isfinite(boxes).all(axis=-1)
    if broken.any():
        number, box = np.argwhere(broken)[0]
        raise ArgumentError(
            f"Box {box} of picture {number} is none.",
            got=str(boxes[number, box]),
            expected="four numbers; the label -1 where there is no box",
        )
    turned = there & ((boxes[..., 2] < boxes[..., 0]) | (boxes[..., 3] < boxes[..., 1]))
    if turned.any():
        number, box = np.argwhere(turned)[0]
        warn(
            f"visualization: box {box} of picture {number} ends before it begins, at {boxes[number, box].tolist()} "
            f'(left, top, right, bottom in pixels); are the boxes in another format than "{form}"?'
        )


def _checked_names(class_mapping: Any) -> dict[int, str]:
    if class_mapping is None:
        return {}
    if not isinstance(class_mapping, Mapping):
        raise ArgumentTypeError(
            "class_mapping cannot be this.",
            got=type(class_mapping).__name__,
            expected="a dict of class numbers and names",
            hint="dict(enumerate(names))",
        )
    return {int(key): str(name) for key, name in class_mapping.items()}


def _checked_thickness(thickness: Any, argument: str) -> int:
    if isinstance(thickness, bool) or int(thickness) != thickness or not thickness or thickness > 255:
        raise ArgumentError(f"{argument} cannot be {thickness!r}.", expected="a whole number of pixels from 1 to 255")
    return int(thickness)


def _checked_scale(scale: Any) -> float:
    if not 0 < scale <= 100:
        raise ArgumentError(f"font_scale cannot be {scale!r}.", expected="a number above 0, up to 100")
    return float(scale)


def _paint(color: Any, channels: int) -> np.ndarray:
    """The colour as numbers for the channels of a picture."""
    paint = numbers_of(color)
    if paint.size not in (1, 3, 4) or not np.isfinite(paint).all():
        raise ArgumentError(f"color cannot be {color!r}.", expected="(red, green, blue) from 0 to 255")
    paint = np.broadcast_to(paint, (3,)) if paint.size == 1 else paint
    opaque = paint if paint.size == 4 else np.append(paint, 255)
    whole: np.ndarray = np.clip(opaque[:channels], 0, 255).astype("uint8")
    return whole


def _place(left: int, top: int, scale: float, thickness: int) -> tuple[int, int]:
    """Where the line of text begins: above the box, or where there is no room, within it."""
    height = int(12 * scale)
    if top - 8 - 2 * height > 0:
        return left, top - 8
    return left + 3, top + 2 * height + abs(thickness) + 3


def _tell_unnamed(labels: np.ndarray, names: dict[int, str]) -> None:
    unnamed = sorted({int(label) for label in np.unique(labels)} - {_NO_BOX, *names}) if names else []
    if unnamed:
        shown = ", ".join(map(str, unnamed[:5])) + (", ..." if len(unnamed) > 5 else "")
        warn(f"visualization: class_mapping has no name for {shown}: these boxes are drawn without one.")
