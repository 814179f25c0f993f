"""RandomGrayscale, RandomColorDegeneration: pictures without colours, or with less or more of them."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import CHANNELS_LAST, fraction
from lamina.layers.geometry import Shape, shape_error
from lamina.ops.image.colour import luma

from . import factors
from .base import Parameters, RandomPictureLayer, per_picture
from .chosen import changed_where
from .colour import RandomInRange
from .pieces import as_it_was, in_planes


class RandomGrayscale(RandomPictureLayer):
    """Takes the colours from each picture with a probability: all three channels become 0.2989 R + 0.587 G + 0.114 B.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        factor: the probability, from 0 to 1.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not one or three channels.

    >>> RandomGrayscale(1.0)(torch.tensor([[[0.0, 1.0, 0.0]]]))
    tensor([[[0.5870, 0.5870, 0.5870]]])
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = fraction(self, "factor", factor)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"should_apply": per_picture(self.uniform(x, (0, 1)) < self.factor)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return changed_where(parameters["should_apply"], x, lambda some, _: self._grey(some))

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        return self._grey(x) if self.number(x) < self.factor else x

    def _grey(self, x: torch.Tensor) -> torch.Tensor:
        return luma(x, self._channels).expand_as(x) if x.shape[self._channels] == 3 else x

    def check_channels(self, input_shape: Shape) -> None:
        channels = input_shape[-1 if self.data_format == CHANNELS_LAST else -3]
        if channels not in (None, 1, 3):
            raise shape_error(self, input_shape, "1 or 3 channels")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomColorDegeneration(RandomInRange):
    """Each picture x becomes `x + f (grey - x)`, with an f of its own: 1 is grey, below 0 are stronger colours.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper) of f, from -1 to 1; f is (-f, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not three channels.

    >>> RandomColorDegeneration((1.0, 1.0), (0, 1))(torch.tensor([[[0.0, 1.0, 0.0]]]))
    tensor([[[0.5870, 0.5870, 0.5870]]])
    """

    scales_by_range = False
    colours = (3,)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, -1, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"factor": per_picture(self.uniform(x, self.factor))}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        planes = in_planes(x, self._channels == -1)
        paler = torch.lerp(planes, luma(planes, 1), parameters["factor"].to(x.dtype))
        return as_it_was(paler.clamp_(*self.value_range), self._channels == -1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
