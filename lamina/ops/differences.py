"""Differences between neighbours along an axis, and areas under the line through them."""

from __future__ import annotations

from typing import Any

import torch

from .arithmetic import multiply
from .operands import common, floating, tensor


def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """`a[1:] - a[:-1]` along an axis, `n` times over: each time one value fewer.

    Args:
        a: one axis or more.
        n: how often, from 0 on.
        axis: along which.

    >>> diff([1, 4, 9, 16])
    tensor([3, 5, 7], dtype=torch.int32)
    >>> diff([1, 4, 9, 16], n=2)
    tensor([2, 2], dtype=torch.int32)
    """
    return torch.diff(tensor(a), n, axis)


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under the line through points: the sum of `(y[i] + y[i + 1]) / 2 * (x[i + 1] - x[i])`.

    Args:
        y: the heights; any shape.
        x: where they stand: a vector, or the shape of `y`.
        dx: how far apart they stand, where `x` is not given.
        axis: along which the points follow each other; it vanishes.

    >>> trapezoid([1.0, 2.0, 3.0])
    tensor(4.)
    >>> trapezoid([1.0, 2.0, 3.0], x=[4.0, 6.0, 8.0])
    tensor(8.)
    """
    y = floating(y)
    if x is None:
        return multiply(torch.trapezoid(y, dim=axis), dx)
    return torch.trapezoid(*common(y, x), dim=axis)
