"""Many values to one: along one axis, several, or all (`axis=None`). `keepdims` leaves axes of size 1 in their place.

An empty `axis` reduces nothing: the sum of each value by itself.

Bools and integers shorter than 32 bits are summed in int32; means and variances of integers are float32.
"""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ShapeError

from .arithmetic import maximum, minimum, subtract
from .eager_errors import tell
from .one_node import one_node
from .operands import counted, floating, floating_pair, names_none, ordered, plain_axes, reduced, tensor


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The sum.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> sum([[1, 2], [3, 4]], axis=0)
    tensor([4, 6], dtype=torch.int32)
    """
    x, axes, keepdims = reduced(counted(x), axis, keepdims)
    return torch.sum(x, axes, keepdims, dtype=x.dtype)


def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """The product, computed and returned in `dtype` if one is given.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.
        dtype: what is computed in and returned.

    Raises:
        ArgumentError: there is no such axis.

    >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=1)
    tensor([ 2., 12.])
    """
    x = counted(x) if dtype is None else tensor(tensor(x), dtype)
    for place in sorted(
        () if names_none(axis) else plain_axes(x, axis), reverse=True
    ):  # PyTorch multiplies along one axis at a time
        x = torch.prod(x, place, keepdims, dtype=x.dtype)
    return x


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The mean: sum / n.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> mean([[1, 2], [3, 4]], axis=1)
    tensor([1.5000, 3.5000])
    """
    return torch.mean(*reduced(floating(x), axis, keepdims))


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The variance: the mean of `(x - mean(x))**2`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> var([1.0, 3.0])
    tensor(1.)
    """
    x, axes, keepdims = reduced(floating(x), axis, keepdims)
    return torch.var(x, axes, correction=0, keepdim=keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The standard deviation: the square root of the variance.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> std([1.0, 3.0])
    tensor(1.)
    """
    x, axes, keepdims = reduced(floating(x), axis, keepdims)
    return torch.std(x, axes, correction=0, keepdim=keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest value, but at least `initial`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.
        initial: a number that takes part, as if it were one of the values.

    Raises:
        ArgumentError: there is no such axis. DtypeError: complex numbers, which have no order.

    >>> max([[1, 5], [7, 4]], axis=0)
    tensor([7, 5], dtype=torch.int32)
    """
    return _extreme(torch.amax, maximum, x, axis, keepdims, initial)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest value, but at most `initial`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.
        initial: a number that takes part, as if it were one of the values.

    Raises:
        ArgumentError: there is no such axis. DtypeError: complex numbers, which have no order.

    >>> min([[1, 5], [7, 4]], axis=0)
    tensor([1, 4], dtype=torch.int32)
    """
    return _extreme(torch.amin, minimum, x, axis, keepdims, initial)


def amax(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The largest value, as `max`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> amax([3, 9, 4])
    tensor(9, dtype=torch.int32)
    """
    return max(x, axis, keepdims)


def amin(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The smallest value, as `min`.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> amin([3, 9, 4])
    tensor(3, dtype=torch.int32)
    """
    return min(x, axis, keepdims)


@one_node
def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """From peak to peak: the largest value less the smallest.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> ptp([[1, 5], [7, 4]], axis=0)
    tensor([6, 1], dtype=torch.int32)
    """
    return subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@one_node
def average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    """The weighted mean: `sum(x * weights) / sum(weights)`; the mean, without weights.

    Args:
        x: any shape.
        axis: along which, one or several; all by default.
        weights: of the shape of `x`, or of its axes that vanish.

    Raises:
        ShapeError: weights of another shape.

    >>> average([[1.0, 2.0], [3.0, 4.0]], axis=1, weights=[3.0, 1.0])
    tensor([1.2500, 3.2500])
    """
    if weights is None:
        return mean(x, axis)
    x, weights = floating_pair(x, weights)
    if names_none(axis):
        x, weights, axis = x.unsqueeze(-1), weights.unsqueeze(-1), -1
    axes = plain_axes(x, axis)
    if weights.shape != x.shape:
        sizes = tuple(x.shape[place] for place in axes)
        if tuple(weights.shape) != sizes:
            raise ShapeError(
                "ops.average needs a weight for each value, or for each place along the axis.",
                got=f"weights of shape {tuple(weights.shape)}",
                expected=f"{tuple(x.shape)} or {sizes}",
            )
        order = sorted(range(len(axes)), key=axes.__getitem__)
        weights = weights.permute(order).reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])
    return torch.sum(x * weights, axes) / torch.sum(weights.expand(x.shape), axes)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether all are true, which all but 0 is.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> all([[True, False], [True, True]], axis=1)
    tensor([False,  True])
    """
    return torch.all(*reduced(_truth(x), axis, keepdims))


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Whether one or more are true, which all but 0 is.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> any([[True, False], [False, False]], axis=1)
    tensor([ True, False])
    """
    return torch.any(*reduced(_truth(x), axis, keepdims))


def count_nonzero(x: Any, axis: Any = None) -> Any:
    """How many are not 0; int32.

    Args:
        x: any shape.
        axis: one, several, or None for all.

    Raises:
        ArgumentError: there is no such axis.

    >>> count_nonzero([[0, 1], [2, 3]], axis=1)
    tensor([1, 2], dtype=torch.int32)
    """
    x, axes, keepdims = reduced(_truth(x), axis)
    return torch.sum(x, axes, keepdims, dtype=torch.int32)


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the largest value, of the first if several are; among all values in a row if `axis` is None; int32.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        keepdims: whether the axis stays, with size 1.

    Raises:
        DtypeError: complex numbers, which have no order.

    >>> argmax([[1, 5], [7, 4]], axis=1)
    tensor([1, 0], dtype=torch.int32)
    """
    try:
        return torch.argmax(_ordered(x), axis, keepdims).to(torch.int32)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the smallest value, of the first if several are; among all values in a row if `axis` is None; int32.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        keepdims: whether the axis stays, with size 1.

    Raises:
        DtypeError: complex numbers, which have no order.

    >>> argmin([[1, 5], [7, 4]], axis=1)
    tensor([0, 1], dtype=torch.int32)
    """
    try:
        return torch.argmin(_ordered(x), axis, keepdims).to(torch.int32)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))`, without overflow.

    Args:
        x: any shape.
        axis: one, several, or None for all.
        keepdims: whether these axes stay, with size 1.

    Raises:
        ArgumentError: there is no such axis.

    >>> logsumexp([1000.0, 1000.0])
    tensor(1000.6932)
    """
    return torch.logsumexp(*reduced(floating(x), axis, keepdims))


def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Sums of the first value, the first two, ... along an axis, or over all in a row; in `dtype` if one is given.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        dtype: what is computed in and returned.

    >>> cumsum([1, 2, 3])
    tensor([1, 3, 6], dtype=torch.int32)
    """
    x, axis = _in_a_row(x, axis, dtype)
    try:
        return torch.cumsum(x, axis, dtype=x.dtype)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Products of the first value, the first two, ... along an axis, or over all in a row; in `dtype` if one is given.

    Args:
        x: any shape.
        axis: one, or None for all values in a row.
        dtype: what is computed in and returned.

    >>> cumprod([1, 2, 3])
    tensor([1, 2, 6], dtype=torch.int32)
    """
    x, axis = _in_a_row(x, axis, dtype)
    try:
        return torch.cumprod(x, axis, dtype=x.dtype)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def _extreme(reduce: Any, join: Any, x: Any, axis: Any, keepdims: Any, initial: Any) -> Any:
    """The extreme of the values along some axes, by PyTorch's `reduce`, and of `initial`, by `join`."""
    x, axes, keepdims = reduced(ordered(x), axis, keepdims)
    if initial is None:
        return reduce(x, axes, keepdims)
    if 0 in x.shape:  # of nothing PyTorch has no extreme
        sizes = [1 if place in axes else size for place, size in enumerate(x.shape) if keepdims or place not in axes]
        return x.new_full(sizes, initial)
    return join(reduce(x, axes, keepdims), tensor(initial, x.dtype))


def _truth(x: Any) -> Any:
    x = tensor(x)
    return x if x.dtype == torch.bool else x != 0


def _ordered(x: Any) -> Any:
    x = ordered(x)
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def _in_a_row(x: Any, axis: int | None, dtype: Any) -> tuple[Any, int]:
    x = tensor(tensor(x), dtype)
    x = x.to(torch.int32) if dtype is None and x.dtype == torch.bool else x
    return (x.reshape(-1), 0) if axis is None else (x, axis)
