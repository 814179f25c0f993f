"""Numbers that are given as tensors: sizes, how often, how many, where.

Keras' guides put sizes together as tensors: ``concatenate([expand_dims(batch, -1), [1, 1]])``. A symbolic tensor
that is made of sizes and numbers alone is read back into the symbolic numbers that it was put together from. So the
node that takes them holds numbers, as if there had been no tensor, and exporters see sizes and not values of data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lamina.graph import SymbolicTensor, ValueNeededError
from lamina.sizes.cycles import refuse_loop

from .made_of_sizes import numbers_in
from .noted_numbers import numbers_noted
from .operands import here


def numbers(value: Any) -> Any:
    """`value` with plain numbers, or symbolic ones, in the place of tensors and arrays: a number, or nested tuples.

    Raises:
        ValueNeededError: a symbolic tensor that is not made of sizes and numbers alone.

    >>> numbers(torch.tensor([2, 3])), numbers((np.int64(4), torch.tensor(5))), numbers(6)
    ((2, 3), (4, 5), 6)
    """
    if type(value) is int or value is None:
        return value
    if type(value) is tuple:
        for item in value:
            if type(item) is not int:
                break
        else:
            return value  # the usual shape, 0.2 us sooner
    if isinstance(value, (list, tuple)):
        try:
            return tuple(map(numbers, value))
        except RecursionError:
            refuse_loop(value)
            raise
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        noted = numbers_noted(value)
        return _as_tuples(value.tolist() if noted is None else noted)
    if isinstance(value, SymbolicTensor):
        found = readable(value)
        if found is None:
            raise ValueNeededError(
                "A size that is given as a tensor is made of sizes and numbers alone: it is needed before data come.",
                got=str(value),
                where=here(),
                hint="ops.shape(x) for sizes; a Layer with its own call() for sizes that hang on values",
            )
        return found
    return value


def readable(value: Any) -> Any:
    """The numbers of a symbolic tensor that is made of sizes and numbers alone, else None.

    >>> x = lamina.Input((None, 3))
    >>> readable(lamina.ops.convert_to_tensor(lamina.ops.shape(x))), readable(x)
    ((<SymbolicInt of torch.Tensor.size>, <SymbolicInt of torch.Tensor.size>, 3), None)
    """
    return numbers_in(value) if isinstance(value, SymbolicTensor) else None


def read_numbers(
    parameters: Sequence[tuple[str, int, Callable[[Any], Any]]], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments of a call with some of them read: each is told by name, place and what reads it."""
    by_place, by_name = list(args), dict(kwargs)
    for name, place, read in parameters:
        if place < len(by_place):
            by_place[place] = read(by_place[place])
        elif name in by_name:
            by_name[name] = read(by_name[name])
    return tuple(by_place), by_name


def where_to(value: Any) -> Any:
    """As `numbers`, for an argument that may also be a tensor of places that hang on values: that stays as it is."""
    if isinstance(value, (np.ndarray, np.generic)):
        return numbers(value)
    found = readable(value)
    return value if found is None else found


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value
