"""Functions that treat every position alike: their shape is the broadcast of their inputs'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.operations import OPERATIONS, Facts

from . import tree


def pointwise_result(
    op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], shape_of: Callable[[Any], Any]
) -> tuple[tuple[int, ...], torch.dtype]:
    """Shape and dtype of a pointwise function's result, without PyTorch's slow path for shapes.

    The dtype is found by running it on one element of each argument; the shape by broadcasting.

    Args:
        shape_of: gives (shape, dtype) of a leaf that is a tensor, None for any other.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    shapes = []
    facts = OPERATIONS.of(op)
    size = 0 if facts.changes else 1  # of no element, no number is drawn from a generator that others use

    def one_element(leaf: Any) -> Any:
        known = shape_of(leaf)
        if known is None:
            return leaf
        shapes.append(known[0])
        return torch.ones((size,) * max(len(known[0]), 1 - size), dtype=known[1], device="cpu")

    small_args, small_kwargs = tree.map_leaves(one_element, (args, kwargs))
    with torch.no_grad():
        result = op(*small_args, **small_kwargs)
    if not isinstance(result, torch.Tensor):  # ``x.type()``
        raise TypeError(f"arguments with which it gives a tensor, and no {type(result).__name__}; x.dtype is known")
    return pointwise_shape(facts, shapes), result.dtype


def pointwise_shape(facts: Facts, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape of a pointwise function's result, from those of all tensors among its arguments."""
    return broadcast(shapes[:1] if facts.casts else shapes)


def broadcast(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all of these broadcast to. PyTorch's own function loads its compiler before it refuses.

    >>> broadcast([(3, 1), (2, 1, 4)])
    (2, 3, 4)
    """
    first = shapes[0]
    if all(shape == first for shape in shapes):
        return first
    result = [1] * max(map(len, shapes))
    for shape in shapes:
        for axis in range(-len(shape), 0):
            if shape[axis] != 1 and result[axis] not in (1, shape[axis]):
                told = ", ".join(map(str, shapes))
                raise RuntimeError(
                    f"shapes that broadcast, not {told}: {result[axis]} and {shape[axis]} at axis {axis}"
                )
            if shape[axis] != 1:
                result[axis] = shape[axis]
    return tuple(result)
