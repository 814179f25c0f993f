"""Checks and normal forms of the arguments that many layers share; each names the layer and the argument it refuses."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lamina.config import image_data_format
from lamina.graph import ArgumentError, ArgumentTypeError, SymbolicTensor
from lamina.ops.numbers import numbers

CHANNELS_LAST = "channels_last"
CHANNELS_FIRST = "channels_first"


def refuse(
    layer: object, name: str, value: Any, expected: str, hint: str | None = None, of_type: bool = False
) -> ArgumentError:
    """The error for an argument that cannot be; the caller raises it.

    Args:
        of_type: no value of this type can be, so that it is a TypeError too.
    """
    kind = type(layer).__name__
    headline = f"{kind}: {name} cannot be {value!r}."
    if isinstance(value, (SymbolicTensor, Tensor)):
        hint = f"{kind}(...)(x): the layer is made from its arguments, then it is called on the tensor"
    error = ArgumentTypeError if of_type else ArgumentError
    return error(headline, got=f"{value!r} of type {type(value).__name__}", expected=expected, hint=hint)


def whole(layer: object, name: str, value: Any, minimum: int = 1) -> int:
    """An integer that is at least `minimum`; NumPy's integers count, bools do not."""
    expected = {0: "an integer >= 0", 1: "a positive integer"}.get(minimum, f"an integer >= {minimum}")
    try:
        number = operator.index(value)
    except TypeError:
        raise refuse(layer, name, value, expected, of_type=True) from None
    if isinstance(value, bool) or number < minimum:
        raise refuse(layer, name, value, expected, of_type=isinstance(value, bool))
    return number


def flag(layer: object, name: str, value: Any) -> bool:
    """True or False, and nothing that only counts as such: "no" would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise refuse(layer, name, value, "True or False", of_type=True)
    return bool(value)


def fraction(layer: object, name: str, value: Any) -> float:
    """A number in [0, 1]."""
    is_percent = type(value) in (int, float) and 1 < value <= 100
    hint = f"{name}={value / 100:g}, if {value:g} is in percent" if is_percent else None
    return number(layer, name, value, 0.0, 1.0, hint)


def number(
    layer: object, name: str, value: Any, minimum: float, maximum: float = float("inf"), hint: str | None = None
) -> float:
    """A number in [minimum, maximum], as it came."""
    expected = f"a number >= {minimum:g}" if maximum == float("inf") else f"a number from {minimum:g} to {maximum:g}"
    of_type = isinstance(value, (bool, str))
    try:
        valid = not of_type and minimum <= float(value) <= maximum
    except (TypeError, ValueError) as error:
        valid, of_type = False, isinstance(error, TypeError)
    if not valid:
        raise refuse(layer, name, value, expected, hint, of_type=of_type)
    found: float = value
    return found


def optional_seed(layer: object, value: Any) -> int | None:
    """None, or an integer >= 0."""
    return None if value is None else whole(layer, "seed", value, minimum=0)


def plain(value: Any) -> Any:
    """Numbers that came as an array or a tensor as plain ones: a number, or a tuple of them. Other things as they are.

    >>> plain(np.array([3, 2])), plain((3, 2)), plain("same")
    ((3, 2), (3, 2), 'same')
    """
    return numbers(value) if isinstance(value, (np.ndarray, torch.Tensor)) else value


def axis_sizes(layer: object, name: str, value: Any, unknown: bool = False) -> tuple[int | None, ...]:
    """Sizes of axes: one integer for one axis, or several; None among them where `unknown` allows it."""
    value = plain(value)
    if isinstance(value, (list, tuple)):
        return tuple(size if unknown and size is None else whole(layer, name, size) for size in value)
    try:
        return (whole(layer, name, operator.index(value)),)
    except TypeError:
        raise refuse(layer, name, value, "a positive integer, or a list of them", of_type=True) from None


def wholes(layer: object, name: str, value: Any, length: int, minimum: int = 1) -> tuple[int, ...]:
    """`length` integers; one integer stands for all of them."""
    value = plain(value)
    if not isinstance(value, Iterable):
        return (whole(layer, name, value, minimum),) * length
    values = tuple(value) if not isinstance(value, str) else ()
    if len(values) != length:
        raise refuse(layer, name, value, f"an integer or {length} integers", of_type=isinstance(value, str))
    return tuple(whole(layer, name, item, minimum) for item in values)


def pairs(layer: object, name: str, value: Any, length: int) -> tuple[tuple[int, int], ...]:
    """`length` pairs (before, after) of integers >= 0: from one integer, one integer per axis, or one pair per axis."""
    value = plain(value)
    if not isinstance(value, Iterable):
        value = (value,) * length
    values = tuple(value) if not isinstance(value, str) else ()
    if len(values) != length:
        expected = f"an integer, {length} integers, or {length} pairs of integers"
        raise refuse(layer, name, value, expected, of_type=isinstance(value, str))
    both = [wholes(layer, name, item, 2, minimum=0) for item in values]
    return tuple((before, after) for before, after in both)


def choice(layer: object, name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of a few words, in any case."""
    word = value.lower() if isinstance(value, str) else None
    if word not in options:
        raise refuse(layer, name, value, "one of " + ", ".join(map(repr, options)), of_type=word is None)
    return word


def image_format(layer: object, value: Any) -> str:
    """`"channels_last"` or `"channels_first"`; `lamina.config.image_data_format()` for None."""
    if value is None:
        return image_data_format()
    return choice(layer, "data_format", value, (CHANNELS_LAST, CHANNELS_FIRST))


def axis(layer: object, name: str, value: Any) -> int:
    """An integer, which may be negative."""
    try:
        return operator.index(value)
    except TypeError:
        raise refuse(layer, name, value, "an integer", of_type=True) from None


def axes(layer: object, name: str, value: Any) -> int | list[int]:
    """An integer, or a list of integers, as get_config will give it back."""
    value = plain(value)
    if isinstance(value, (list, tuple)):
        return [axis(layer, name, item) for item in value]
    try:
        return operator.index(value)
    except TypeError:
        raise refuse(layer, name, value, "an integer or a list of integers", of_type=True) from None
