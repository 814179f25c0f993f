"""RandomTranslation: pictures moved along both axes."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters
from .boxes import Size
from .warp import Warp, affine


class RandomTranslation(Warp):
    """Moves each picture down and to the right by fractions of its size of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. A dict of "images", "bounding_boxes" and
    "segmentation_masks" is moved together; "labels" stay.

    Args:
        height_factor: (lower, upper), from -1 to 1: how far down, as a part of the height; f is (-f, f).
        width_factor: how far to the right, as a part of the width.
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

    >>> RandomTranslation(0.0, (0.25, 0.25), fill_mode="constant")(torch.arange(4.0).reshape(1, 4, 1)).flatten()
    tensor([0., 0., 1., 2.])
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
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
        self.height_factor, self.width_factor = factors.as_given(height_factor), factors.as_given(width_factor)
        self._height = factors.factor_range(self, "height_factor", self.height_factor, -1, 1)
        self._width = factors.factor_range(self, "width_factor", self.width_factor, -1, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        height, width = self._size(x)
        down = self.uniform(x, self._height, 1) * height
        return {"translations": torch.cat((self.uniform(x, self._width, 1) * width, down), 1)}

    def matrix(self, parameters: Parameters, size: Size) -> torch.Tensor:
        across, down = (-torch.as_tensor(parameters["translations"])).unbind(1)
        one = torch.ones_like(across)
        return affine(one, None, across, None, one, down)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}
