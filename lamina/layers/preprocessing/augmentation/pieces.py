"""A large batch in pieces that fit a processor's cache, so that what a change computes on the way never leaves it.

On a CPU, memory is what these layers wait for: a fresh tensor of 40 MB costs 17 ms before anything is in it, and the
arithmetic on it 3 ms. In pieces of at most 1 MB only the result is new memory, and a picture of a usual size is a
piece by itself: where it stays as it is, it is copied once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .chosen import may_look

_PIECE = 2**20  # bytes


def in_pieces(x: torch.Tensor, parameters: Any, change: Callable[[torch.Tensor, Any], torch.Tensor]) -> torch.Tensor:
    """`change(x, parameters)` for a change of each picture by itself."""
    batch = x.shape[0]
    if batch < 2 or x.numel() * x.element_size() < 2 * _PIECE or x.requires_grad or not may_look(x):
        return change(x, parameters)
    size = x.numel() // batch * x.element_size()
    count = max(1, _PIECE // size)
    result: Any = None
    for begin in range(0, len(x), count):
        end = min(begin + count, len(x))
        part = change(x[begin:end], _between(parameters, begin, end, len(x)))
        if result is None:
            result = _room(part, len(x))
        result[begin:end] = part
    return result  # type: ignore[no-any-return]


def _between(parameters: Any, begin: int, end: int, batch: int) -> Any:
    """The parameters of these pictures: rows of the tensors (B, ...) in a nesting."""
    if isinstance(parameters, dict):
        return {name: _between(value, begin, end, batch) for name, value in parameters.items()}
    if isinstance(parameters, list):
        return [_between(value, begin, end, batch) for value in parameters]
    if isinstance(parameters, torch.Tensor) and parameters.ndim and parameters.shape[0] == batch:
        return parameters[begin:end]
    return parameters


def _room(part: torch.Tensor, batch: int) -> torch.Tensor:
    """For so many pictures, in the order of memory that a piece has."""
    shape = (batch, *part.shape[1:])
    planes = part.permute(0, 3, 1, 2)
    if planes.is_contiguous() and not part.is_contiguous():
        return part.new_empty((batch, *planes.shape[1:])).permute(0, 2, 3, 1)
    return part.new_empty(shape)


def in_planes(x: torch.Tensor, last: bool) -> torch.Tensor:
    """(B, C, H, W) in this order of memory: arithmetic between channels takes a row at a time then."""
    return x.permute(0, 3, 1, 2).contiguous() if last else x


def as_it_was(planes: torch.Tensor, last: bool) -> torch.Tensor:
    """A view of (B, C, H, W) in the layer's order of axes."""
    return planes.permute(0, 2, 3, 1) if last else planes
