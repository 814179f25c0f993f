"""Constraints on the sign and on the length of a weight.

The length is the Euclidean norm along `axis`: one axis or several. For a Dense kernel (in, out), axis 0 holds what
feeds one unit; for a Conv2D kernel (H, W, in, out), axes [0, 1, 2] hold one filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.arrays import takes_arrays
from lamina.config import epsilon

from .base import Constraint


class NonNeg(Constraint):
    """`max(w, 0)`.

    >>> NonNeg()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    @takes_arrays
    def __call__(self, w: Tensor) -> Tensor:
        """`w`, any shape, with 0 in place of what is negative."""
        return torch.clamp(w, min=0)


class UnitNorm(Constraint):
    """`w / length(w)`: length 1.

    Args:
        axis: one or several axes that the length is taken over.

    >>> UnitNorm()(torch.tensor([[3.0], [4.0]]))
    tensor([[0.6000],
            [0.8000]])
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        self.axis = axis

    @takes_arrays
    def __call__(self, w: Tensor) -> Tensor:
        """`w` with every length at 1."""
        return w / (epsilon() + _length(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"axis": self.axis}


class MaxNorm(Constraint):
    """Scales down what is longer than `max_value`.

    Args:
        max_value: greatest length.
        axis: one or several axes that the length is taken over.

    >>> MaxNorm(max_value=1)(torch.tensor([[3.0, 0.3], [4.0, 0.4]]))
    tensor([[0.6000, 0.3000],
            [0.8000, 0.4000]])
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        self.max_value, self.axis = max_value, axis

    @takes_arrays
    def __call__(self, w: Tensor) -> Tensor:
        """`w` with no length above `max_value`."""
        length = _length(w, self.axis)
        return w * (torch.clamp(length, max=self.max_value) / (epsilon() + length))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"max_value": self.max_value, "axis": self.axis}


class MinMaxNorm(Constraint):
    """Scales lengths towards the range from `min_value` to `max_value`.

    The new length is `rate * clamp(length, min_value, max_value) + (1 - rate) * length`.

    Args:
        min_value: least length.
        max_value: greatest length.
        rate: 1 holds the range strictly, less moves only part of the way at every step.
        axis: one or several axes that the length is taken over.

    >>> MinMaxNorm(min_value=1.0, max_value=2.0, rate=0.5)(torch.tensor([[3.0], [4.0]]))
    tensor([[2.1000],
            [2.8000]])
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: int | Sequence[int] = 0,
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    @takes_arrays
    def __call__(self, w: Tensor) -> Tensor:
        """`w` with its lengths moved into the range, or part of the way."""
        length = _length(w, self.axis)
        wanted = torch.lerp(length, torch.clamp(length, self.min_value, self.max_value), self.rate)
        return w * (wanted / (epsilon() + length))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


def _length(w: Tensor, axis: int | Sequence[int]) -> Tensor:
    # Not torch.linalg.vector_norm: its float32 sum on CPUs is off by 2 % at 16 million values.
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    return torch.sqrt(torch.sum(torch.square(w), axes, keepdim=True))
