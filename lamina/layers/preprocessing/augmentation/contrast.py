"""RandomContrast: values nearer to their mean, or further away."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters, per_picture
from .chosen import tiled
from .colour import RandomInRange


class RandomContrast(RandomInRange):
    """Each picture's values x become `(x - mean) * c + mean`, the mean of each channel, with a c of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper), from 0 to 1: c is uniform in [1 - lower, 1 + upper]; f is (0, f) and brings c from 1 to
            1 + f.
        value_range: the least and the largest value.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomContrast((0.0, 0.0))(torch.tensor([[[10.0], [30.0]]])).flatten()
    tensor([10., 30.])
    """

    scales_by_range = False

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"contrast_factor": per_picture(self.uniform(x, (1 - self.factor[0], 1 + self.factor[1])))}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        factor = parameters["contrast_factor"].to(x.dtype)
        mean = x.mean(self._axes, keepdim=True)
        shift, rows = tiled(mean * (1 - factor), x, self._channels == -1)
        # mean + factor * (x - mean); `addcmul`, which spreads its operands number by number, takes three times as long.
        factor = factor.reshape(-1, *[1] * (rows.ndim - 1))
        return torch.mul(rows, factor).add_(shift).clamp_(*self.value_range).reshape(x.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
