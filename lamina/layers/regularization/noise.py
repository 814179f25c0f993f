"""GaussianNoise, GaussianDropout, AlphaDropout: noise in training that keeps the mean, or mean and variance."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from lamina.layers.arguments import number
from lamina.layers.regularization.dropout import Dropout, RandomLayer

# Value that a self-normalizing network's selu tends to for very negative inputs: -scale * alpha of selu.
_SELU_FLOOR = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717


class GaussianNoise(RandomLayer):
    """In training `inputs + noise`, the noise normal with mean 0; in inference `inputs`.

    Input of any shape, output of the same.

    Args:
        stddev: standard deviation of the noise, >= 0.
        seed: as in `Dropout`.

    Raises:
        ArgumentError: `stddev` is negative.

    >>> GaussianNoise(0.1).compute_output_shape((None, 4))
    (None, 4)
    """

    built_at_once = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = number(self, "stddev", stddev, 0.0)

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        if not training or self.stddev == 0:
            return inputs
        return inputs + torch.empty_like(inputs).normal_(0.0, self.stddev, generator=self.random.on(inputs.device))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev}


class GaussianDropout(RandomLayer):
    """In training `inputs * noise`, the noise normal with mean 1 and deviation sqrt(rate / (1 - rate)).

    Input of any shape, output of the same.

    Args:
        rate: of the `Dropout` whose noise has the same deviation, 0 <= rate < 1.
        seed: as in `Dropout`.

    Raises:
        ArgumentError: `rate` is not in 0..1, or is 1.

    >>> GaussianDropout(0.5).compute_output_shape((None, 4))
    (None, 4)
    """

    built_at_once = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = number(self, "rate", rate, 0.0, math.nextafter(1.0, 0.0))
        self._stddev = math.sqrt(self.rate / (1.0 - self.rate))

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        if not training or self.rate == 0:
            return inputs
        return inputs * torch.empty_like(inputs).normal_(1.0, self._stddev, generator=self.random.on(inputs.device))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class AlphaDropout(Dropout):
    """Dropout for networks of `selu`: values drop to selu's floor, and all are scaled so that mean 0, variance 1 stay.

    Input of any shape, output of the same. Arguments as in `Dropout`.

    >>> AlphaDropout(0.5).compute_output_shape((None, 4))
    (None, 4)
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, noise_shape, seed, **kwargs)
        spread = self._keep * (1.0 + self.rate * _SELU_FLOOR**2)
        self._scale = spread**-0.5 if spread else 0.0
        self._shift = -self._scale * self.rate * _SELU_FLOOR

    def call(self, inputs: torch.Tensor, training: bool | None = None) -> torch.Tensor:
        if not training or self.rate == 0:
            return inputs
        if self.noise_shape is None and self.seed is None:
            return F.alpha_dropout(inputs, self.rate, True)
        kept = torch.empty(self._mask_shape(inputs), dtype=torch.bool, device=inputs.device)
        kept.bernoulli_(self._keep, generator=self.random.on(inputs.device))
        return torch.where(kept, inputs, _SELU_FLOOR) * self._scale + self._shift
