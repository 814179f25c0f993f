"""RandAugment: a few changes for each picture, of one strength."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import whole

from .base import Parameters
from .boxes import Size
from .choices import Change, Chooser, change_boxes, change_images, change_masks


class RandAugment(Chooser):
    """Each picture goes through `num_ops` changes, drawn for it from eleven (Cubuk et al. 2020).

    Shear, translation, rotation, posterization, solarization, autocontrast, equalization, brightness, color
    degeneration, contrast, sharpness: the layers of these names, with `factor` as theirs (posterization: 8 times it).

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is moved together; "labels" stay.

    Args:
        value_range: the least and the largest value.
        num_ops: how many changes.
        factor: (lower, upper) of their strength, from 0 to 1; f is (0, f).
        interpolation: of the changes that move pixels: "bilinear" or "nearest".
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not three channels.

    >>> RandAugment((0, 1))(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    colours = (3,)
    moves_boxes = True

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range=value_range,
            factor=factor,
            interpolation=interpolation,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.num_ops = whole(self, "num_ops", num_ops, minimum=0)
        self._changes = self.make_changes()

    def draw(self, x: torch.Tensor) -> Parameters:
        count = len(self._changes)
        return {"steps": [self.draw_step(x, list(self._changes), self.chosen(x, count)) for _ in range(self.num_ops)]}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._in_turn(x, parameters, change_images)

    def on_masks(self, masks: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return self._in_turn(masks, parameters, change_masks)

    def on_boxes(self, boxes: torch.Tensor, parameters: Parameters, size: Size) -> torch.Tensor:
        return self._in_turn(boxes, parameters, change_boxes(size))

    def _in_turn(self, x: torch.Tensor, parameters: Parameters, change: Change) -> torch.Tensor:
        """One step after the other, in a copy."""
        x = x.clone()
        for step in parameters["steps"]:
            x = self.taken(x, list(self._changes), step, change)
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}
