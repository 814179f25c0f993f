"""Casts that hold what a dtype cannot at the nearest number that it can."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.graph.dtypes import to_torch

from .operands import ordered


def saturate_cast(x: Any, dtype: Any) -> Any:
    """`x` as this dtype, with its range's ends for what lies beyond: 300 as uint8 is 255, where a cast gives 44.

    Where the dtype of `x` has not the end itself (float32 has no 2**31 - 1), the next number within is taken.

    Args:
        x: real numbers of any shape.
        dtype: a name such as "uint8", or a torch dtype.

    Raises:
        DtypeError: `x` is complex.

    >>> saturate_cast([-1.0, 7.5, 300.0], "uint8")
    tensor([  0,   7, 255], dtype=torch.uint8)
    """
    x, wanted = ordered(x), to_torch(dtype)
    if x.dtype == torch.bool:
        return x.to(wanted)
    low, high = (end(ours, theirs) for end, ours, theirs in zip((max, min), _ends(x.dtype), _ends(wanted), strict=True))
    if x.dtype.is_floating_point:
        return torch.clamp(x, _within(low, x.dtype), _within(high, x.dtype)).to(wanted)
    return torch.clamp(x, low, high).to(wanted)


def _ends(dtype: torch.dtype) -> tuple[int, int]:
    if dtype == torch.bool:
        return 0, 1
    limits: Any = torch.finfo(dtype) if dtype.is_floating_point else torch.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _within(end: int, dtype: torch.dtype) -> float:
    """The number of a floating dtype nearest to `end` that is not beyond it."""
    digits = 2 - math.frexp(torch.finfo(dtype).eps)[1]
    excess = max(abs(end).bit_length() - digits, 0)
    return math.copysign((abs(end) >> excess) << excess, end)
