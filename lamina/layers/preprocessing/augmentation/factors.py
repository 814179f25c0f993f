"""Arguments that many of these layers share: ranges to draw from, ranges of values."""

from __future__ import annotations

from typing import Any

from lamina.layers.arguments import choice, number, plain, refuse

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")
Range = tuple[float, float]


def factor_range(layer: Any, name: str, value: Any, low: float, high: float, both_ends: bool = True) -> Range:
    """(lower, upper) of a factor: two numbers as they are, in order; of one number f the range from -f to f.

    Both lie in [low, high], without `low` itself where `both_ends` says no; so with low = 0 one number f is (0, f).

    Raises:
        ArgumentError: something else.
    """
    value = plain(value)
    expected = f"a number, or two, from {low:g}{'' if both_ends else ' (not itself)'} to {high:g}"
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise refuse(layer, name, value, expected)
        lower, upper = sorted(_within(layer, name, item, value, low, high, expected) for item in value)
    else:
        upper = abs(_within(layer, name, value, value, low, high, expected))
        lower = max(-upper, low)
    if lower == low and not both_ends:
        raise refuse(layer, name, value, expected)
    return lower, upper


def _within(layer: Any, name: str, item: Any, value: Any, low: float, high: float, expected: str) -> float:
    if isinstance(item, bool) or not isinstance(item, (int, float)) or not low <= item <= high:
        raise refuse(layer, name, value, expected)
    return item


def value_range(layer: Any, value: Any) -> list[float]:
    """The least and the largest value of pictures, in order.

    Raises:
        ArgumentError: not two different numbers.
    """
    value = plain(value)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise refuse(layer, "value_range", value, "two numbers, (0, 255) or (0, 1)")
    low, high = sorted(number(layer, "value_range", item, -float("inf")) for item in value)
    if low == high:
        raise refuse(layer, "value_range", value, "two different numbers")
    return [low, high]


def probability(layer: Any, name: str, value: Any) -> Range:
    """The range that the probability of a change is drawn from: (0, f) of one number, as Keras has it."""
    return factor_range(layer, name, value, 0, 1)


def fill_mode(layer: Any, value: Any, more: tuple[str, ...] = ()) -> str:
    return choice(layer, "fill_mode", value, (*FILL_MODES, *more))


def interpolation(layer: Any, value: Any) -> str:
    return choice(layer, "interpolation", value, INTERPOLATIONS)


def fill_value(layer: Any, value: Any) -> float:
    return number(layer, "fill_value", value, -float("inf"))


def as_given(value: Any) -> Any:
    """A factor as a config gives it back: a number, a tuple of numbers or None."""
    value = plain(value)
    return tuple(value) if isinstance(value, list) else value
