"""RandomHue, RandomSaturation: colours turned around their circle, or paler and stronger."""

from __future__ import annotations

from typing import Any

import torch

from lamina.config import epsilon
from lamina.ops.image import hsv_to_rgb, rgb_to_hsv

from . import factors
from .base import Parameters, per_picture
from .colour import RandomInRange
from .pieces import as_it_was, in_planes


class RandomHue(RandomInRange):
    """Turns the colours of each picture around their circle, by an angle of its own.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype, cut off at the ends of `value_range`. In inference it does nothing. In a dict
    "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper) of the angle in half turns, from 0 to 1, in either direction; f is (0, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not three channels.

    >>> RandomHue((1.0, 1.0), value_range=(0, 1))(torch.tensor([[[0.0, 1.0, 0.0]]])).round()
    tensor([[[1., 0., 1.]]])
    """

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
        self.factor = factors.factor_range(self, "factor", factor, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        sign = torch.where(self.uniform(x, (0, 1)) > 0.5, -0.5, 0.5)
        return {"factor": self.uniform(x, self.factor) * sign}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        planes = self.to_range(in_planes(x, self._channels == -1), 1)
        colours = rgb_to_hsv(planes, "channels_first")
        angle = torch.as_tensor(parameters["factor"], device=x.device).to(x.dtype).reshape(-1, 1, 1)
        colours = torch.cat((colours[:, :1] + angle.unsqueeze(1), colours[:, 1:]), 1)
        turned = self.from_range(hsv_to_rgb(colours, "channels_first").clamp_(0, 1), 1)
        return as_it_was(turned, self._channels == -1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomSaturation(RandomInRange):
    """Multiplies the saturation of each picture's colours by f / (1 - f), with an f of its own.

    Input (B, H, W, 3) or (H, W, 3), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. The saturation is cut off at the ends of `value_range`, as Keras does it. In
    inference it does nothing. In a dict "labels", "bounding_boxes" and "segmentation_masks" stay.

    Args:
        factor: (lower, upper) of f, from -1 to 1: 0 is grey, 0.5 as it was, towards 1 ever stronger; f is (-f, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes, or not three channels.

    >>> RandomSaturation((0.0, 0.0), value_range=(0, 1))(torch.tensor([[[0.2, 0.8, 0.4]]]))
    tensor([[[0.8000, 0.8000, 0.8000]]])
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
        factor = self.uniform(x, self.factor)
        return {"factor": factor / (1 - factor + epsilon())}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        factor = per_picture(torch.as_tensor(parameters["factor"], device=x.device).to(x.dtype)).clamp(min=0)
        planes = in_planes(x, self._channels == -1)
        return as_it_was(self._saturated(planes, planes.amax(1, keepdim=True), factor), self._channels == -1)

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        factor = max(0.0, float(self.draw(x.unsqueeze(0))["factor"]))
        planes = in_planes(x.unsqueeze(0), self._channels == -1)
        value = planes.amax(1, keepdim=True)
        # Of pictures without negative values, S' below the end of the range is never cut off.
        if self.value_range[0] == 0 and factor <= self.value_range[1] and float(x.amin()) >= 0:
            return as_it_was(torch.lerp(value, planes, factor), self._channels == -1).squeeze(0)
        return as_it_was(self._saturated(planes, value, factor), self._channels == -1).squeeze(0)

    def _saturated(self, planes: torch.Tensor, value: torch.Tensor, factor: Any) -> torch.Tensor:
        """(B, 3, H, W) whose value, the largest channel, is known, with another saturation.

        With S = (V - m) / V a channel c of the colour is V - S k for some k, so that another saturation makes it
        V + (c - V) S' / S: no hue is needed.
        """
        least, tiny = planes.amin(1, keepdim=True), torch.finfo(planes.dtype).tiny
        if self.value_range[0] == 0:
            # S' / S is the factor, or less where S' is cut off; where S is 0 all channels are V, whatever it is.
            ratio = (value / (value - least).clamp_(min=tiny)).mul_(self.value_range[1])
            return torch.lerp(value, planes, ratio.clamp_(max=factor))
        before = (value - least) / value.clamp(min=tiny) * (value > 0).to(planes.dtype)
        ratio = self.clipped(before * factor) / before.clamp(min=tiny) * (before > 0).to(planes.dtype)
        return torch.lerp(value, planes, ratio)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}
