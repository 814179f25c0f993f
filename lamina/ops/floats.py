"""Floats as they are written: sign, exponent, neighbours; and the larger or smaller of two where one is NaN."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import DtypeError

from .operands import floating_pair, here, placed, tensor, tensors


def signbit(x: Any) -> Any:
    """Whether the sign is set: below 0, or -0.0.

    >>> signbit([-1.5, -0.0, 0.0])
    tensor([ True,  True, False])
    """
    return torch.signbit(tensor(x))


def isneginf(x: Any) -> Any:
    """Whether it is minus infinity.

    >>> isneginf([float("inf"), -float("inf")])
    tensor([False,  True])
    """
    return torch.isneginf(tensor(x))


def isposinf(x: Any) -> Any:
    """Whether it is plus infinity.

    >>> isposinf([float("inf"), -float("inf")])
    tensor([ True, False])
    """
    return torch.isposinf(tensor(x))


def ldexp(x1: Any, x2: Any) -> Any:
    """`x1 * 2**x2`.

    Args:
        x1: numbers.
        x2: integers.

    Raises:
        DtypeError: `x2` are no integers.

    >>> ldexp([1.0, 3.0], [4, -1])
    tensor([16.0000,  1.5000])
    """
    x1, x2 = placed(x1, x2)
    if x2.dtype.is_floating_point or x2.dtype.is_complex or x2.dtype == torch.bool:
        raise DtypeError("ops.ldexp needs whole exponents.", got=f"x2 of {x2.dtype}", expected="integers", where=here())
    kind = x1.dtype if x1.dtype.is_floating_point else torch.float32
    exponent = x2.to(kind)
    # In two steps, since 2**x2 alone leaves the range of the dtype sooner than the result does.
    half = torch.floor(exponent / 2)
    return x1.to(kind) * torch.pow(2.0, half) * torch.pow(2.0, exponent - half)


def nextafter(x1: Any, x2: Any) -> Any:
    """The float next to `x1` in the direction of `x2`, in the dtype of both.

    It moves with `x1`, so its slope there is 1, and 0 where both are equal; that of `x2` is 0.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> nextafter(1.0, 2.0) - 1
    tensor(1.1921e-07)
    """
    x1, x2 = floating_pair(x1, x2)
    if torch.is_grad_enabled() and any(isinstance(x, torch.Tensor) and x.requires_grad for x in (x1, x2)):
        return _NextAfter.apply(*torch.broadcast_tensors(x1, x2))  # type: ignore[no-untyped-call]
    return torch.nextafter(x1, x2)


class _NextAfter(torch.autograd.Function):
    """`torch.nextafter` with its gradient, which PyTorch 2.11 has not."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x1: torch.Tensor, x2: torch.Tensor) -> torch.Tensor:
        return torch.nextafter(x1, x2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, torch.Tensor], output: torch.Tensor) -> None:
        x1, x2 = inputs
        ctx.save_for_backward(x1 != x2)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        (moves,) = ctx.saved_tensors
        return torch.where(moves, grad, 0.0), torch.zeros_like(grad)


def fmax(x1: Any, x2: Any) -> Any:
    """The larger of both; the other where one is NaN.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> fmax([1.0, float("nan")], 0.5)
    tensor([1.0000, 0.5000])
    """
    return torch.fmax(*tensors(x1, x2))


def fmin(x1: Any, x2: Any) -> Any:
    """The smaller of both; the other where one is NaN.

    Args:
        x1, x2: shapes that broadcast; either may be a number.

    >>> fmin([1.0, float("nan")], 0.5)
    tensor([0.5000, 0.5000])
    """
    return torch.fmin(*tensors(x1, x2))
