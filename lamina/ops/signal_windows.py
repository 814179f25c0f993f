"""Windows for signals: weights that fade out towards both ends, symmetric, float32.

`x` says how long: a number, or a size of an unknown axis, as `ops.shape` gives it. A window of length 1 is ``[1.]``.
Below, `c` runs from -1 at one end to 1 at the other.
"""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import SymbolicInt
from lamina.graph.errors import ValueNeededError

from .creation import arange
from .elementwise import cos
from .operands import is_number, tensor
from .special import i0


def bartlett(x: Any) -> Any:
    """The triangle, `1 - |c|`.

    >>> bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return 1 - torch.abs(_centred("bartlett", x))


def hanning(x: Any) -> Any:
    """Half a wave and raised, `0.5 + 0.5 cos(pi c)`; 0 at the ends.

    >>> hanning(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return 0.5 + 0.5 * cos(torch.pi * _centred("hanning", x))


def hamming(x: Any) -> Any:
    """As `hanning`, but not quite down to 0: `0.54 + 0.46 cos(pi c)`.

    >>> hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return 0.54 + 0.46 * cos(torch.pi * _centred("hamming", x))


def blackman(x: Any) -> Any:
    """`0.42 + 0.5 cos(pi c) + 0.08 cos(2 pi c)`: narrower than `hanning`.

    >>> blackman(5)[1:4]
    tensor([0.3400, 1.0000, 0.3400])
    """
    turn = torch.pi * _centred("blackman", x)
    return 0.42 + 0.5 * cos(turn) + 0.08 * cos(2 * turn)


def kaiser(x: Any, beta: Any) -> Any:
    """`i0(beta sqrt(1 - c**2)) / i0(beta)`, with `i0` the Bessel function.

    Args:
        x: the length.
        beta: from 0, which gives a rectangle, upwards: the larger, the narrower. A number or a tensor without axes.

    >>> kaiser(3, 0.0)
    tensor([1., 1., 1.])
    """
    inside = torch.clamp(1 - torch.square(_centred("kaiser", x)), min=0)
    return i0(torch.sqrt(inside) * beta) / i0(beta)


def _centred(name: str, length: Any) -> Any:
    """From -1 to 1 in so many steps; 0 alone for a length of 1."""
    if not is_number(length):
        length = tensor(length)
        if not isinstance(length, torch.Tensor) or length.is_meta:
            raise ValueNeededError(
                f"ops.{name} makes a tensor whose size is the value of its argument, which only run time tells.",
                hint="a plain integer, or the size of an axis as ops.shape gives it",
            )
        length = length.item()
    places = arange(length if isinstance(length, SymbolicInt) else int(length), dtype="float32")
    last = places[-1:]
    return (2 * places - last) / torch.clamp(last, min=1)
