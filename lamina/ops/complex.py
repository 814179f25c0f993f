"""Complex numbers: made, taken apart and turned. A real number is a complex one without an imaginary part."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import DtypeError, ShapeError

from .operands import common, floating, here, placed, tensor


def real(x: Any) -> Any:
    """The real part: a view, so it shares memory with `x`.

    >>> real([1 + 2j, 3.0])
    tensor([1., 3.])
    """
    return torch.real(tensor(x))


def imag(x: Any) -> Any:
    """The imaginary part; 0 for a real number.

    >>> imag([1 + 2j, 3.0])
    tensor([2., 0.])
    """
    x = tensor(x)
    return torch.imag(x) if x.dtype.is_complex else torch.zeros_like(x)


def conjugate(x: Any) -> Any:
    """`a - b i` for each `a + b i`.

    >>> conjugate([1 + 2j])
    tensor([1.-2.j])
    """
    # Resolved: PyTorch's lazy mark on a tensor would be refused by NumPy and by views.
    return torch.resolve_conj(torch.conj(tensor(x)))


def conj(x: Any) -> Any:
    """`a - b i` for each `a + b i`, as `conjugate`.

    >>> conj(3.0)
    tensor(3.)
    """
    return conjugate(x)


def angle(x: Any) -> Any:
    """The angle of the number in the plane, in radians from -pi to pi: 0 or pi for a real number.

    >>> angle([1j, -1.0])
    tensor([1.5708, 3.1416])
    """
    return torch.angle(tensor(x))


def isreal(x: Any) -> Any:
    """Whether its imaginary part is 0.

    >>> isreal([1 + 2j, 3.0])
    tensor([False,  True])
    """
    return torch.isreal(tensor(x))


def polar(abs_: Any, angle: Any) -> Any:
    """The number at this distance from 0 and this angle: `abs_ * (cos(angle) + i sin(angle))`.

    Args:
        abs_: distances; any shape.
        angle: radians, of a shape that broadcasts with it.

    Returns:
        complex64, or complex128 where one of them is float64.

    >>> polar([1.0, 2.0], 0.0)
    tensor([1.+0.j, 2.+0.j])
    """
    kind = torch.promote_types(torch.float32, torch.promote_types(*(x.dtype for x in placed(abs_, angle))))
    return torch.polar(*(tensor(x, kind) for x in common(abs_, angle)))


def view_as_complex(x: Any) -> Any:
    """(..., 2), the real and the imaginary parts, as complex numbers (...), without copying where memory allows.

    Raises:
        ShapeError: the last axis has not two places.
        DtypeError: `x` is complex already.

    >>> view_as_complex([[1.0, 2.0], [3.0, 4.0]])
    tensor([1.+2.j, 3.+4.j])
    """
    x = floating(x)
    if x.dtype.is_complex:
        raise DtypeError(
            "ops.view_as_complex joins real numbers to complex ones.", got=str(x.dtype), expected="floats", where=here()
        )
    if not x.ndim or x.shape[-1] != 2:
        raise ShapeError(
            "ops.view_as_complex needs the real and the imaginary part along the last axis.",
            got=f"shape {tuple(x.shape)}",
            expected="(..., 2)",
            where=here(),
        )
    return torch.view_as_complex(x.contiguous())


def view_as_real(x: Any) -> Any:
    """Complex numbers (...) as (..., 2): the real and the imaginary parts, without copying.

    Raises:
        DtypeError: `x` is not complex.

    >>> view_as_real([1 + 2j])
    tensor([[1., 2.]])
    """
    x = tensor(x)
    if not x.dtype.is_complex:
        raise DtypeError(
            "ops.view_as_real takes complex numbers apart.", got=str(x.dtype), expected="complex numbers", where=here()
        )
    return torch.view_as_real(x)
