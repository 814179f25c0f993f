"""Which values there are, how often, and in which bin they fall."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError, ValueNeededError

from .creation import linspace
from .one_node import one_node_of
from .operands import common, floating, here, ordered, placed, plain_axes, refuse_symbolic, tensor, whole


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each number comes: `out[v] = sum of weights[i] over all i with x[i] == v`; weights are 1 by default.

    Args:
        x: (N,) or, row by row, (B, N): integers from 0 on.
        weights: of the same shape.
        minlength: the result has at least so many places; else it ends with the largest number.
        sparse: only False.

    Returns:
        (max(x) + 1,) or (B, max(x) + 1): int32; with weights in the dtype that holds `x` and them.

    Raises:
        ArgumentError: a negative number, a sparse result. DtypeError: `x` are no integers. ShapeError: another rank, or
            weights of another shape. ValueNeededError: `x` is symbolic: how long the result is depends on values.

    >>> bincount([1, 2, 2, 3])
    tensor([0, 1, 2, 1], dtype=torch.int32)
    """
    refuse_symbolic("bincount", x, weights, hint="ops.sum(ops.one_hot(x, n), axis=-2)")
    if sparse:
        raise ArgumentError("ops.bincount makes dense tensors only.", got="sparse=True")
    x, weights = placed(x, weights)
    x = whole("bincount", x)
    if x.ndim not in (1, 2) or (weights is not None and weights.shape != x.shape):
        got = f"shape {tuple(x.shape)}" + ("" if weights is None else f", weights {tuple(weights.shape)}")
        raise ShapeError("ops.bincount takes (N,) or (B, N), and weights of that shape.", got=got)
    if x.numel() and int(x.min()) < 0:
        raise ArgumentError("ops.bincount counts from 0 on.", got=f"the value {int(x.min())}")
    length = max(int(x.max()) + 1 if x.numel() else 0, minlength)
    if weights is None:
        counts = x.new_zeros((*x.shape[:-1], length), dtype=torch.int32)
        return counts.scatter_add(-1, x.long(), torch.ones_like(x, dtype=torch.int32))
    dtype = torch.promote_types(x.dtype, weights.dtype)
    return x.new_zeros((*x.shape[:-1], length), dtype=dtype).scatter_add(-1, x.long(), weights.to(dtype))


def digitize(x: Any, bins: Any) -> Any:
    """The bin of each value: the `i` with `bins[i - 1] <= x < bins[i]`; int32.

    Args:
        x: any shape.
        bins: (N,), the limits, from small to large.

    Returns:
        0 for what lies below the first limit, N for what does not lie below the last.

    Raises:
        ShapeError: `bins` is no vector.

    >>> digitize([0.0, 1.0, 3.0, 1.6], [0.0, 3.0, 4.5, 7.0])
    tensor([1, 1, 2, 1], dtype=torch.int32)
    """
    x, bins = common(*(tensor(v, torch.uint8) if v.dtype == torch.bool else v for v in placed(x, bins)))
    if bins.ndim != 1:
        got = f"bins of shape {tuple(bins.shape)}"
        raise ShapeError("ops.digitize takes limits in a row.", got=got, where=here())
    return torch.bucketize(ordered(x).contiguous(), bins.contiguous(), right=True, out_int32=True)


@one_node_of(numbers=("bins",))
def histogram(x: Any, bins: int = 10, range: tuple[float, float] | None = None) -> Any:
    """How many values fall into each of so many bins of one width.

    Args:
        x: (N,).
        bins: how many.
        range: (lower, upper): where the first bin begins and the last ends, which belongs to it; values outside do not
            count. By default the smallest and the largest value, and half a unit around them if they are one.

    Returns:
        (counts, limits): (bins,) and (bins + 1,), both in the dtype of `x`, at least float32.

    Raises:
        ArgumentError: no bins, or a range that is none. ShapeError: `x` is no vector.

    >>> histogram([0.0, 1.0, 1.0, 4.0], bins=4)
    (tensor([1., 2., 0., 1.]), tensor([0., 1., 2., 3., 4.]))
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        raise ArgumentError("ops.histogram: bins must be a positive integer.", got=f"bins={bins!r}")
    if range is not None and not (isinstance(range, (tuple, list)) and len(range) == 2 and range[0] <= range[1]):
        raise ArgumentError("ops.histogram: range is (lower, upper).", got=f"range={range!r}")
    x = ordered(floating(x))
    if x.ndim != 1:
        raise ShapeError("ops.histogram takes values in a row.", got=f"shape {tuple(x.shape)}", hint="ops.ravel(x)")
    lower, upper = _ends(x) if range is None else (x.new_full((), end) for end in range)
    apart = (lower == upper) / 2
    limits = linspace(lower - apart, upper + apart, bins + 1).to(x.dtype)
    place = torch.searchsorted(limits, x.contiguous(), right=True) - 1
    inside = (x >= limits[0]) & (x <= limits[-1])  # and no NaN
    counts = x.new_zeros(bins).scatter_add(0, place.clamp(0, bins - 1), inside.to(x.dtype))
    return counts, limits


def _ends(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    if not x.shape[0]:
        return x.new_zeros(()), x.new_ones(())
    lower, upper = torch.aminmax(x.detach())
    return lower, upper


def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each value of `x1` is one of those in `x2`.

    Args:
        x1: any shape.
        x2: any shape.
        assume_unique: whether no value comes twice in either, which may be faster.
        invert: whether to tell those that are not.

    Returns:
        bool, in the shape of `x1`.

    >>> isin([0, 1, 2, 5], [0, 2])
    tensor([ True, False,  True, False])
    """
    x1, x2 = common(x1, x2)
    if x1.dtype == torch.bool:
        x1, x2 = x1.to(torch.uint8), x2.to(torch.uint8)
    return torch.isin(x1, x2, assume_unique=assume_unique, invert=invert)


@one_node_of(numbers=("size",))
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Each different value once, from small to large.

    Args:
        x: any shape.
        sorted: taken for Keras' sake: they are sorted in any case.
        return_index: whether to tell where each came first.
        return_inverse: whether to tell for each value of `x` its place in the result.
        return_counts: whether to tell how often each comes.
        axis: compare the slices along this axis, from their first value on; by default all values in a row.
        size: of the result, which is cut or filled up. With it the op can be part of a graph.
        fill_value: what fills it up, 0 by default; indices are filled up with 1 and counts with 0.

    Returns:
        The values (U,), or with `axis` `x` with U slices; then, where asked for, indices (U,), inverse (in the shape of
        `x`, with `axis` of its size) and counts (U,), all int64, in a tuple.

    Raises:
        ArgumentError: there is no such axis. ValueNeededError: `x` is symbolic and there is no `size`.

    >>> unique([3, 1, 2, 1], return_counts=True)
    (tensor([1, 2, 3], dtype=torch.int32), tensor([2, 1, 1]))
    >>> unique([3, 1, 2, 1], size=2)
    tensor([1, 2], dtype=torch.int32)
    """
    x = ordered(x)
    rows = x.reshape(-1) if axis is None else torch.movedim(x, plain_axes(x, axis)[0], 0)
    order, rank = _ranked(rows.reshape(rows.shape[0], math.prod(rows.shape[1:])))
    count = _how_many(rank) if size is None else size
    # Where each rank begins; ranks beyond the result end in a place that is cut off.
    slot = rank.clamp(max=count)
    first = rank.new_full((count + 1,), len(rows))
    first = first.scatter_reduce(0, slot, torch.arange(len(rows), device=x.device), "amin")[:count]
    there = first < len(rows)
    index = torch.cat([order, order.new_ones(1)])[first]
    values = rows[torch.where(there, index, 0)] if len(rows) else rows.new_zeros((count, *rows.shape[1:]))
    if size is not None:
        values = torch.where(there.reshape(-1, *[1] * (rows.ndim - 1)), values, 0 if fill_value is None else fill_value)
    results = [values.to(x.dtype) if axis is None else torch.movedim(values.to(x.dtype), 0, axis)]
    if return_index:
        results.append(index)
    if return_inverse:
        inverse = torch.empty_like(order).scatter(0, order, rank)
        results.append(inverse.reshape(x.shape) if axis is None else inverse)
    if return_counts:
        results.append(rank.new_zeros(count + 1).scatter_add(0, slot, torch.ones_like(slot))[:count])
    return results[0] if len(results) == 1 else tuple(results)


def _ranked(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(the order that sorts the rows, the number of different rows before each of them in that order)."""
    order = torch.arange(len(rows), device=rows.device)
    for column in reversed(range(rows.shape[1])):  # the first column decides, so it is sorted by last
        order = order[torch.argsort(rows[order, column], stable=True)]
    placed_rows = rows[order]
    differs = (placed_rows[1:] != placed_rows[:-1]).any(1)
    return order, torch.cat([order.new_zeros(min(len(rows), 1)), torch.cumsum(differs, 0)])


def _how_many(rank: torch.Tensor) -> int:
    if rank.is_meta:
        raise ValueNeededError(
            "How many different values there are is known only when the model runs.",
            hint="size=..., the size of the result",
        )
    return int(rank[-1]) + 1 if len(rank) else 0
