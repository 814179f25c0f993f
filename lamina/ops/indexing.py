"""Parts of a tensor by their place, and new tensors with some places changed. Nothing is changed in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError

from .core import cast
from .noted_numbers import moved, picked
from .one_node import one_node, one_node_of
from .operands import placed, plain_axes, refuse_symbolic, tensor, whole

_REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


def get_item(x: Any, key: Any) -> Any:
    """`x[key]`.

    Args:
        x: any shape.
        key: what stands in brackets in Python: integers, slices, None, `...`, tensors of indices or bools.

    >>> get_item([[1, 2], [3, 4]], (..., 0))
    tensor([1, 3], dtype=torch.int32)
    """
    return tensor(x)[key]


@one_node
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The slices of `x` along an axis that the indices name; negative ones count from the end.

    Args:
        x: any shape.
        indices: integers of any shape, which takes the axis' place in the result's.
        axis: along which; by default among all values in a row.

    >>> take([5.0, 6.0, 7.0], [[0, 2], [-1, 1]])
    tensor([[5., 7.],
            [7., 6.]])
    """
    x, indices = _beside(x, indices)
    if axis is None:
        x, axis = (x if x.ndim == 1 else x.reshape(-1)), 0
    (axis,) = plain_axes(x, axis)
    chosen = x.index_select(axis, _from_front(indices.reshape(-1), x.shape[axis]))
    taken = chosen.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return moved(taken, [x, indices], picked) if axis == 0 else taken


@one_node
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """For each place of the other axes the values along `axis` that its own indices name.

    Args:
        x: any shape.
        indices: integers, with as many axes as `x`; the other axes broadcast. Negative ones count from the end.
        axis: along which; by default among all values in a row, and `indices` is a vector.

    >>> take_along_axis([[5, 6], [7, 8]], [[1], [0]], axis=1)
    tensor([[6],
            [7]], dtype=torch.int32)
    """
    x, indices = _beside(x, indices)
    if axis is None:
        x, indices, axis = x.reshape(-1), indices.reshape(-1), 0
    return torch.take_along_dim(x, _from_front(indices.long(), x.shape[axis]), axis)


@one_node_of(numbers=("shape",), places=("start_indices",))
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """The block of this shape that begins at these indices, one for each axis.

    Args:
        inputs: any shape.
        start_indices: integers, or a tensor of them.
        shape: the block's sizes: plain integers; -1 for all from the beginning on.

    Raises:
        ArgumentError: -1 where a tensor tells where the block begins, so that its size hangs on values.

    >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2))
    tensor([[2, 3],
            [5, 6]], dtype=torch.int32)
    """
    inputs = tensor(inputs)
    for axis, (start, length) in enumerate(zip(start_indices, shape, strict=True)):
        if isinstance(start, torch.Tensor):
            if isinstance(length, int) and length == -1:
                raise ArgumentError(
                    "ops.slice: the size of the block depends on values.",
                    got=f"-1 along axis {axis}, where a tensor tells the beginning",
                    hint="its size, or whole numbers as start_indices",
                )
            places = whole("slice", start) + torch.arange(length, device=inputs.device)
            inputs = inputs.index_select(axis, _from_front(places, inputs.shape[axis]))
        else:
            rest = isinstance(length, int) and length == -1
            inputs = inputs.narrow(axis, start, inputs.shape[axis] - start if rest else length)
    return inputs


@one_node_of(numbers=(), places=("start_indices",))
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """`inputs` with the block that begins at these indices, one for each axis, replaced by `updates`.

    Args:
        inputs: any shape.
        start_indices: integers, or a tensor of them.
        updates: the block, with as many axes.

    Raises:
        ShapeError: other numbers of axes, or a block that reaches beyond.

    >>> slice_update([[1, 2, 3], [4, 5, 6]], (0, 1), [[0], [0]])
    tensor([[1, 0, 3],
            [4, 0, 6]], dtype=torch.int32)
    """
    inputs, updates = placed(inputs, updates)
    if isinstance(start_indices, torch.Tensor):
        start_indices = whole("slice_update", start_indices)
    if not inputs.ndim == updates.ndim == len(start_indices):
        raise ShapeError(
            "ops.slice_update: the block, where it begins and the input have other numbers of axes.",
            got=f"updates {tuple(updates.shape)}, {len(start_indices)} start_indices, inputs {tuple(inputs.shape)}",
        )
    places = []
    for axis, (start, length) in enumerate(zip(start_indices, updates.shape, strict=True)):
        if isinstance(start, int) and not 0 <= start <= inputs.shape[axis] - length:
            raise ShapeError(
                f"ops.slice_update: the block reaches beyond axis {axis}.",
                got=f"{length} values from {start} on, of {inputs.shape[axis]}",
            )
        along = start + torch.arange(length, device=inputs.device)
        places.append(along.reshape(-1, *[1] * (inputs.ndim - axis - 1)))
    return inputs.index_put(tuple(places), updates.to(inputs.dtype))


@one_node_of(numbers=("shape",))
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Zeros of this shape, with `values` added at the indices.

    Args:
        indices: (..., K): each last axis names the place by its first K axes.
        values: (..., *shape[K:]).
        shape: of the result.

    >>> scatter([[0], [2], [2]], [1.0, 2.0, 3.0], (4,))
    tensor([1., 0., 5., 0.])
    """
    indices, values = placed(indices, values)
    return scatter_update(values.new_zeros(tuple(shape)), indices, values, "add")


@one_node
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """`inputs`, with `updates` at the indices: in place of what stands there, or joined with it.

    Args:
        inputs: any shape.
        indices: (..., K): each last axis names a place by the first K axes.
        updates: (..., *inputs.shape[K:]), or what broadcasts to it.
        reduction: None replaces (which of several at one place wins is not said), "add", "mul", "max" or "min" joins.

    Raises:
        ArgumentError: another reduction. DtypeError: the indices are no integers. ShapeError: shapes that do not fit.

    >>> scatter_update([1, 2, 3], [[0], [2]], [9, 8])
    tensor([9, 2, 8], dtype=torch.int32)
    """
    inputs, indices, updates = placed(inputs, indices, updates)
    updates, indices = updates.to(inputs.dtype), whole("scatter_update", indices)
    depth = indices.shape[-1] if indices.ndim else 0
    whole_shape = indices.shape[:-1] + inputs.shape[depth:]
    broadcasts = all(a in (1, b) for a, b in zip(reversed(updates.shape), reversed(whole_shape), strict=False))
    if not 0 < depth <= inputs.ndim or updates.ndim > len(whole_shape) or not broadcasts:
        raise ShapeError(
            "ops.scatter_update: the updates do not fit the indices.",
            got=f"inputs {tuple(inputs.shape)}, indices {tuple(indices.shape)}, updates {tuple(updates.shape)}",
            expected="inputs (*A, *B), indices (..., len(A)) and updates (..., *B)",
        )
    updates = updates.expand(whole_shape)
    if reduction is None or reduction == "add":
        return inputs.index_put(tuple(indices.long().unbind(-1)), updates, accumulate=reduction == "add")
    if reduction not in _REDUCTIONS:
        raise ArgumentError(f"ops.scatter_update has no reduction {reduction!r}.", expected=f"None, {[*_REDUCTIONS]}")
    sizes = inputs.shape[:depth]
    row = torch.zeros_like(indices[..., 0], dtype=torch.int64)
    for axis, size in enumerate(sizes):
        row = row * size + _from_front(indices[..., axis].long(), size)
    rows = inputs.reshape(math.prod(sizes), -1)
    updates = updates.reshape(-1, rows.shape[1])
    joined = rows.scatter_reduce(0, row.reshape(-1, 1).expand(updates.shape), updates, _REDUCTIONS[reduction])
    return joined.reshape(inputs.shape)


@one_node_of(numbers=("shape",))
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """The places in a tensor of this shape of values that were counted in a row: an index for each axis.

    Args:
        indices: integers of any shape.
        shape: sizes, which may be symbolic.

    Returns:
        As many tensors as there are axes, in the shape and dtype of `indices`.

    Raises:
        DtypeError: the indices are no integers.

    >>> unravel_index([2, 5], (2, 3))
    (tensor([0, 1], dtype=torch.int32), tensor([2, 2], dtype=torch.int32))
    """
    rest = whole("unravel_index", indices)
    places = []
    for size in reversed(tuple(shape)):
        places.append(rest % size)
        rest = torch.div(rest, size, rounding_mode="floor")
    return tuple(reversed(places))


def nonzero(x: Any) -> Any:
    """Where the values that are not 0 stand: (number of axes, how many), int32. Its rows index `x`.

    Raises:
        ValueNeededError: `x` is symbolic: how many there are depends on the values.

    >>> nonzero([[0, 5], [6, 0]])
    tensor([[0, 1],
            [1, 0]], dtype=torch.int32)
    """
    x = tensor(x)
    refuse_symbolic("nonzero", x, hint="ops.where(condition, a, b), which keeps the shape")
    return cast(torch.nonzero(x).mT, "int32")


def _beside(x: Any, indices: Any) -> tuple[torch.Tensor, torch.Tensor]:
    x, indices = placed(x, indices)
    return x, indices if indices.dtype in (torch.int32, torch.int64) else indices.long()


def _from_front(indices: torch.Tensor, size: int) -> torch.Tensor:
    return torch.where(indices < 0, indices + size, indices)
