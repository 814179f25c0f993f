"""RandomFlip: pictures seen in a mirror."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import choice

from .base import Parameters, RandomPictureLayer
from .boxes import Size
from .chosen import changed_where

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(RandomPictureLayer):
    """Mirrors each picture with probability 1/2, left to right, top to bottom, or both at once.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is mirrored together; "labels" stay.

    Args:
        mode: "horizontal", "vertical" or "horizontal_and_vertical".
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomFlip("horizontal", seed=3)(torch.arange(3.0).reshape(1, 3, 1)).flatten()
    tensor([2., 1., 0.])
    """

    moves_boxes = True
    whole_pictures = True

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = choice(self, "mode", mode, MODES)
        down, across = self._axes
        self._flipped = {"horizontal": [across], "vertical": [down]}.get(self.mode, [down, across])

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"flips": self.uniform(x, (0, 1), 1, 1, 1) <= 0.5}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return changed_where(torch.as_tensor(parameters["flips"]), x, lambda some, _: some.flip(self._flipped))

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        return x.flip(self._flipped) if self.number(x) <= 0.5 else x

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self.on_images(masks, parameters)

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        height, width = size
        left, top, right, bottom = boxes.unbind(-1)
        if self.mode != "vertical":
            left, right = width - right, width - left
        if self.mode != "horizontal":
            top, bottom = height - bottom, height - top
        return torch.where(parameters["flips"].reshape(-1, 1, 1), torch.stack((left, top, right, bottom), -1), boxes)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
