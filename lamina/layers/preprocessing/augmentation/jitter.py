"""RandomColorJitter: brightness, contrast, saturation and hue, one after the other."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters
from .brightness import RandomBrightness
from .colour import RandomInRange
from .contrast import RandomContrast
from .hues import RandomHue, RandomSaturation


class RandomColorJitter(RandomInRange):
    """`RandomBrightness`, `RandomContrast`, `RandomSaturation` and `RandomHue`, those whose factor is given.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        value_range: the least and the largest value.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: as these layers' `factor`; None leaves one
            out.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or colours of other than three channels.

    >>> RandomColorJitter((0, 1), brightness_factor=0.2, hue_factor=0.1)(torch.zeros(2, 8, 8, 3)).shape
    torch.Size([2, 8, 8, 3])
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, data_format=data_format, **kwargs)
        self.brightness_factor = factors.as_given(brightness_factor)
        self.contrast_factor = factors.as_given(contrast_factor)
        self.saturation_factor = factors.as_given(saturation_factor)
        self.hue_factor = factors.as_given(hue_factor)
        given: tuple[tuple[type[RandomInRange], Any], ...] = (
            (RandomBrightness, brightness_factor),
            (RandomContrast, contrast_factor),
            (RandomSaturation, saturation_factor),
            (RandomHue, hue_factor),
        )
        self._steps = [self._step(kind, factor) for kind, factor in given if factor is not None]
        if saturation_factor is not None or hue_factor is not None:
            self.colours = (3,)

    def _step(self, kind: Any, factor: Any) -> RandomInRange:
        step: RandomInRange = kind(
            factor, value_range=self.value_range, data_format=self.data_format, dtype=self.dtype_policy
        )
        step.random = self.random
        return step

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"steps": [step.draw(x) for step in self._steps]}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        for step, drawn in zip(self._steps, parameters["steps"], strict=True):
            x = step.on_images(x, drawn)
        return x

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "brightness_factor": self.brightness_factor,
            "contrast_factor": self.contrast_factor,
            "saturation_factor": self.saturation_factor,
            "hue_factor": self.hue_factor,
        }
