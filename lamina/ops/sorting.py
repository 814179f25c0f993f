"""Values in order, the largest of them, and their place in an order."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.graph import ArgumentError, DtypeError, ShapeError, SymbolicInt, record

from .numbers import numbers
from .one_node import one_node_of
from .operands import common, here, ordered, placed, plain_axes, tensor


def sort(x: Any, axis: int | None = -1) -> Any:
    """The values along an axis from small to large; all values in a row, if `axis` is None.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.

    Raises:
        ArgumentError: there is no such axis. DtypeError: complex numbers, which have no order.

    >>> sort([3, 1, 2])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    x, place = _in_a_row(x, axis)
    return torch.sort(x, dim=place).values


def argsort(x: Any, axis: int | None = -1) -> Any:
    """The indices that put the values along an axis in order, equal ones as they stood; int32.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.

    Raises:
        ArgumentError: there is no such axis. DtypeError: complex numbers, which have no order.

    >>> argsort([3, 1, 2])
    tensor([1, 2, 0], dtype=torch.int32)
    """
    x = ordered(x)
    if x.ndim == 0 and axis in (-1, 0):  # as NumPy: a number alone is in order
        axis = None
    x, place = _in_a_row(x, axis)
    return torch.argsort(x, dim=place, stable=True).to(torch.int32)


def argpartition(x: Any, kth: Any, axis: int | None = -1) -> Any:
    """Indices that put the k-th smallest value at place k, smaller ones before and larger ones behind it; int32.

    Here they put all values in order, as `argsort` does, which is one such order.

    Args:
        x: any shape.
        kth: k, or several of them; negative ones count from the end.
        axis: along which; None for all values in a row.

    Raises:
        ArgumentError: there is no such axis, or no such place along it.

    >>> argpartition([3.0, 1.0, 2.0], 1)
    tensor([1, 2, 0], dtype=torch.int32)
    """
    x = tensor(x)
    (place,) = (0,) if axis is None else plain_axes(x, axis)
    size = math.prod(x.shape) if axis is None and None not in x.shape else x.shape[place] if axis is not None else None
    for k in kth if isinstance(kth, (list, tuple)) else (kth,):
        if size is not None and not -size <= k < size:
            raise ArgumentError(
                f"ops.argpartition: there is no place {k}.", got=f"{size} values along axis {axis}", where=here()
            )
    return argsort(x, axis)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest values along the last axis, and their indices (int64).

    Args:
        x: any shape.
        k: how many; at most the size of the last axis.
        sorted: whether the largest comes first; else the order is not said.

    Raises:
        ArgumentError: there are no `k`. DtypeError: bools, or complex numbers.

    >>> values, indices = top_k([3.0, 1.0, 2.0], 2)
    >>> values, indices
    (tensor([3., 2.]), tensor([0, 2]))
    """
    x = ordered(x)
    if x.dtype == torch.bool:
        raise DtypeError("ops.top_k takes numbers.", got="bools", where=here(), hint="ops.cast(x, 'uint8')")
    size = x.shape[plain_axes(x, -1)[0]]
    k = numbers(k)
    count: Any = k
    if isinstance(count, SymbolicInt):  # which PyTorch's own check of arguments would refuse
        return record(torch.topk, (x, k), {"sorted": sorted})
    if size is not None and not 0 <= k <= size:
        raise ArgumentError(f"ops.top_k: there are no {k} values.", got=f"shape {tuple(x.shape)}", where=here())
    return torch.topk(x, k, sorted=sorted)


@one_node_of(numbers=("k",))
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether fewer than `k` classes have a higher score than the target class.

    Args:
        targets: (B,), the class of each row.
        predictions: (B, C), the scores.
        k: how many classes count.

    >>> in_top_k([0, 2], [[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]], k=2)
    tensor([False,  True])
    """
    targets, predictions = placed(targets, predictions)
    predictions = ordered(predictions)
    own = torch.take_along_dim(predictions, targets.long().unsqueeze(-1), -1)
    return ((predictions > own).sum(-1) < k) & torch.isfinite(own.squeeze(-1))


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """The indices at which the values would go in for the sequence to stay sorted; int32.

    Args:
        sorted_sequence: (N,), from small to large.
        values: any shape.
        side: "left" goes in before equal values, "right" after them.

    >>> searchsorted([1, 3, 5], [3, 4])
    tensor([1, 2], dtype=torch.int32)
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"ops.searchsorted: side cannot be {side!r}.", expected="'left' or 'right'", where=here())
    sequence, values = map(ordered, common(sorted_sequence, values))
    if sequence.ndim != 1:
        got = f"shape {tuple(sequence.shape)}"
        raise ShapeError("ops.searchsorted: the sequence is no vector.", got=got, where=here())
    return torch.searchsorted(sequence.contiguous(), values.contiguous(), side=side, out_int32=True)


def _in_a_row(x: Any, axis: int | None) -> tuple[Any, int]:
    x = ordered(x)
    return (x.reshape(-1), 0) if axis is None else (x, *plain_axes(x, axis))
