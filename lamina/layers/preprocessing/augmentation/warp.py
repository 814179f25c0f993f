"""Layers that move pixels along straight lines: each says its map as eight numbers a picture, the rest is the same."""

from __future__ import annotations

from typing import Any

import torch

from lamina.ops.image.quick import warped

from . import factors
from .base import Parameters, RandomPictureLayer
from .boxes import Size


class Warp(RandomPictureLayer):
    """Base of rotation, zoom, translation, shear and perspective.

    `matrix` says for each pixel (x, y) of the result where in the picture it comes from: ((a0 x + a1 y + a2) / k,
    (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1. Boxes go the other way.
    """

    moves_boxes = True
    perspective = False
    """True: c0 and c1 need not be 0."""

    def __init__(
        self, *, fill_mode: str = "reflect", interpolation: str = "bilinear", fill_value: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fill_mode = factors.fill_mode(self, fill_mode)
        self.interpolation = factors.interpolation(self, interpolation)
        self.fill_value = factors.fill_value(self, fill_value)

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        """(B, 8): a0, a1, a2, b0, b1, b2, c0, c1."""
        raise NotImplementedError

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._warped(x, parameters, self.interpolation)

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._warped(masks, parameters, "nearest")

    def _warped(self, x: torch.Tensor, parameters: Parameters, interpolation: str) -> torch.Tensor:
        last = self._channels == -1
        planes = x.permute(0, 3, 1, 2) if last else x
        matrix = self.matrix(parameters, self._size(x))
        moved = warped(planes, matrix, interpolation, self.fill_mode, self.fill_value, self.perspective)
        return moved.permute(0, 2, 3, 1) if last else moved

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        matrix = self.matrix(parameters, size).to(boxes.dtype)
        rows = torch.cat((matrix, torch.ones_like(matrix[:, :1])), 1).reshape(-1, 3, 3)
        return boxes_around(boxes, torch.linalg.inv(rows))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "fill_mode": self.fill_mode,
            "fill_value": self.fill_value,
            "interpolation": self.interpolation,
        }


def boxes_around(boxes: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """The boxes around the corners of boxes (B, N, 4) where a map (B, 3, 3) takes them."""
    left, top, right, bottom = boxes.unbind(-1)
    x = torch.stack((left, right, right, left), -1)
    y = torch.stack((top, top, bottom, bottom), -1)
    points = torch.stack((x, y, torch.ones_like(x)), -1)  # (B, N, 4, 3)
    x, y, k = (points @ maps.unsqueeze(1).mT).unbind(-1)
    x, y = x / k, y / k
    return torch.stack((x.amin(-1), y.amin(-1), x.amax(-1), y.amax(-1)), -1)


def affine(
    a0: torch.Tensor,
    a1: torch.Tensor | None,
    a2: torch.Tensor | None,
    b0: torch.Tensor | None,
    b1: torch.Tensor,
    b2: torch.Tensor | None,
) -> torch.Tensor:
    """(B, 8) of six numbers (B,) each; None is 0."""
    none = torch.zeros_like(a0)
    return torch.stack([none if part is None else part for part in (a0, a1, a2, b0, b1, b2, None, None)], 1)
