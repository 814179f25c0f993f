"""ActivityRegularization: a penalty on what flows through."""

from __future__ import annotations

from typing import Any

import torch

from lamina import regularizers
from lamina.layers.arguments import number
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape


class ActivityRegularization(Layer):
    """Passes its input on, and adds `l1 * sum(|x|) + l2 * sum(x ** 2)`, divided by the batch size, to the loss.

    Input of any shape, output of the same.

    Args:
        l1, l2: factors, >= 0.

    Raises:
        ArgumentError: a factor is negative.

    >>> ActivityRegularization(l2=0.01).compute_output_shape((None, 4))
    (None, 4)
    """

    built_at_once = True
    casts_integers = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.l1, self.l2 = number(self, "l1", l1, 0.0), number(self, "l2", l2, 0.0)
        self.activity_regularizer = regularizers.L1L2(l1=self.l1, l2=self.l2)
        self.supports_masking = True

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        config.pop("activity_regularizer", None)
        return config
