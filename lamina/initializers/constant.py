"""Initializers without chance: a constant, zeros, ones, the identity matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.graph.errors import ShapeError

from .base import Initializer, empty


class Constant(Initializer):
    """Every element is `value`.

    Args:
        value: a number, or an array (NumPy, tensor, nested list) that broadcasts to the shape asked for, such as the
            matrix of a pretrained Embedding.

    Raises:
        ShapeError: when called, if the array does not broadcast to the shape.

    >>> Constant(3)((2, 2))
    tensor([[3., 3.],
            [3., 3.]])
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new tensor of `shape` that holds the value."""
        tensor = empty(shape, dtype, self)
        if isinstance(self.value, (bool, int, float, complex)):
            return tensor.fill_(self.value)
        # By way of NumPy, plain lists keep the digits that a float64 weight has room for.
        value = self.value.detach() if isinstance(self.value, Tensor) else torch.tensor(np.asarray(self.value))
        try:
            value = value.expand(tensor.shape)
        except RuntimeError:
            raise ShapeError(
                "The array held by Constant does not fit the weight.",
                got=f"an array of shape {tuple(value.shape)}",
                expected=f"{tuple(tensor.shape)}, or what broadcasts to it",
            ) from None
        return tensor.copy_(value)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as JSON types: an array becomes nested lists."""
        value = self.value.detach().cpu() if isinstance(self.value, Tensor) else self.value
        return {"value": value if isinstance(value, (bool, int, float)) else np.asarray(value).tolist()}


class Zeros(Initializer):
    """Every element is 0.

    >>> Zeros()((3,))
    tensor([0., 0., 0.])
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new tensor of `shape` full of 0."""
        return empty(shape, dtype, self).zero_()


class Ones(Initializer):
    """Every element is 1.

    >>> Ones()((2,), dtype="int64")
    tensor([1, 1])
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new tensor of `shape` full of 1."""
        return empty(shape, dtype, self).fill_(1)


class Identity(Initializer):
    """`gain` on the main diagonal, 0 elsewhere.

    Args:
        gain: value of the diagonal.

    Raises:
        ShapeError: when called, if the shape does not have two axes.

    >>> Identity(gain=2.0)((2, 3))
    tensor([[2., 0., 0.],
            [0., 2., 0.]])
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Tensor:
        """A new matrix of `shape`."""
        tensor = empty(shape, dtype, self)
        if tensor.ndim != 2:
            raise ShapeError("Identity makes matrices only.", got=repr(tuple(tensor.shape)), expected="two axes")
        return tensor.zero_().fill_diagonal_(self.gain)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"gain": self.gain}
