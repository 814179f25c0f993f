"""The rows of a tensor joined by segment: what stands in the same group is summed, multiplied or compared."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ShapeError, ValueNeededError

from .one_node import one_node_of
from .operands import placed


@one_node_of(numbers=("num_segments",))
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The sums of the rows of each segment: `out[s] = sum of data[i] over all i with segment_ids[i] == s`.

    A segment without rows is 0. Rows whose id is negative, or not below `num_segments`, are left out.

    Args:
        data: (N, ...).
        segment_ids: (N,), integers: the segment of each row.
        num_segments: how many there are; by default the largest id and one.
        sorted: taken for Keras' sake: whether the ids are.

    Raises:
        ShapeError: the ids are no vector with one for each row.
        ValueNeededError: `num_segments` is not given and the ids are symbolic.

    >>> segment_sum([1.0, 2.0, 4.0], [0, 0, 2])
    tensor([3., 0., 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "sum", lambda dtype: 0)


@one_node_of(numbers=("num_segments",))
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The products of the rows of each segment; 1 for a segment without rows.

    Args and errors as in `segment_sum`.

    >>> segment_prod([3.0, 2.0, 4.0], [0, 0, 2])
    tensor([6., 1., 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "prod", lambda dtype: 1)


@one_node_of(numbers=("num_segments",))
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest of the rows of each segment; the smallest number of the dtype for a segment without rows.

    Args and errors as in `segment_sum`.

    >>> segment_max([1.0, 2.0, 4.0], [0, 0, 2])
    tensor([2., -inf, 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "amax", _smallest)


@one_node_of(numbers=("num_segments",))
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest of the rows of each segment; the largest number of the dtype for a segment without rows.

    Args and errors as in `segment_sum`.

    >>> segment_min([1.0, 2.0, 4.0], [0, 0, 2])
    tensor([1., inf, 4.])
    """
    return _by_segment(data, segment_ids, num_segments, "amin", _largest)


def _smallest(dtype: torch.dtype) -> float:
    return -torch.inf if dtype.is_floating_point else torch.iinfo(dtype).min


def _largest(dtype: torch.dtype) -> float:
    return torch.inf if dtype.is_floating_point else torch.iinfo(dtype).max


def _by_segment(data: Any, segment_ids: Any, num_segments: int | None, reduction: str, of_none: Any) -> torch.Tensor:
    data, segment_ids = placed(data, segment_ids)
    if segment_ids.ndim != 1 or data.ndim == 0 or data.shape[0] != segment_ids.shape[0]:
        raise ShapeError(
            "Each row needs one segment.",
            got=f"segment_ids of shape {tuple(segment_ids.shape)} for data of shape {tuple(data.shape)}",
            expected=f"segment_ids of shape {tuple(data.shape[:1])}",
        )
    ids = segment_ids.long()
    if num_segments is None:
        if ids.is_meta:
            raise ValueNeededError(
                "How many segments there are depends on values, which exist only when the model runs.",
                hint="num_segments=...",
            )
        num_segments = int(ids.max()) + 1
    # One row more, for what belongs to no segment.
    ids = torch.where((ids < 0) | (ids >= num_segments), num_segments, ids)
    start: torch.Tensor = data.new_full((num_segments + 1, *data.shape[1:]), of_none(data.dtype))
    if reduction == "sum":  # the same, three times as fast
        return start.index_add(0, ids, data).narrow(0, 0, num_segments)
    places = ids.reshape(-1, *[1] * (data.ndim - 1)).expand(data.shape)
    return start.scatter_reduce(0, places, data, reduction).narrow(0, 0, num_segments)
