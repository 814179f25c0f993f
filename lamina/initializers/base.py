"""What every initializer is: a small object that makes a tensor of a given shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from lamina.graph.dtypes import to_torch
from lamina.graph.errors import ShapeError
from lamina.one_line import of_settings, one_line
from lamina.tracebacks import Doored


class Initializer(Doored):
    """Base class. A subclass defines `__call__`, and `get_config` when its constructor takes arguments.

    The tensor is made on PyTorch's default device, so `torch.set_default_device` and `with torch.device(...)` hold.

    >>> class Twos(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return torch.full(shape, 2.0, dtype=dtype)
    >>> Twos()((2,))
    tensor([2., 2.])
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new tensor of `shape`, contiguous; `dtype` None means PyTorch's default dtype."""
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, shape, dtype=None)")

    __repr__ = one_line(of_settings)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new initializer from what `get_config` gave."""
        return cls(**config)

    def clone(self) -> Self:
        """A new initializer with the same arguments."""
        return self.from_config(self.get_config())


def empty(shape: Sequence[int], dtype: Any, wanted_by: Initializer) -> Tensor:
    """Memory for a weight, not yet written.

    Raises:
        ShapeError: an axis is not a size.
    """
    kind = torch.get_default_dtype() if dtype is None else to_torch(dtype)
    try:
        return torch.empty(torch.Size(shape), dtype=kind)
    except (TypeError, RuntimeError) as error:  # which may also be that there is no memory
        if isinstance(error, RuntimeError) and min(shape, default=0) >= 0:
            raise
        raise ShapeError(
            f"{type(wanted_by).__name__} cannot make a tensor of this shape.",
            got=repr(shape),
            expected="a sequence of sizes, each known and at least 0",
        ) from None
