"""Broadcasting as Keras' merging layers do it: the batch stays in front, missing axes are put right behind it.

A tensor (B, F) beside a tensor (B, T, F) is read as (B, 1, F). Letters: B batch, T time, F features.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from lamina.layers.geometry import Shape


def same_rank(tensors: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    """The same tensors, those of fewer axes with axes of size 1 behind the batch."""
    first = tensors[0].dim()
    for tensor in tensors:
        if tensor.dim() != first:
            rank = max(tensor.dim() for tensor in tensors)
            return [with_rank(tensor, rank) for tensor in tensors]
    return tensors


def with_rank(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """The tensor with axes of size 1 behind the batch until it has `rank` axes.

    >>> with_rank(torch.zeros(2, 3), 4).shape
    torch.Size([2, 1, 1, 3])
    """
    for _ in range(rank - tensor.dim()):
        tensor = tensor.unsqueeze(1)
    return tensor


def broadcast_shapes(first: Shape, second: Shape) -> Shape | None:
    """The shape of an elementwise operation on both (batch included), None where they do not fit.

    >>> broadcast_shapes((8, 5), (8, 7, 1)), broadcast_shapes((8, 5), (8, 4))
    ((8, 7, 5), None)
    """
    rank = max(len(first), len(second))
    sizes = [broadcast_sizes(a, b) for a, b in zip(_padded(first, rank), _padded(second, rank), strict=True)]
    if -1 in sizes:
        return None
    return tuple(sizes)


def broadcast_sizes(a: int | None, b: int | None) -> int | None:
    """The size that both axes take; -1 where they do not fit. An unknown size fits any."""
    if a == 1 or a == b:
        return b
    if b == 1:
        return a
    return None if a is None or b is None else -1


def _padded(shape: Shape, rank: int) -> Shape:
    return (*shape[:1], *(1,) * (rank - len(shape)), *shape[1:])
