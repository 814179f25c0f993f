"""Small things done to arrays before they go into a model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina.graph import ArgumentError, Symbolic
from lamina.tracebacks import door


@door
def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """A row for each class number: 1 at that place, 0 elsewhere.

    Args:
        x: integers from 0 to num_classes - 1, (...) or (..., 1).
        num_classes: how many classes there are; by default the largest number and one.

    Returns:
        (..., num_classes): a float64 NumPy array; for a tensor a float32 tensor.

    Raises:
        ArgumentError: a number is below 0 or too large.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    if isinstance(x, (torch.Tensor, Symbolic)):
        return _categorical_tensor(x, num_classes)
    numbers = np.array(x, dtype="int64")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    count = int(num_classes or (numbers.max() + 1 if numbers.size else 0))
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < count:
        raise ArgumentError(
            "utils.to_categorical: a class number that is none.",
            got=f"numbers from {numbers.min()} to {numbers.max()}",
            expected=f"0 to {count - 1}",
        )
    return np.eye(count)[numbers]


def _categorical_tensor(x: Any, num_classes: int | None) -> Any:
    x = ops.convert_to_tensor(x)
    if x.ndim > 1 and x.shape[-1] == 1:
        x = ops.squeeze(x, -1)
    if num_classes is None:
        if isinstance(x, Symbolic):
            raise ArgumentError(
                "utils.to_categorical of a symbolic tensor needs the number of classes.", hint="num_classes=..."
            )
        num_classes = int(x.max()) + 1
    return ops.one_hot(x, num_classes)


@door
def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """`x` divided by its length along an axis; where that is 0, `x` stays.

    Args:
        x: a NumPy array, which gives a NumPy array; or what ops take, which gives a tensor.
        axis: along which the length is taken.
        order: which length: 2 is Euclid's, 1 the sum of absolute values.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis, order)
    length = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(length == 0, 1, length)
