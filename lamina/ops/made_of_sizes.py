"""Which symbolic numbers a symbolic tensor was put together from: its node is read back, and those before it.

Each element has a place in a list of numbers. What moves elements is done with the places; what computes is done with
the numbers, which records it as arithmetic on sizes.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from itertools import accumulate
from typing import Any

import torch

from lamina.graph import Node, Symbolic, SymbolicInt, SymbolicTensor, tree
from lamina.graph.node import Constant
from lamina.operations import OPERATIONS

_MOST = 4096  # elements that are read back; what is larger is no shape

# They move elements and look at none, so they are read by moving the places.
_MOVING = frozenset(
    "stack cat reshape view flatten expand broadcast_to unsqueeze squeeze ravel flip roll permute transpose append pad "
    "movedim unbind split chunk tensor_split repeat tile hstack vstack dstack clone detach narrow select".split()
)
# The same, where some arguments tell places: which of the arguments have the elements.
_PICKING: Mapping[str, tuple[int, ...]] = {
    "getitem": (0,), "take": (0,), "take_along_axis": (0,), "take_along_dim": (0,), "index_select": (0,),
    "gather": (0,), "slice": (0,), "slice_update": (0, 2), "scatter_update": (0, 2), "repeat_interleave": (0,),
}  # fmt: skip

# Of these some may be plain numbers, alone or in lists.
_BESIDE: Mapping[str, tuple[int, ...]] = {"append": (0, 1), "slice_update": (0, 2), "scatter_update": (0, 2)}


def _greater(a: Any, b: Any) -> Any:
    """1 where whole numbers are, else 0: as arithmetic, which sizes take."""
    return torch.sym_min(1, torch.sym_max(0, a - b))


def _equal(a: Any, b: Any) -> Any:
    return 1 - torch.sym_min(1, abs(a - b))


def _clamped(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else torch.sym_max(x, low)
    return x if high is None else torch.sym_min(x, high)


def _sign(x: Any) -> Any:
    return torch.sym_max(-1, torch.sym_min(1, x))


_ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "floordiv": operator.floordiv,
    "div": operator.truediv, "mod": operator.mod, "pow": operator.pow, "neg": operator.neg, "abs": operator.abs,
    "maximum": torch.sym_max, "minimum": torch.sym_min, "floor": math.floor, "ceil": math.ceil, "trunc": math.trunc,
    "round": round, "clamp": _clamped, "square": lambda a: a * a, "sqrt": lambda a: a**0.5,
}  # fmt: skip
# Of whole numbers only; what these give is 0 or 1, but for the last two.
_OF_WHOLE: Mapping[str, Callable[..., Any]] = {
    "gt": _greater, "lt": lambda a, b: _greater(b, a), "ge": lambda a, b: 1 - _greater(b, a),
    "le": lambda a, b: 1 - _greater(a, b), "eq": _equal, "ne": lambda a, b: 1 - _equal(a, b),
    "where": lambda c, a, b: b + (a - b) * c, "sign": _sign,
}  # fmt: skip
_OF_BOOLS: Mapping[str, Callable[..., Any]] = {
    "logical_and": operator.mul, "logical_or": torch.sym_max, "logical_not": lambda a: 1 - a,
    "and_": operator.mul, "or_": torch.sym_max, "invert": lambda a: 1 - a,
}  # fmt: skip
_JOINING: Mapping[str, Callable[..., Any]] = {
    "sum": operator.add, "prod": operator.mul, "amax": torch.sym_max, "amin": torch.sym_min,
}  # fmt: skip
_RUNNING: Mapping[str, Callable[..., Any]] = {"cumsum": operator.add, "cumprod": operator.mul}
_OF_NUMBERS = frozenset("as_tensor tensor scalar_tensor".split())


class _NotOfSizesError(Exception):
    """A tensor hangs on what is not a size."""


def numbers_in(value: SymbolicTensor) -> Any:
    """The numbers that a tensor was made of, in nested tuples as it has axes; None if it hangs on other things."""
    if None in value.shape or math.prod(value.shape) > _MOST:  # type: ignore[arg-type]
        return None
    elements: list[Any] = []
    try:
        places = _places(value, elements)
    except _NotOfSizesError:
        return None
    return _filled(places.tolist(), elements)


def _filled(places: Any, elements: list[Any]) -> Any:
    if isinstance(places, list):
        return tuple(_filled(place, elements) for place in places)
    return elements[places]


def _places(value: Any, elements: list[Any]) -> torch.Tensor:
    """For each element of a tensor where it stands in the list, which gets those that are new."""
    if isinstance(value, Constant):
        return _noted(value.value, elements)
    if not isinstance(value, SymbolicTensor):
        elements.append(int(value) if isinstance(value, bool) else value)
        return torch.tensor(len(elements) - 1, device="cpu")
    node = value.node
    name = OPERATIONS.of(node.op).name or getattr(node.op, "__name__", "")
    if name in _MOVING or name in _PICKING:
        return _moved(name, value, elements)
    if name in _OF_NUMBERS and not isinstance(node.args[0], (list, tuple)):
        return _cut(_places(node.args[0], elements), value, _is_fraction(node.args[0]), elements)
    if name in ("full", "new_full"):
        number = node.args[1 if name == "full" else 2]
        places = _places(number, elements).expand(value.shape)  # type: ignore[arg-type]  # all of it is known
        return _cut(places, value, _is_fraction(number), elements)
    if name in _JOINING:
        axes = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim")
        return _joined(_JOINING[name], _places(node.args[0], elements), axes, value.shape, elements)
    if name in _RUNNING:
        return _running(_RUNNING[name], _places(node.args[0], elements), node.args[1], elements)
    if OPERATIONS.of(node.op).casts:
        return _cut(_places(node.args[0], elements), value, _is_fraction(node.args[0]), elements)
    return _elementwise(_function_of(name, node), node.args, elements)


def _function_of(name: str, node: Node) -> Callable[..., Any]:
    """What an elementwise operation does with numbers."""
    dtypes = [leaf.dtype for leaf in node.inputs if isinstance(leaf, SymbolicTensor)]
    if name == "div" and node.kwargs.get("rounding_mode") == "floor":
        return operator.floordiv
    if name in _ELEMENTWISE and not node.kwargs:
        return _ELEMENTWISE[name]
    if name in _OF_WHOLE and not node.kwargs and not any(dtype.is_floating_point for dtype in dtypes):
        return _OF_WHOLE[name]
    if name in _OF_BOOLS and all(dtype is torch.bool for dtype in dtypes):
        return _OF_BOOLS[name]
    raise _NotOfSizesError


def _is_fraction(value: Any) -> bool:
    """Whether what is cast to another dtype may be no whole number."""
    if isinstance(value, SymbolicTensor):
        return value.dtype.is_floating_point
    return isinstance(value.example(0) if isinstance(value, SymbolicInt) else value, float)


def _cut(places: torch.Tensor, value: SymbolicTensor, is_fraction: bool, elements: list[Any]) -> torch.Tensor:
    whole = not value.dtype.is_floating_point and is_fraction
    return _elementwise(math.trunc, (places,), elements) if whole else places


def _moved(name: str, value: SymbolicTensor, elements: list[Any]) -> torch.Tensor:
    """The places where an operation has moved them."""
    node = value.node

    def placed(leaf: Any) -> Any:
        if isinstance(leaf, SymbolicInt):  # a size that the moving hangs on
            raise _NotOfSizesError
        return _places(leaf, elements) if isinstance(leaf, (Symbolic, Constant)) else leaf

    data, beside = _PICKING.get(name, range(len(node.args))), _BESIDE.get(name, ())
    args = [
        _together(arg, elements) if i in beside else tree.map_leaves(placed if i in data else _plain, arg)
        for i, arg in enumerate(node.args)
    ]
    kwargs = tree.map_leaves(_plain if name in _PICKING else placed, dict(node.kwargs))
    try:
        returned = node.op(*args, **kwargs)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        raise _NotOfSizesError from error
    return [leaf for leaf in tree.leaves(returned) if isinstance(leaf, torch.Tensor)][value.index]


def _together(arg: Any, elements: list[Any]) -> torch.Tensor:
    """Elements given as numbers, or nested lists of them, as places."""
    if isinstance(arg, (list, tuple)):
        return torch.stack([_together(part, elements) for part in arg])
    return _places(arg, elements)


def _plain(leaf: Any) -> Any:
    """What tells places: as it will be when the model runs."""
    if isinstance(leaf, Constant):
        return leaf.value
    if isinstance(leaf, SymbolicTensor):
        found = numbers_in(leaf)
        if found is None or any(isinstance(number, Symbolic) for number in tree.leaves(found)):
            raise _NotOfSizesError
        return torch.tensor(found, dtype=leaf.dtype, device="cpu")
    if isinstance(leaf, Symbolic):
        raise _NotOfSizesError
    return leaf


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
    return _new([reduce(function, _at(row, elements)) for row in rows.tolist()], shape, elements)


def _running(function: Callable[..., Any], places: torch.Tensor, axis: int, elements: list[Any]) -> torch.Tensor:
    """For each element those along an axis up to it as one."""
    rows = places.movedim(axis, -1)
    found = [n for row in rows.reshape(-1, rows.shape[-1]).tolist() for n in accumulate(_at(row, elements), function)]
    return _new(found, rows.shape, elements).movedim(-1, axis)


def _elementwise(function: Callable[..., Any], args: Sequence[Any], elements: list[Any]) -> torch.Tensor:
    parts = [arg if isinstance(arg, torch.Tensor) else _places(arg, elements) for arg in args]
    together = torch.broadcast_tensors(*parts)
    found = [function(*_at(row, elements)) for row in zip(*(part.flatten().tolist() for part in together), strict=True)]
    return _new(found, together[0].shape, elements)


def _noted(values: torch.Tensor, elements: list[Any]) -> torch.Tensor:
    if values.numel() > _MOST or values.is_meta:
        raise _NotOfSizesError
    # A size times False is no number to every version of PyTorch's exporter; times 0 it is.
    numbers = values.to(torch.uint8) if values.dtype is torch.bool else values
    return _new(numbers.flatten().tolist(), values.shape, elements)


def _new(numbers: Iterable[Any], shape: Any, elements: list[Any]) -> torch.Tensor:
    first = len(elements)
    elements += numbers
    return torch.arange(first, len(elements), device="cpu").reshape(shape)


def _at(row: Iterable[int], elements: list[Any]) -> list[Any]:
    return [elements[place] for place in row]
