"""Penalties on the size of a weight: L1, L2, both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.arrays import takes_arrays

from .base import Regularizer, checked_factor


class L1(Regularizer):
    """`l1 * sum(|x|)`.

    Args:
        l1: factor, at least 0.

    Raises:
        ArgumentError: the factor is negative or not finite.

    >>> L1(0.5)(torch.tensor([1.0, -3.0]))
    tensor(2.)
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = checked_factor(l1, "l1", default=0.01)

    @takes_arrays
    def __call__(self, x: Tensor) -> Tensor:
        """Penalty of `x`, any shape."""
        return self.l1 * torch.sum(torch.abs(x))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l1": self.l1}


class L2(Regularizer):
    """`l2 * sum(x**2)`.

    Args:
        l2: factor, at least 0.

    Raises:
        ArgumentError: the factor is negative or not finite.

    >>> L2(0.5)(torch.tensor([1.0, -3.0]))
    tensor(5.)
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = checked_factor(l2, "l2", default=0.01)

    @takes_arrays
    def __call__(self, x: Tensor) -> Tensor:
        """Penalty of `x`, any shape."""
        return self.l2 * torch.sum(torch.square(x))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l2": self.l2}


class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x**2)`. Both factors are 0 unless given, so the bare name "l1_l2" does nothing.

    Args:
        l1: factor, at least 0.
        l2: factor, at least 0.

    Raises:
        ArgumentError: a factor is negative or not finite.

    >>> L1L2(l1=0.5, l2=0.5)(torch.tensor([1.0, -3.0]))
    tensor(7.)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checked_factor(l1, "l1", default=0.0)
        self.l2 = checked_factor(l2, "l2", default=0.0)

    @takes_arrays
    def __call__(self, x: Tensor) -> Tensor:
        """Penalty of `x`, any shape."""
        if self.l1 and self.l2:
            return self.l1 * torch.sum(torch.abs(x)) + self.l2 * torch.sum(torch.square(x))
        if self.l1:
            return self.l1 * torch.sum(torch.abs(x))
        if self.l2:
            return self.l2 * torch.sum(torch.square(x))
        return torch.zeros((), dtype=x.dtype, device=x.device)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"l1": self.l1, "l2": self.l2}
