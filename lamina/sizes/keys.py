"""What stands in brackets, as tensors take it.

PyTorch refuses negative steps, ``x[:, ::-1]``: that is a part of the axis, turned round, in steps. Tensors are real
ones, examples or symbolic ones: what is called here is what they have.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


def goes_back(key: Any) -> bool:
    """Whether a key has a slice with a negative step.

    >>> goes_back((slice(None), slice(None, None, -1))), goes_back((..., slice(2, None)))
    (True, False)
    """
    if isinstance(key, slice):
        return isinstance(key.step, int) and key.step < 0
    return isinstance(key, tuple) and any(isinstance(part, slice) and goes_back(part) for part in key)


def taken(x: Any, key: Any, item: Callable[[Any, Any], Any]) -> Any:
    """``x[key]`` for a key that goes back.

    Args:
        item: ``x[key]`` for other keys.

    >>> taken(torch.arange(6), slice(4, None, -2), lambda x, key: x[key])
    tensor([4, 2, 0])
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    stretch: list[Any] = [slice(None)] * x.ndim
    turned = []
    for place, axis in _axes(parts, x.ndim):
        part = parts[place]
        if isinstance(part, slice) and goes_back(part):
            turned.append(axis)
            stretch[axis] = slice(_above(x, axis, part.stop), _above(x, axis, part.start))
            parts[place] = slice(None) if part.step == -1 else slice(None, None, -part.step)
    if any(part != slice(None) for part in stretch):
        x = item(x, tuple(stretch))
    x = torch.flip(x, turned)
    whole = all(part is ... or (isinstance(part, slice) and part == slice(None)) for part in parts)
    return x if whole else item(x, tuple(parts))


def recorded_item(x: Any, key: Any, record: Callable[..., Any]) -> Any:
    """``x[key]`` of a symbolic tensor, as nodes that `record` makes."""

    def item(x: Any, key: Any) -> Any:
        return record(operator.getitem, (x, key), {})

    key = by_places(key)
    return taken(x, key, item) if goes_back(key) else item(x, key)


def by_places(key: Any) -> Any:
    """A key that hangs on no values: real masks as the places that they choose, real numbers in tensors as numbers.

    >>> by_places((..., torch.tensor([True, False, True]), torch.tensor(2)))
    (Ellipsis, tensor([0, 2]), 2)
    """
    if not isinstance(key, tuple):
        return by_places((key,)) if isinstance(key, (torch.Tensor, np.ndarray, slice)) else key
    return tuple(place for part in key for place in _places_of(part))


def _places_of(part: Any) -> tuple[Any, ...]:
    if isinstance(part, np.ndarray):
        part = torch.from_numpy(part.copy()) if part.dtype == bool else part
    if isinstance(part, torch.Tensor) and not part.is_meta:
        if part.dtype == torch.bool and part.ndim:
            return part.nonzero(as_tuple=True)
        return (_number_of(part),)
    return (slice(*map(_number_of, (part.start, part.stop, part.step))),) if isinstance(part, slice) else (part,)


def _number_of(part: Any) -> Any:
    is_whole = isinstance(part, torch.Tensor) and not (part.ndim or part.dtype.is_floating_point or part.is_meta)
    return part.item() if is_whole and part.dtype != torch.bool else part


def _axes(parts: list[Any], rank: int) -> Iterator[tuple[int, int]]:
    """Where each part of a key stands, and the axis that it is for; without None and what is no axis' own."""
    count = [_count(part) for part in parts]
    axis = 0
    for place, part in enumerate(parts):
        if part is ...:
            axis += rank - sum(count)
        elif count[place]:
            yield place, axis
            axis += count[place]


def _count(part: Any) -> int:
    """How many axes a part of a key is for."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    is_tensor = isinstance(part, torch.Tensor) or (not torch.compiler.is_compiling() and hasattr(part, "dtype"))
    return int(part.ndim) if is_tensor and "bool" in str(part.dtype) else 1


def _above(x: Any, axis: int, place: Any) -> Any:
    """The place one above, as an end of a slice that goes up; None stays the end that it is."""
    if place is None:
        return None
    if isinstance(place, int):
        return place + 1 if place != -1 else sys.maxsize
    size = x.size(axis)  # a place that is not known yet may be a negative one
    return torch.sym_min(place, size - 1) % size + 1


class StepsBack(TorchFunctionMode):
    """While it is entered, tensors take negative steps."""

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.__getitem__ and goes_back(args[1]):
            return taken(args[0], args[1], lambda x, key: x[key])
        return func(*args, **(kwargs or {}))
