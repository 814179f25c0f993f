"""RandomBrightness: pictures made lighter or darker."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters, per_picture
from .colour import RandomInRange


class RandomBrightness(RandomInRange):
    """Adds to all values of each picture a number of its own, a part of `value_range`.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper), from -1 to 1, of what is added; 1 is the whole range, which makes a picture white; f is
            (-f, f).
        value_range: the least and the largest value.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomBrightness((0.5, 0.5), value_range=(0, 1))(torch.tensor([[[0.25], [0.75]]])).flatten()
    tensor([0.7500, 1.0000])
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, -1, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        span = self.value_range[1] - self.value_range[0]
        return {"rgb_delta": per_picture(self.uniform(x, (self.factor[0] * span, self.factor[1] * span)))}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        brighter: torch.Tensor = x + parameters["rgb_delta"].to(x.dtype)
        return brighter.clamp_(*self.value_range)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
