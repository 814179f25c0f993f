"""Functions that integrals define, and roots that need care: one tensor, position by position."""

from __future__ import annotations

from typing import Any

import torch

from .operands import floating_pair, tensor, wide_floating


def erfc(x: Any) -> Any:
    """`1 - erf(x)`, exact where that is near 0.

    >>> erfc([0.0, 5.0])
    tensor([1.0000e+00, 1.5375e-12])
    """
    return torch.erfc(tensor(x))


def erfinv(x: Any) -> Any:
    """The number whose `erf` is `x`; NaN beyond [-1, 1], infinite at the ends.

    >>> erfinv([0.0, 0.5, 1.0])
    tensor([0.0000, 0.4769,    inf])
    """
    return torch.erfinv(tensor(x))


def i0(x: Any) -> Any:
    """The modified Bessel function of the first kind and order 0: the mean of `exp(x cos(t))` over all angles t.

    >>> i0([0.0, 1.0])
    tensor([1.0000, 1.2661])
    """
    return torch.i0(wide_floating(x))


def gammainc(x1: Any, x2: Any) -> Any:
    """The regularized lower incomplete gamma function `1 / gamma(a) * integral from 0 to x of t**(a - 1) exp(-t) dt`.

    The share of a gamma distribution of shape `a` that lies below `x`.

    Args:
        x1: a, the shape, above 0.
        x2: x, the upper limit, at least 0. Shapes broadcast.

    >>> gammainc([1.0, 2.0], 1.0)
    tensor([0.6321, 0.2642])
    """
    return torch.special.gammainc(*floating_pair(x1, x2))


def sinc(x: Any) -> Any:
    """`sin(pi x) / (pi x)`; 1 at 0, where its gradient is 0.

    >>> sinc([0.0, 0.5])
    tensor([1.0000, 0.6366])
    """
    return torch.sinc(tensor(x))


def cbrt(x: Any) -> Any:
    """The cube root, negative below 0. At 0, where its slope is infinite, no gradient goes through.

    >>> cbrt([8.0, -27.0])
    tensor([ 2., -3.])
    """
    x = wide_floating(x)
    # The root of 1 at 0: PyTorch multiplies the infinite slope there by 0, which would be NaN.
    return torch.sign(x) * torch.pow(torch.abs(torch.where(x == 0, 1.0, x)), 1 / 3)
