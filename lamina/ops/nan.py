"""Many values to one, or running totals, that pass over NaN: it is replaced by what changes nothing, or not counted.

Where all values are NaN, there is nothing to tell: sums are 0 and products 1, the others NaN, indices -1. `axis` and
`keepdims` as in the plain reductions; integers, which hold no NaN, give what these give. `nanmedian` and its like are
with the quantiles.
"""

from __future__ import annotations

from typing import Any

import torch

from .one_node import one_node
from .operands import floating, reduced, tensor
from .reduction import argmax, argmin, cumprod, cumsum, max, min, prod, sum


@one_node
def nansum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum of what is not NaN.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nansum([1.0, float("nan"), 2.0])
    tensor(3.)
    """
    return sum(_replaced(x, 0), axis, keepdims)


@one_node
def nanprod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The product of what is not NaN.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanprod([3.0, float("nan"), 2.0])
    tensor(6.)
    """
    return prod(_replaced(x, 1), axis, keepdims)


@one_node
def nanmean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean of what is not NaN: sum / n, n of these.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanmean([1.0, float("nan"), 2.0])
    tensor(1.5000)
    """
    x = floating(x)
    return sum(_replaced(x, 0), axis, keepdims) / _count(x, axis, keepdims)


@one_node
def nanvar(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance of what is not NaN: the mean of `(x - mean)**2`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanvar([1.0, float("nan"), 3.0])
    tensor(1.)
    """
    x = floating(x)
    apart = torch.abs(_replaced(x - nanmean(x, axis, True), 0))
    return sum(torch.square(apart), axis, keepdims) / _count(x, axis, keepdims)


@one_node
def nanstd(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation of what is not NaN: the root of the variance. No gradient goes through where it is 0.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanstd([1.0, float("nan"), 3.0])
    tensor(1.)
    """
    variance = nanvar(x, axis, keepdims)
    nothing = variance == 0
    # The root of 1 there: the slope of the root of 0 is infinite, and its product with 0 NaN.
    return torch.where(nothing, 0.0, torch.sqrt(torch.where(nothing, 1.0, variance)))


@one_node
def nanmax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest of what is not NaN.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanmax([1.0, float("nan"), 2.0])
    tensor(2.)
    """
    return _unless_all_are_nan(x, max(_replaced(x, -torch.inf), axis, keepdims), axis, keepdims, torch.nan)


@one_node
def nanmin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest of what is not NaN.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> nanmin([1.0, float("nan"), 2.0])
    tensor(1.)
    """
    return _unless_all_are_nan(x, min(_replaced(x, torch.inf), axis, keepdims), axis, keepdims, torch.nan)


@one_node
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the largest of what is not NaN, as `argmax`; int32.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        keepdims: whether the axis stays, with size 1.

    Raises:
        DtypeError: complex numbers, which have no order.

    >>> nanargmax([1.0, float("nan"), 2.0])
    tensor(2, dtype=torch.int32)
    """
    return _unless_all_are_nan(x, argmax(_replaced(x, -torch.inf), axis, keepdims), axis, keepdims, -1)


@one_node
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the smallest of what is not NaN, as `argmin`; int32.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        keepdims: whether the axis stays, with size 1.

    Raises:
        DtypeError: complex numbers, which have no order.

    >>> nanargmin([float("nan"), 1.0, 2.0])
    tensor(1, dtype=torch.int32)
    """
    return _unless_all_are_nan(x, argmin(_replaced(x, torch.inf), axis, keepdims), axis, keepdims, -1)


@one_node
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sums, as `cumsum`, with 0 for NaN.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        dtype: what is computed in and returned.

    >>> nancumsum([1.0, float("nan"), 2.0])
    tensor([1., 1., 3.])
    """
    return cumsum(_replaced(x, 0), axis, dtype)


@one_node
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running products, as `cumprod`, with 1 for NaN.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        dtype: what is computed in and returned.

    >>> nancumprod([3.0, float("nan"), 2.0])
    tensor([3., 3., 6.])
    """
    return cumprod(_replaced(x, 1), axis, dtype)


def _replaced(x: Any, number: float) -> torch.Tensor:
    x = tensor(x)
    return torch.where(torch.isnan(x), number, x) if _may_be_nan(x) else x


def _may_be_nan(x: torch.Tensor) -> bool:
    return x.dtype.is_floating_point or x.dtype.is_complex


def _count(x: torch.Tensor, axis: Any, keepdims: bool) -> torch.Tensor:
    return torch.sum(*reduced(~torch.isnan(x), axis, keepdims))


def _unless_all_are_nan(x: Any, result: torch.Tensor, axis: Any, keepdims: bool, otherwise: float) -> torch.Tensor:
    x = tensor(x)
    if not _may_be_nan(x):
        return result
    return torch.where(torch.all(*reduced(torch.isnan(x), axis, keepdims)), otherwise, result)
