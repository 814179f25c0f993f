"""What every regularizer is: a small object that turns a tensor into a penalty."""

from __future__ import annotations

import math
from typing import Any, Self

from torch import Tensor

from lamina.graph.errors import ArgumentError
from lamina.one_line import of_settings, one_line
from lamina.tracebacks import Doored


class Regularizer(Doored):
    """Base class. A subclass defines `__call__`, and `get_config` if it is to be saved.

    >>> class Mean(Regularizer):
    ...     def __call__(self, x):
    ...         return x.mean()
    >>> import torch
    >>> Mean()(torch.tensor([1.0, 3.0]))
    tensor(2.)
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Penalty of `x`: a tensor without axes, to be added to the loss."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, x)")

    __repr__ = one_line(of_settings)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types."""
        raise NotImplementedError(f"{type(self).__name__} has to define get_config(self) to be saved")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new regularizer from what `get_config` gave."""
        return cls(**config)


def checked_factor(value: Any, name: str, default: float) -> float:
    """`value` as a factor; `default` for None.

    Raises:
        ArgumentError: it is not a finite number, or below 0.
    """
    if value is None:
        return default
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        headline = f"A regularizer cannot use this {name}."
        raise ArgumentError(headline, got=f"{name}={value!r}", expected="a finite number, at least 0")
    return float(value)
