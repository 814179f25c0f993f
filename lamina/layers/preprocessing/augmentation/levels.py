"""RandomInvert, RandomPosterization, Solarization: each value becomes another one, wherever it stands."""

from __future__ import annotations

from typing import Any

import torch

from . import factors
from .base import Parameters, per_picture
from .chosen import blended, changed_where
from .colour import RandomInRange

_BITS = 8


class RandomInvert(RandomInRange):
    """Shows each picture as its negative, with a probability: x becomes `high - x`.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        factor: (lower, upper), from 0 to 1, of the probability; f is (0, f).
        value_range: the least and the largest value; the largest is `high`.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomInvert((1.0, 1.0))(torch.tensor([[[0.0], [200.0]]])).flatten()
    tensor([255.,  55.])
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, data_format=data_format, **kwargs)
        self.factor = factors.probability(self, "factor", factor)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"apply_inversion": self.happens(x, self.factor)}

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        return changed_where(parameters["apply_inversion"], x, lambda some, _: self.value_range[1] - some)

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        return self.value_range[1] - x if self.happens_to_one(x, self.factor) else x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class RandomPosterization(RandomInRange):
    """Leaves each picture's values, as bytes, a number of their highest bits, of its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        factor: how many bits, from 1 to 8: (lower, upper) draws from lower to upper - 1, or lower where both are the
            same; f is (1, f).
        value_range: the least and the largest value.
        data_format: "channels_last" (default) or "channels_first".
        seed: own random numbers; None uses PyTorch's global generator.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> RandomPosterization((2, 2))(torch.tensor([[[60.0], [70.0], [255.0]]])).flatten()
    tensor([  0.,  64., 192.])
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = factors.factor_range(self, "factor", factor, 1, _BITS)

    def draw(self, x: torch.Tensor) -> Parameters:
        return {"shift_factor": _BITS - self._bits(x, x.shape[:1])}

    def _bits(self, x: torch.Tensor, shape: Any) -> torch.Tensor:
        low, high = (int(end) for end in self.factor)
        return torch.randint(low, max(high, low + 1), shape, generator=self.random.on(x.device), device=x.device)

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        shift = torch.as_tensor(parameters["shift_factor"], device=x.device)
        return self._in_steps(x, per_picture(torch.exp2(shift.to(x.dtype))))

    def on_one(self, x: torch.Tensor) -> torch.Tensor:
        return self._in_steps(x, 2.0 ** (_BITS - int(self._bits(x, ()))))

    def _in_steps(self, x: torch.Tensor, step: Any) -> torch.Tensor:
        low, high = self.value_range
        # Steps are powers of 2, so that a byte divided by one is exact, and one rounding is as good as two.
        levels = (x - low if low else x) * (255 / (high - low) / step)
        levels = levels.floor_().mul_(step * ((high - low) / 255))
        return levels.add_(low) if low else levels  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Solarization(RandomInRange):
    """Of each picture x, made brighter by a, all values of at least t become `high - x`; a and t are its own.

    Input (B, H, W, C) or (H, W, C), with channels before height and width if `data_format="channels_first"`; output of
    the same shape in the layer's dtype. In inference it does nothing. In a dict "labels", "bounding_boxes" and
    "segmentation_masks" stay.

    Args:
        addition_factor: (lower, upper) of a, from 0 to 1, as a part of the range; f is (0, f).
        threshold_factor: (lower, upper) of t.
        value_range: the least and the largest value; the largest is `high`.
        seed: own random numbers; None uses PyTorch's global generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: not three or four axes.

    >>> Solarization(threshold_factor=(0.5, 0.5))(torch.tensor([[[100.0], [200.0]]])).flatten()
    tensor([100.,  55.])
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        self.addition_factor = factors.factor_range(self, "addition_factor", addition_factor, 0, 1)
        self.threshold_factor = factors.factor_range(self, "threshold_factor", threshold_factor, 0, 1)

    def draw(self, x: torch.Tensor) -> Parameters:
        (a_low, a_high), (t_low, t_high) = self.addition_factor, self.threshold_factor
        return {
            "additions": per_picture(self.uniform(x, (a_low * 255, a_high * 255))),
            "thresholds": per_picture(self.uniform(x, (t_low * 255, t_high * 255))),
        }

    def on_images(self, x: torch.Tensor, parameters: Parameters) -> torch.Tensor:
        (low, high), span = self.value_range, (self.value_range[1] - self.value_range[0]) / 255
        bounds = (parameters[name].to(x.dtype) * span for name in ("additions", "thresholds"))
        addition, threshold = bounds
        brighter = (x + addition).clamp_(low, high)
        turned = (low + high) - brighter
        return blended(turned, brighter, brighter < threshold + low)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "addition_factor": self.addition_factor,
            "threshold_factor": self.threshold_factor,
        }
