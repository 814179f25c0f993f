"""Draws of whole numbers: in a range, of classes, of successes."""

from __future__ import annotations

import operator
from typing import Any

from lamina.graph import ArgumentError, DtypeError, ShapeError, Symbolic, SymbolicInt, record
from lamina.graph.dtypes import to_torch
from lamina.ops.numbers import numbers
from lamina.ops.operands import floating

from . import samplers
from .drawing import draw, real, seed_now, seed_of_node


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Whole numbers from `minval` to `maxval - 1`, all alike.

    Args:
        shape, seed: as in `normal`.
        minval, maxval: whole numbers; one may be the size of an unknown axis.
        dtype: an integer dtype.

    Raises:
        ArgumentError: there is no number in the range. DtypeError: no integer dtype.

    >>> randint((3,), 5, 6)
    tensor([5, 5, 5], dtype=torch.int32)
    """
    kind = to_torch(dtype)
    if kind.is_floating_point or kind.is_complex:
        raise DtypeError("random.randint draws whole numbers.", got=f"dtype={dtype!r}", expected="an integer dtype")
    low, high = (value if isinstance(value, SymbolicInt) else _whole(value) for value in map(numbers, (minval, maxval)))
    if not isinstance(low, Symbolic) and not isinstance(high, Symbolic) and low >= high:
        raise ArgumentError("random.randint: no number is in the range.", got=f"minval={minval}, maxval={maxval}")
    return draw("randint", samplers.randint, shape, (low, high), kind, seed)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Class numbers, `num_samples` for each row, class c with probability softmax(logits)[c].

    Args:
        logits: (B, C).
        num_samples: how many of each row, with replacement.
        dtype: an integer dtype.
        seed: as in `normal`.

    Returns:
        (B, num_samples); no gradient goes through it.

    Raises:
        ShapeError: `logits` is no matrix.

    >>> categorical([[-1e9, 0.0, -1e9]], 4)
    tensor([[1, 1, 1, 1]], dtype=torch.int32)
    """
    logits, kind, num_samples = floating(logits), to_torch(dtype), numbers(num_samples)
    if logits.ndim != 2:
        raise ShapeError("random.categorical takes a matrix.", got=str(tuple(logits.shape)), expected="(B, C)")
    if isinstance(num_samples, bool) or not isinstance(num_samples, int) or num_samples < 1:
        raise ArgumentError(f"random.categorical: num_samples cannot be {num_samples!r}.", expected="a number from 1")
    if isinstance(logits, Symbolic):
        return record(samplers.categorical, (logits, num_samples, kind, seed_of_node(seed)), {})
    return samplers.categorical(logits, num_samples, kind, seed_now(seed))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """How many of `counts` independent trials succeed, each with the given probability.

    Args:
        shape, dtype, seed: as in `normal`.
        counts, probabilities: numbers, or tensors that broadcast to the shape; probabilities from 0 to 1.

    Returns:
        Whole numbers in a floating dtype; no gradient goes through them.

    >>> binomial((3,), 5, 1.0)
    tensor([5., 5., 5.])
    """
    kind = real("binomial", dtype)
    return draw("binomial", samplers.binomial, shape, (counts, probabilities), kind, seed)


def _whole(value: Any) -> int:
    number = value if isinstance(value, float) and value.is_integer() else None
    try:
        return int(number) if number is not None else operator.index(value)
    except TypeError:
        raise ArgumentError(f"random.randint: {value!r} bounds no whole numbers.", expected="whole numbers") from None
