"""Functions of one tensor, position by position. Integers and bools give float32, where the function is not whole."""

from __future__ import annotations

from typing import Any

import torch

from .operands import floating, tensor, wide_floating


def exp(x: Any) -> Any:
    """`e` to the power of `x`.

    >>> exp([0.0, 1.0])
    tensor([1.0000, 2.7183])
    """
    return torch.exp(tensor(x))


def expm1(x: Any) -> Any:
    """`exp(x) - 1`, exact near 0.

    >>> expm1([0.0, 1e-6])
    tensor([0.0000e+00, 1.0000e-06])
    """
    return torch.expm1(tensor(x))


def exp2(x: Any) -> Any:
    """2 to the power of `x`.

    >>> exp2([0, 3])
    tensor([1., 8.])
    """
    return torch.exp2(tensor(x))


def log(x: Any) -> Any:
    """The natural logarithm; NaN below 0.

    >>> log([1.0, 0.0])
    tensor([0., -inf])
    """
    return torch.log(tensor(x))


def log1p(x: Any) -> Any:
    """`log(1 + x)`, exact near 0.

    >>> log1p([0.0, 1e-6])
    tensor([0.0000e+00, 1.0000e-06])
    """
    return torch.log1p(tensor(x))


def log2(x: Any) -> Any:
    """The logarithm to base 2.

    >>> log2([1, 8])
    tensor([0., 3.])
    """
    return torch.log2(tensor(x))


def log10(x: Any) -> Any:
    """The logarithm to base 10.

    >>> log10([1, 1000])
    tensor([0., 3.])
    """
    return torch.log10(tensor(x))


def sin(x: Any) -> Any:
    """The sine of an angle in radians.

    >>> sin([0.0, 0.5])
    tensor([0.0000, 0.4794])
    """
    return torch.sin(tensor(x))


def cos(x: Any) -> Any:
    """The cosine of an angle in radians.

    >>> cos([0.0, 0.5])
    tensor([1.0000, 0.8776])
    """
    return torch.cos(tensor(x))


def tan(x: Any) -> Any:
    """The tangent of an angle in radians.

    >>> tan([0.0, 0.5])
    tensor([0.0000, 0.5463])
    """
    return torch.tan(tensor(x))


def arcsin(x: Any) -> Any:
    """The angle from -pi/2 to pi/2 whose sine is `x`; NaN beyond [-1, 1].

    >>> arcsin([0.0, 1.0])
    tensor([0.0000, 1.5708])
    """
    return torch.asin(tensor(x))


def arccos(x: Any) -> Any:
    """The angle from 0 to pi whose cosine is `x`; NaN beyond [-1, 1].

    >>> arccos([0.0, 1.0])
    tensor([1.5708, 0.0000])
    """
    return torch.acos(tensor(x))


def arctan(x: Any) -> Any:
    """The angle from -pi/2 to pi/2 whose tangent is `x`.

    >>> arctan([0.0, 1.0])
    tensor([0.0000, 0.7854])
    """
    return torch.atan(tensor(x))


def sinh(x: Any) -> Any:
    """The hyperbolic sine, `(exp(x) - exp(-x)) / 2`.

    >>> sinh([0.0, 1.0])
    tensor([0.0000, 1.1752])
    """
    return torch.sinh(tensor(x))


def cosh(x: Any) -> Any:
    """The hyperbolic cosine, `(exp(x) + exp(-x)) / 2`.

    >>> cosh([0.0, 1.0])
    tensor([1.0000, 1.5431])
    """
    return torch.cosh(tensor(x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, in (-1, 1).

    >>> tanh([0.0, 1.0])
    tensor([0.0000, 0.7616])
    """
    return torch.tanh(tensor(x))


def arcsinh(x: Any) -> Any:
    """The number whose hyperbolic sine is `x`.

    >>> arcsinh([0.0, 1.0])
    tensor([0.0000, 0.8814])
    """
    return torch.asinh(tensor(x))


def arccosh(x: Any) -> Any:
    """The number from 0 up whose hyperbolic cosine is `x`; NaN below 1.

    >>> arccosh([1.0, 2.0])
    tensor([0.0000, 1.3170])
    """
    return torch.acosh(tensor(x))


def arctanh(x: Any) -> Any:
    """The number whose hyperbolic tangent is `x`; NaN beyond [-1, 1], infinite at the ends.

    >>> arctanh([0.0, 0.5])
    tensor([0.0000, 0.5493])
    """
    return torch.atanh(tensor(x))


def deg2rad(x: Any) -> Any:
    """Degrees as radians: `x * pi / 180`.

    >>> deg2rad([90, 180])
    tensor([1.5708, 3.1416])
    """
    return torch.deg2rad(wide_floating(x))


def rad2deg(x: Any) -> Any:
    """Radians as degrees: `x * 180 / pi`.

    >>> rad2deg([0.0, torch.pi])
    tensor([  0., 180.])
    """
    return torch.rad2deg(wide_floating(x))


def erf(x: Any) -> Any:
    """The error function, `2 / sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `x`.

    >>> erf([0.0, 1.0])
    tensor([0.0000, 0.8427])
    """
    return torch.erf(tensor(x))


def floor(x: Any) -> Any:
    """The largest whole number not above `x`; a float.

    >>> floor([1.5, -1.5])
    tensor([ 1., -2.])
    """
    return torch.floor(floating(x))


def ceil(x: Any) -> Any:
    """The smallest whole number not below `x`; a float.

    >>> ceil([1.5, -1.5])
    tensor([ 2., -1.])
    """
    return torch.ceil(floating(x))


def trunc(x: Any) -> Any:
    """`x` without its fraction part.

    >>> trunc([1.5, -1.5])
    tensor([ 1., -1.])
    """
    x = tensor(x)
    return x if x.dtype == torch.bool else torch.trunc(x)


def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals; halves go to the even neighbour.

    Args:
        x: any shape.
        decimals: how many digits behind the point; negative ones before it.

    >>> round([0.5, 1.5, 2.25], 0)
    tensor([0., 2., 2.])
    """
    x = tensor(x)
    if x.dtype.is_floating_point or x.dtype.is_complex:
        return torch.round(x, decimals=decimals)
    if decimals >= 0 or x.dtype == torch.bool:
        return torch.round(x)
    # Whole numbers to tens: exact, by what is left over.
    tens = 10**-decimals
    rest = torch.remainder(x, tens)
    below, left = x - rest, 2 * rest
    odd = torch.remainder(torch.div(below, tens, rounding_mode="floor"), 2) == 1
    return torch.where((left > tens) | ((left == tens) & odd), below + tens, below)


def isnan(x: Any) -> Any:
    """Whether it is no number.

    >>> isnan([1.0, float("nan")])
    tensor([False,  True])
    """
    return torch.isnan(tensor(x))


def isinf(x: Any) -> Any:
    """Whether it is infinite, of either sign.

    >>> isinf([1.0, -float("inf")])
    tensor([False,  True])
    """
    return torch.isinf(tensor(x))


def isfinite(x: Any) -> Any:
    """Whether it is neither infinite nor NaN.

    >>> isfinite([1.0, -float("inf"), float("nan")])
    tensor([ True, False, False])
    """
    return torch.isfinite(tensor(x))


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`x` with finite numbers for NaN and the infinities.

    Args:
        x: any shape.
        nan: stands for NaN.
        posinf, neginf: stand for infinity; by default the largest and the smallest number of the dtype.

    >>> nan_to_num([float("nan"), float("inf")], posinf=9.0)
    tensor([0., 9.])
    """
    x = tensor(x)
    return torch.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf) if x.dtype.is_floating_point else x
