"""Random changes of a tensor: values dropped, positions shuffled."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, DtypeError, ShapeError, Symbolic, SymbolicInt, record
from lamina.ops.numbers import numbers
from lamina.ops.operands import plain_axes, tensor

from . import samplers
from .drawing import seed_now, seed_of_node


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Each value is 0 with probability `rate`, else ``inputs / (1 - rate)``: always, in inference as in training.

    The layer `Dropout` is the one that rests in inference.

    Args:
        inputs: floating, of any shape.
        rate: from 0 to 1.
        noise_shape: a size, or None for the input's, for each axis: size 1 drops along a whole axis together.
        seed: as in `normal`.

    Raises:
        ArgumentError: `rate` or `noise_shape` cannot be. DtypeError: `inputs` is not floating.

    >>> x = dropout(torch.ones(100), 0.25, seed=1)
    >>> sorted(set(x.tolist()))
    [0.0, 1.3333333730697632]
    """
    inputs = tensor(inputs)
    if not inputs.dtype.is_floating_point:
        raise DtypeError("random.dropout drops real numbers.", got=f"a tensor of {inputs.dtype}", hint="ops.cast first")
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
        raise ArgumentError(f"random.dropout: rate cannot be {rate!r}.", expected="a number from 0 to 1")
    sizes = None if noise_shape is None else _noise_shape(inputs, noise_shape)
    if rate == 0:
        return inputs
    if seed is None and sizes is None:
        return F.dropout(inputs, rate, True)
    if isinstance(inputs, Symbolic):
        return record(samplers.dropout, (inputs, rate, sizes, seed_of_node(seed)), {})
    return samplers.dropout(inputs, rate, sizes, seed_now(seed))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The same values in a random order along an axis; every order is equally likely.

    What lies behind the axis moves as a whole; each position of the axes before it has an order of its own.

    Args:
        x: any tensor with at least one axis.
        axis: which one.
        seed: as in `normal`.

    Raises:
        ArgumentError: there is no such axis.

    >>> sorted(shuffle(torch.arange(5)).tolist())
    [0, 1, 2, 3, 4]
    """
    x = tensor(x)
    (place,) = plain_axes(x, axis)
    if isinstance(x, Symbolic):
        return record(samplers.shuffle, (x, place, seed_of_node(seed)), {})
    return samplers.shuffle(x, place, seed_now(seed))


def _noise_shape(inputs: Any, noise_shape: Any) -> tuple[Any, ...]:
    sizes = numbers(noise_shape)
    if not isinstance(sizes, tuple) or len(sizes) != inputs.ndim:
        raise ShapeError(
            "random.dropout: noise_shape has a size for each axis.",
            got=repr(noise_shape),
            expected=f"{inputs.ndim} sizes or None",
        )
    for size, own in zip(sizes, inputs.shape, strict=True):
        if size is None or isinstance(size, (SymbolicInt, torch.SymInt)) or size == 1 or own is None or size == own:
            continue
        raise ShapeError(
            "random.dropout: noise_shape does not broadcast to the input.",
            got=f"{size!r} for an axis of {own}",
            expected=f"1, {own} or None",
        )
    return sizes
