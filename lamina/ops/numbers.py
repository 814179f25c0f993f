"""Numbers that are given as tensors: sizes, how often, how many, where.

Keras' guides put sizes together as tensors: ``concatenate([expand_dims(batch, -1), [1, 1]])``. A symbolic tensor
that is made of sizes and numbers alone is read back into the symbolic numbers that it was put together from. So the
node that takes them holds numbers, as if there had been no tensor, and exporters see sizes and not values of data.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch

from lamina.graph import Symbolic, SymbolicInt, SymbolicTensor, ValueNeededError, tree
from lamina.graph.node import Constant
from lamina.operations import OPERATIONS

from .noted_numbers import numbers_noted
from .operands import here

_MOST = 4096  # elements that are read back; what is larger is no shape

# They move elements and look at none, so they are read by moving the numbers of the elements.
_MOVING = frozenset(
    "stack cat reshape view flatten getitem expand broadcast_to unsqueeze squeeze ravel flip roll permute transpose "
    "movedim unbind split chunk tensor_split repeat tile hstack vstack dstack clone detach narrow select".split()
)
_ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "div": operator.truediv, "mod": operator.mod, "pow": operator.pow, "neg": operator.neg, "abs": operator.abs,
    "maximum": torch.sym_max, "minimum": torch.sym_min, "floor": math.floor, "ceil": math.ceil, "trunc": math.trunc,
}  # fmt: skip
_JOINING: Mapping[str, Callable[..., Any]] = {
    "sum": operator.add, "prod": operator.mul, "amax": torch.sym_max, "amin": torch.sym_min,
}  # fmt: skip
_OF_NUMBERS = frozenset("as_tensor tensor scalar_tensor".split())


class _NotOfSizesError(Exception):
    """A tensor hangs on what is not a size."""


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
        return tuple(map(numbers, value))
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        noted = numbers_noted(value)
        value = value if noted is None else noted
        return _as_tuples(value.tolist())
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
    if not isinstance(value, SymbolicTensor) or None in value.shape or math.prod(value.shape) > _MOST:  # type: ignore[arg-type]
        return None
    elements: list[Any] = []
    try:
        places = _places(value, elements)
    except _NotOfSizesError:
        return None
    return _filled(places.tolist(), elements)


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


def _filled(places: Any, elements: list[Any]) -> Any:
    if isinstance(places, list):
        return tuple(_filled(place, elements) for place in places)
    return elements[places]


def _places(value: Any, elements: list[Any]) -> torch.Tensor:
    """For each element of a tensor where it stands in the list, which gets those that are new."""
    if isinstance(value, Constant):
        return _noted(value.value, elements)
    if not isinstance(value, SymbolicTensor):
        elements.append(value)
        return torch.tensor(len(elements) - 1, device="cpu")
    node, name = value.node, OPERATIONS.of(value.node.op).name
    if name in _MOVING:
        args, kwargs = _with_places((node.args, node.kwargs), elements)
        returned = node.op(*args, **kwargs)
        return [leaf for leaf in tree.leaves(returned) if isinstance(leaf, torch.Tensor)][value.index]
    if name in _OF_NUMBERS and not isinstance(node.args[0], (list, tuple)):
        return _places(node.args[0], elements)
    if name == "new_full":
        return _places(node.args[2], elements).expand(value.shape)  # type: ignore[arg-type]  # all of it is known
    rounding = node.kwargs.get("rounding_mode")
    if name == "div" and rounding == "floor":
        return _elementwise(operator.floordiv, node.args, elements)
    if name in _ELEMENTWISE and not node.kwargs:
        return _elementwise(_ELEMENTWISE[name], node.args, elements)
    if name in _JOINING:
        axes = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        return _joined(_JOINING[name], _places(node.args[0], elements), axes, value.shape, elements)
    if OPERATIONS.of(node.op).casts:
        places = _places(node.args[0], elements)
        cut = not value.dtype.is_floating_point and node.args[0].dtype.is_floating_point
        return _elementwise(math.trunc, (places,), elements) if cut else places
    raise _NotOfSizesError


def _joined(
    function: Callable[..., Any], places: torch.Tensor, axes: Any, shape: Any, elements: list[Any]
) -> torch.Tensor:
    """The elements along some axes (None for all) as one."""
    axes = range(places.ndim) if axes is None else (axes,) if isinstance(axes, int) else axes
    gone = [axis % places.ndim for axis in axes]
    rest = [axis for axis in range(places.ndim) if axis not in gone]
    rows = places.permute(*rest, *gone).reshape(math.prod(shape), -1) if places.ndim else places.reshape(1, 1)
    if not rows.numel():
        raise _NotOfSizesError
    first = len(elements)
    elements += [reduce(function, [elements[place] for place in row]) for row in rows.tolist()]
    return torch.arange(first, len(elements), device="cpu").reshape(shape)


def _noted(values: torch.Tensor, elements: list[Any]) -> torch.Tensor:
    if values.numel() > _MOST or values.is_meta:
        raise _NotOfSizesError
    first = len(elements)
    elements += values.flatten().tolist()
    return torch.arange(first, len(elements), device="cpu").reshape(values.shape)


def _with_places(nested: Any, elements: list[Any]) -> Any:
    def placed(leaf: Any) -> Any:
        if isinstance(leaf, SymbolicInt):  # a size that the moving hangs on
            raise _NotOfSizesError
        return _places(leaf, elements) if isinstance(leaf, (Symbolic, Constant)) else leaf

    return tree.map_leaves(placed, nested)


def _elementwise(function: Callable[..., Any], args: Sequence[Any], elements: list[Any]) -> torch.Tensor:
    parts = [arg if isinstance(arg, torch.Tensor) else _places(arg, elements) for arg in args]
    together = torch.broadcast_tensors(*parts)
    first = len(elements)
    for places in zip(*(part.flatten().tolist() for part in together), strict=True):
        elements.append(function(*(elements[place] for place in places)))
    return torch.arange(first, len(elements), device="cpu").reshape(together[0].shape)
