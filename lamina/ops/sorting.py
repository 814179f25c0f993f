"""Values in order, the largest of them, and sums by group."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, ValueNeededError

from .one_node import one_node
from .operands import common, placed, tensor


def sort(x: Any, axis: int | None = -1) -> Any:
    """The values along an axis from small to large; all values in a row, if `axis` is None.

    >>> sort([3, 1, 2])
    tensor([1, 2, 3], dtype=torch.int32)
    """
    x = tensor(x)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    return torch.sort(x, dim=axis).values


def argsort(x: Any, axis: int | None = -1) -> Any:
    """The indices that put the values along an axis in order, equal ones as they stood; int32.

    >>> argsort([3, 1, 2])
    tensor([1, 2, 0], dtype=torch.int32)
    """
    x = tensor(x)
    x, axis = (x.reshape(-1), 0) if axis is None else (x, axis)
    return torch.argsort(x, dim=axis, stable=True).to(torch.int32)


def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The `k` largest values along the last axis, and their indices (int64).

    Args:
        x: any shape.
        k: how many; at most the size of the last axis.
        sorted: whether the largest comes first; else the order is not said.

    >>> values, indices = top_k([3.0, 1.0, 2.0], 2)
    >>> values, indices
    (tensor([3., 2.]), tensor([0, 2]))
    """
    return torch.topk(tensor(x), k, sorted=sorted)


@one_node
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
        raise ArgumentError(f"ops.searchsorted: side cannot be {side!r}.", expected="'left' or 'right'")
    return torch.searchsorted(*common(sorted_sequence, values), side=side, out_int32=True)


@one_node
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows of each segment; 0 for a segment without rows.

    Args:
        data: (N, ...).
        segment_ids: (N,), the segment of each row.
        num_segments: how many there are; by default the largest id and one.
        sorted: taken for Keras' sake: whether the ids are.

    Raises:
        ValueNeededError: `num_segments` is not given and the ids are symbolic.

    >>> segment_sum([1.0, 2.0, 4.0], [0, 0, 2])
    tensor([3., 0., 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "sum")


@one_node
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest of the rows of each segment; the smallest number of the dtype for a segment without rows.

    Args and errors as in `segment_sum`.

    >>> segment_max([1.0, 2.0, 4.0], [0, 0, 2])
    tensor([2., -inf, 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "amax")


def _by_segment(data: Any, segment_ids: Any, num_segments: int | None, reduction: str) -> torch.Tensor:
    data, segment_ids = placed(data, segment_ids)
    segment_ids = segment_ids.long()
    if num_segments is None:
        if segment_ids.is_meta:
            raise ValueNeededError(
                "How many segments there are depends on values, which exist only when the model runs.",
                hint="num_segments=...",
            )
        num_segments = int(segment_ids.max()) + 1
    empty: Any = 0
    if reduction == "amax":
        empty = -torch.inf if data.dtype.is_floating_point else torch.iinfo(data.dtype).min
    start = data.new_full((num_segments, *data.shape[1:]), empty)
    places = segment_ids.reshape(-1, *[1] * (data.ndim - 1)).expand(data.shape)
    return start.scatter_reduce(0, places, data, reduction)
