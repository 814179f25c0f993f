"""Values at equal ratios from one end to the other: `linspace` of the exponents."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph.dtypes import to_torch

from .arithmetic import power
from .core import cast
from .creation import linspace
from .one_node import one_node
from .operands import floating_pair, placed, tensor


@one_node
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`base**start` to `base**stop` at equal ratios: `base**linspace(start, stop)`.

    Args:
        start, stop: the exponents: numbers or tensors, which broadcast.
        num: how many; a plain integer.
        endpoint: whether `base**stop` is the last of them; else it would be the next.
        base: a number.
        dtype: of the result; by default that of the ends, at least float32.
        axis: where the new axis goes that runs from start to stop.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    start, stop = _ends(start, stop, dtype)
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    return cast(power(base, exponents), dtype or exponents.dtype)


@one_node
def geomspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`start` to `stop` at equal ratios.

    Args:
        start, stop: the ends, of one sign and not 0: numbers or tensors, which broadcast.
        num: how many; a plain integer.
        endpoint: whether `stop` is the last of them; else it would be the next.
        dtype: of the result; by default that of the ends, at least float32.
        axis: where the new axis goes that runs from start to stop.

    >>> geomspace(1, 8, 4)
    tensor([1., 2., 4., 8.])
    """
    start, stop = torch.broadcast_tensors(*_ends(start, stop, dtype))
    first, last = (torch.log2(torch.abs(end)) for end in (start, stop))
    values = torch.sign(start) * torch.exp2(linspace(first, last, num, endpoint))
    if endpoint and num > 1:  # exact, which a power of a logarithm is not
        values = torch.cat([start.unsqueeze(0), values[1:-1], stop.unsqueeze(0)])
    return cast(torch.movedim(values, 0, axis), dtype or values.dtype)


def _ends(start: Any, stop: Any, dtype: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as floats, of 64 bits where the result is cut to integers: 1000 would else come out as 999."""
    start, stop = floating_pair(*placed(start, stop))
    whole = dtype is not None and not to_torch(dtype).is_floating_point
    return (tensor(start, torch.float64), tensor(stop, torch.float64)) if whole else (start, stop)
