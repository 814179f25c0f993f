"""MaxNumBoundingBoxes: as many boxes beside each picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import StructureError
from lamina.layers.arguments import axis, whole

from .augmentation.base import Parameters, PictureLayer
from .augmentation.boxes import Size


class MaxNumBoundingBoxes(PictureLayer):
    """Leaves each picture of a dict its first boxes, and fills up where there are fewer.

    Input a dict with "images" and "bounding_boxes", whose "boxes" are (B, N, 4) and "labels" (B, N); output the same
    dict with `max_number` in place of N. Pictures, masks and labels stay as they are. Inference does the same.

    Args:
        max_number: how many.
        fill_value: for boxes and labels that are not there.

    Raises:
        ArgumentError: an argument cannot be.
        StructureError: pictures without boxes, or other things in their dict than "boxes" and "labels".

    >>> boxes = {"boxes": torch.ones(2, 3, 4), "labels": torch.ones(2, 3)}
    >>> found = MaxNumBoundingBoxes(2)({"images": torch.zeros(2, 8, 8, 3), "bounding_boxes": boxes})
    >>> found["bounding_boxes"]["boxes"].shape
    torch.Size([2, 2, 4])
    """

    keeps_integers = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = whole(self, "max_number", max_number)
        self.fill_value = axis(self, "fill_value", fill_value)

    def at_rest(self, x: torch.Tensor) -> Parameters:
        return {}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return x

    def _changed_boxes(self, given: Any, parameters: Parameters, size: Size) -> Any:
        boxes, labels = given["boxes"], given["labels"]
        return {"boxes": self._cut(boxes, boxes.ndim - 2), "labels": self._cut(labels, boxes.ndim - 2)}

    def _cut(self, x: torch.Tensor, place: int) -> torch.Tensor:
        x = x.narrow(place, 0, min(self.max_number, x.shape[place]))
        missing = self.max_number - x.shape[place]
        return F.pad(x, [0, 0] * (x.ndim - 1 - place) + [0, missing], value=self.fill_value)

    def _checked(self, data: Mapping[str, Any]) -> dict[str, Any]:
        boxes = data.get("bounding_boxes", {})
        if isinstance(boxes, Mapping) and (strange := [key for key in boxes if key not in ("boxes", "labels")]):
            raise StructureError(
                f"{self.label} cannot take these bounding_boxes.",
                got=f"{', '.join(map(repr, strange))} beside them",
                expected="'boxes' and 'labels'",
            )
        return super()._checked(data)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not (isinstance(input_shape, Mapping) and "bounding_boxes" in input_shape):
            return super().compute_output_shape(input_shape)
        boxes, labels = (list(input_shape["bounding_boxes"][name]) for name in ("boxes", "labels"))
        boxes[-2] = labels[len(boxes) - 2] = self.max_number
        return {**input_shape, "bounding_boxes": {"boxes": tuple(boxes), "labels": tuple(labels)}}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_number": self.max_number, "fill_value": self.fill_value}
