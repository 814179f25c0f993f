"""Arithmetic, position by position. Shapes broadcast; either side may be a number, an array, a tensor or symbolic.

Two dtypes meet in the one that holds both. Two integers stay integers, but for `divide`. A Python number beside a
tensor widens it only from bool to int32, and from integers to float32.
"""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import DtypeError

from .eager_errors import tell
from .operands import floating, floating_pair, here, is_number, operands, tensor, tensors


def add(x1: Any, x2: Any) -> Any:
    """`x1 + x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> add([1, 2], 0.5)
    tensor([1.5000, 2.5000])
    """
    a, b = operands(x1, x2)
    try:
        return a + b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def subtract(x1: Any, x2: Any) -> Any:
    """`x1 - x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    Raises:
        DtypeError: bools on both sides.

    >>> subtract([1, 2], 3)
    tensor([-2, -1], dtype=torch.int32)
    """
    a, b = operands(x1, x2)
    if _is_bool(a) and _is_bool(b):
        raise DtypeError("ops.subtract takes numbers.", got="bools", where=here(), hint="ops.logical_xor(x1, x2)")
    if _is_bool(a) or _is_bool(b):  # which PyTorch does not subtract
        a, b = tensors(a, b)
        kind = torch.promote_types(a.dtype, b.dtype)
        a, b = tensor(a, kind), tensor(b, kind)
    try:
        return a - b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def multiply(x1: Any, x2: Any) -> Any:
    """`x1 * x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> multiply([1, 2], [3, 4])
    tensor([3, 8], dtype=torch.int32)
    """
    a, b = operands(x1, x2)
    try:
        return a * b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, never an integer.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> divide([1, 2], 4)
    tensor([0.2500, 0.5000])
    """
    a, b = operands(x1, x2)
    try:
        return a / b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def true_divide(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, as `divide`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> true_divide(1, 4)
    tensor(0.2500)
    """
    return divide(x1, x2)


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, and 0 where `x2` is 0; no gradient goes to either there.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> divide_no_nan([1.0, 2.0], [0.0, 4.0])
    tensor([0.0000, 0.5000])
    """
    a, b = tensors(x1, x2)
    nothing = b == 0
    # Divided by 1 there, since a gradient of x / 0 would be NaN even where its result is not taken.
    try:
        return torch.where(nothing, 0.0, a / torch.where(nothing, 1, b))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def floor_divide(x1: Any, x2: Any) -> Any:
    """The largest whole number not above `x1 / x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> floor_divide([7, -7], 2)
    tensor([ 3, -4], dtype=torch.int32)
    """
    a, b = tensors(x1, x2)
    if _is_bool(a) and _is_bool(b):
        a, b = tensor(a, torch.int32), tensor(b, torch.int32)
    try:
        return torch.div(a, b, rounding_mode="floor")
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def mod(x1: Any, x2: Any) -> Any:
    """What `floor_divide` leaves over; it has the sign of `x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> mod([7, -7], 3)
    tensor([1, 2], dtype=torch.int32)
    """
    a, b = operands(x1, x2)
    if _is_bool(a) and _is_bool(b):
        a, b = tensor(a, torch.int32), tensor(b, torch.int32)
    try:
        return a % b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def fmod(x1: Any, x2: Any) -> Any:
    """What division cut off to a whole number leaves over; it has the sign of `x1`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> fmod([7, -7], 3)
    tensor([ 1, -1], dtype=torch.int32)
    """
    a, b = tensors(x1, x2)
    if _is_bool(a) and _is_bool(b):
        a, b = tensor(a, torch.int32), tensor(b, torch.int32)
    try:
        return torch.fmod(a, b)
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def power(x1: Any, x2: Any) -> Any:
    """`x1` to the power of `x2`.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> power([1.0, 2.0, 3.0], 2)
    tensor([1., 4., 9.])
    """
    a, b = operands(x1, x2)
    try:
        return a**b
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def maximum(x1: Any, x2: Any) -> Any:
    """The larger of both; NaN where either is.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> maximum([1.0, 5.0], 2)
    tensor([2., 5.])
    """
    try:
        return torch.maximum(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def minimum(x1: Any, x2: Any) -> Any:
    """The smaller of both; NaN where either is.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> minimum([1.0, 5.0], 2)
    tensor([1., 2.])
    """
    try:
        return torch.minimum(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logaddexp(x1: Any, x2: Any) -> Any:
    """`log(exp(x1) + exp(x2))`, without overflow.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> logaddexp([0.0, 1000.0], 0.0)
    tensor([6.9315e-01, 1.0000e+03])
    """
    try:
        return torch.logaddexp(*floating_pair(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def logaddexp2(x1: Any, x2: Any) -> Any:
    """`log2(2**x1 + 2**x2)`, without overflow.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> logaddexp2([0.0, 1000.0], 0.0)
    tensor([   1., 1000.])
    """
    try:
        return torch.logaddexp2(*floating_pair(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def hypot(x1: Any, x2: Any) -> Any:
    """`sqrt(x1**2 + x2**2)`, without overflow; no gradient goes to either where both are 0.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> hypot([3.0, 0.0], [4.0, 0.0])
    tensor([5., 0.])
    """
    a, b = floating_pair(x1, x2)
    nothing = (a == 0) & (b == 0)
    # Of 1 there, since the gradient of a root of 0 would be NaN.
    try:
        return torch.where(nothing, 0.0, torch.hypot(torch.where(nothing, 1.0, a), b))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def heaviside(x1: Any, x2: Any) -> Any:
    """The step: 0 below 0, 1 above, and `x2` where `x1` is 0; a float.

    Args:
        x1: any shape.
        x2: what 0 becomes; broadcasts.

    >>> heaviside([-1.5, 0.0, 2.0], 0.5)
    tensor([0.0000, 0.5000, 1.0000])
    """
    a, b = floating_pair(x1, x2)
    try:
        return torch.where(a == 0, b, (a > 0).to(a.dtype))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def arctan2(x1: Any, x2: Any) -> Any:
    """The angle of the point (x2, x1), in radians from -pi to pi.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> arctan2([1.0, -1.0], [0.0, -1.0])
    tensor([ 1.5708, -2.3562])
    """
    try:
        return torch.atan2(*tensors(x1, x2))
    except (RuntimeError, IndexError, TypeError) as error:
        tell(error)
        raise


def negative(x: Any) -> Any:
    """`-x`.

    >>> negative([1, -2])
    tensor([-1,  2], dtype=torch.int32)
    """
    return -tensor(x)


def abs(x: Any) -> Any:
    """The distance from 0; for complex numbers, too.

    >>> abs([1, -2])
    tensor([1, 2], dtype=torch.int32)
    """
    x = tensor(x)
    return x if x.dtype == torch.bool else torch.abs(x)


def absolute(x: Any) -> Any:
    """The distance from 0, as `abs`.

    >>> absolute(-2.5)
    tensor(2.5000)
    """
    return abs(x)


def fabs(x: Any) -> Any:
    """The distance from 0, as a float.

    >>> fabs([1, -2])
    tensor([1., 2.])
    """
    return torch.abs(floating(x))


def sign(x: Any) -> Any:
    """-1, 0 or 1, as `x` is below, at or above 0.

    >>> sign([-2.5, 0.0, 7.0])
    tensor([-1.,  0.,  1.])
    """
    return torch.sign(tensor(x))


def square(x: Any) -> Any:
    """`x * x`.

    >>> square([1, -2])
    tensor([1, 4], dtype=torch.int32)
    """
    x = tensor(x)
    return torch.square(x.to(torch.int32) if x.dtype == torch.bool else x)


def sqrt(x: Any) -> Any:
    """The square root; NaN below 0.

    >>> sqrt([4, 9])
    tensor([2., 3.])
    """
    return torch.sqrt(tensor(x))


def rsqrt(x: Any) -> Any:
    """`1 / sqrt(x)`.

    >>> rsqrt([4.0, 0.0])
    tensor([0.5000,    inf])
    """
    return torch.rsqrt(tensor(x))


def reciprocal(x: Any) -> Any:
    """`1 / x`.

    >>> reciprocal([4, -2])
    tensor([ 0.2500, -0.5000])
    """
    return torch.reciprocal(tensor(x))


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """`x`, held between `x_min` and `x_max`: numbers, or tensors that broadcast. None leaves a side open.

    Args:
        x: any shape.
        x_min, x_max: numbers, or tensors that broadcast.

    >>> clip([1, 5, 9], 2, 6)
    tensor([2, 5, 6], dtype=torch.int32)
    """
    x = tensor(x)
    x = x.to(torch.int32) if x.dtype == torch.bool else x
    limits = (x_min, x_max)
    if all(limit is None or is_number(limit) for limit in limits):
        return torch.clamp(x, *limits)
    return torch.clamp(x, *(None if limit is None else tensors(x, limit)[1] for limit in limits))


def _is_bool(x: Any) -> bool:
    return isinstance(x, bool) or getattr(x, "dtype", None) == torch.bool
