"""ThresholdedReLU, as Keras 1 and 2 have it."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.activation.elementwise import ElementwiseLayer
from lamina.layers.arguments import number


class ThresholdedReLU(ElementwiseLayer):
    """``x`` where x > theta, else 0.

    Input of any shape, output of the same.

    Args:
        theta: the threshold, >= 0.

    Raises:
        ArgumentError: a negative threshold, or none.

    >>> ThresholdedReLU(1.0)(torch.tensor([-1.0, 0.5, 1.0, 2.0]))
    tensor([0., 0., 0., 2.])
    """

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = number(self, "theta", theta, 0.0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.where(inputs > self.theta, inputs, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "theta": self.theta}
