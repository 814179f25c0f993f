"""RandomRotation: pictures turned around their middle."""

from __future__ import annotations

import math
from typing import Any

import torch

from . import factors
from .base import Parameters
from .boxes import Size
from .warp import Warp, affine


class RandomRotation(Warp):
    """Turns each picture around its middle by an angle of its own, uniform in a range.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is turned together, a box becoming the one around its turned corners; "labels" stay.

    Args:
        factor: (lower, upper) of the angle in full turns, from -1 to 1, counter-clockwise if positive; f is (-f, f).
        fill_mode: what lies beyond the picture: "reflect" (d c b a | a b c d | d c b a), "wrap", "nearest" or
            "constant".
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        seed: own random numbers; None uses PyTorch's global generator.
        fill_value: for "constant".
        data_format: "channels_last" (default) or "channels_first".
        bounding_box_format: of boxes in a dict, such as "xyxy".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomRotation((0.25, 0.25), interpolation="nearest")(torch.arange(4.0).reshape(2, 2, 1)).squeeze()
    tensor([[1., 3.],
            [0., 2.]])
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            fill_mode=fill_mode,
            interpolation=interpolation,
            fill_value=fill_value,
            seed=seed,
            data_format=data_format,
            **kwargs,
        )
        self.factor = factors.factor_range(self, "factor", factor, -1, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"angle": self.uniform(x, (self.factor[0] * 360, self.factor[1] * 360))}

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        angle = parameters["angle"] * (math.pi / 180)
        middle_y, middle_x = (size[0] - 1) / 2, (size[1] - 1) / 2
        cos, sin = angle.cos(), angle.sin()
        a2 = middle_x - middle_x * cos + middle_y * sin
        b2 = middle_y - middle_x * sin - middle_y * cos
        return affine(cos, -sin, a2, sin, cos, b2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
