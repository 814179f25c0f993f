"""What every constraint is: a small object that moves a weight back to where it may be."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor

from lamina.one_line import of_settings, one_line
from lamina.tracebacks import Doored


class Constraint(Doored):
    """Base class. A subclass defines `__call__`, and `get_config` when its constructor takes arguments.

    >>> class Rounded(Constraint):
    ...     def __call__(self, w):
    ...         return w.round()
    >>> import torch
    >>> Rounded()(torch.tensor([0.9, 2.2]))
    tensor([1., 2.])
    """

    def __call__(self, w: Tensor) -> Tensor:
        """The allowed weight next to `w`, of the same shape and dtype; here, `w` itself."""
        return w

    __repr__ = one_line(of_settings)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new constraint from what `get_config` gave."""
        return cls(**config)
