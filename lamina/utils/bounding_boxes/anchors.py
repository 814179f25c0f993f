"""Boxes told by how far they are from anchors: what a detector learns, and back."""

from __future__ import annotations

from typing import Any

import torch

from lamina.config import epsilon
from lamina.graph import ArgumentError
from lamina.ops.box_formats import checked, convert_format
from lamina.ops.operands import tensor

_ENCODED = ("center_xywh", "center_yxhw")


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Deltas of boxes from anchors: ((centre - anchor's centre) / anchor's size, log(size / anchor's size)) / variance.

    Args:
        anchors: (N, 4).
        boxes: (N, 4) or (B, N, 4).
        anchor_format, box_format: see `convert_format`.
        encoding_format: "center_yxhw" or "center_xywh": the order in the deltas.
        variance: four numbers, 1 by default.
        image_shape: (height, width, channels); relative formats need it.

    Returns:
        Of the shape of `boxes`.

    Raises:
        ArgumentError: an argument cannot be.

    >>> encode_box_to_deltas([[0, 0, 2, 2]], [[1, 0, 3, 2]], "xyxy", "xyxy")
    tensor([[0.0000, 0.5000, 0.0000, 0.0000]])
    """
    encoding_format, scales = checked(encoding_format, _ENCODED), _variance(variance)
    sizes = (None, None) if image_shape is None else image_shape[:2]
    anchor = convert_format(anchors, anchor_format, encoding_format, *sizes)
    box = convert_format(boxes, box_format, encoding_format, *sizes)
    extent = torch.clamp(anchor[..., 2:], min=epsilon())
    moved = (box[..., :2] - anchor[..., :2]) / extent
    grown = torch.log(torch.clamp(box[..., 2:], min=epsilon()) / extent)
    deltas = torch.cat((moved, grown), -1)
    return deltas if scales is None else deltas / scales.to(deltas.device)


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """The reverse of `encode_box_to_deltas`.

    Args:
        anchors: (N, 4), or a dict of these, level by level.
        boxes_delta: (N, 4) or (B, N, 4), or a dict of these with the same keys, which gives a dict.
        anchor_format, variance, image_shape: as in `encode_box_to_deltas`.
        box_format: of the result.
        encoded_format: "center_yxhw" or "center_xywh": the order in the deltas.

    Raises:
        ArgumentError: an argument cannot be.

    >>> decode_deltas_to_boxes([[0, 0, 2, 2]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy")
    tensor([[1., 0., 3., 2.]])
    """
    encoded_format, scales = checked(encoded_format, _ENCODED), _variance(variance)
    sizes = (None, None) if image_shape is None else image_shape[:2]

    def decoded(level: Any, deltas: Any) -> Any:
        anchor = convert_format(level, anchor_format, encoded_format, *sizes)
        deltas = tensor(deltas)
        deltas = deltas if scales is None else deltas * scales.to(deltas.device)
        extent = anchor[..., 2:]
        box = torch.cat((deltas[..., :2] * extent + anchor[..., :2], torch.exp(deltas[..., 2:]) * extent), -1)
        return convert_format(box, encoded_format, box_format, *sizes)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {name: decoded(level, boxes_delta[name]) for name, level in anchors.items()}
    return decoded(anchors, boxes_delta)


def _variance(variance: Any) -> torch.Tensor | None:
    if variance is None:
        return None
    scales: torch.Tensor = tensor(variance, torch.float32)
    if not scales.ndim or scales.shape[-1] != 4:
        raise ArgumentError(f"variance cannot be {variance!r}.", expected="four numbers")
    return scales
