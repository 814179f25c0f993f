"""The shape that ``add_weight`` is given: it comes first, once, as whole numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from lamina.graph import ArgumentError, ArgumentTypeError, ShapeError
from lamina.users_traceback import at_users_line

Made = TypeVar("Made")
_NONE = object()
_WHOLE = frozenset((int,))


def takes_shape_first(add_weight: Callable[..., Made]) -> Callable[..., Made]:
    """``add_weight``, which says what to write where something stands in the place of its shape.

    Raises:
        ArgumentError: the name in the first place, as in Keras 2; or two shapes.
        ArgumentTypeError: the name in the fourth place.
    """

    @wraps(add_weight)
    def checked(self: Any, *args: Any, **named: Any) -> Made:
        if args and isinstance(args[0], str):
            raise _name_first(self.label, args[0], named)
        if args and "shape" in named:
            raise ArgumentError(
                f"{self.label} cannot make a weight of two shapes.",
                got=f"add_weight({args[0]!r}, shape={named['shape']!r})",
                expected="the shape first, or as shape=",
                hint=f"add_weight(shape={named['shape']!r})",
            )
        if len(args) > 3 and isinstance(args[3], str):
            raise ArgumentTypeError(
                f"{self.label} cannot make a weight whose `trainable` is a text.",
                got=f"add_weight({', '.join(map(repr, args))})",
                expected="shape, initializer, dtype, trainable in this order",
                hint=f"name={args[3]!r}",
            )
        return add_weight(self, *args, **named)

    return at_users_line(checked)


def whole_sizes(shape: Any, layer: Any) -> tuple[int, ...]:
    """The shape of a weight, given as one number, several, or none."""
    if type(shape) is tuple and _WHOLE.issuperset(map(type, shape)):  # as nearly always
        return shape
    if isinstance(shape, str):
        raise _name_first(layer.label, shape, {})
    plain = isinstance(shape, (int, np.integer))
    several = hasattr(shape, "__iter__") and not plain
    sizes = tuple(shape) if several else () if shape is None else (shape,)
    if not all(n is None or hasattr(n, "__index__") for n in sizes):
        raise ArgumentTypeError(
            f"{layer.label} cannot make a weight of this shape.",
            got=f"add_weight(shape={shape!r})",
            expected="a whole number for each axis",
            hint="add_weight(shape=(3, 4)); units // 2 for half of a size",
        )
    if None in sizes:
        raise ShapeError(
            f"{layer.label} cannot make a weight of unknown size.",
            got=f"add_weight(shape={sizes})",
            expected="whole numbers; an axis that only run time tells is None in the shape that build is given",
            hint="give the size of this axis in Input(shape=...), or use axes of known size",
        )
    return tuple(int(n) for n in sizes)


def _name_first(label: str, name: str, named: dict[str, Any]) -> ArgumentError:
    return ArgumentError(
        f"{label} cannot make a weight of this shape.",
        got=f"add_weight({name!r}, ...)",
        expected="the shape first, as in Keras 3",
        hint=f"add_weight(shape={named.get('shape', '(...)')}, name={name!r})",
    )


def refuse_no_arrays(what: str, given: Any, due: int) -> None:
    """Refuse what is no list of arrays.

    Args:
        what: takes it, for messages.
        due: how many arrays.

    Raises:
        ArgumentTypeError: so it is.
    """
    hint = None
    if hasattr(given, "get_weights"):
        hint = "other.get_weights(), the list of its arrays"
    elif isinstance(given, Mapping):
        hint = "load_state_dict(...) for weights by name; list(weights.values()) where the order is the same"
    elif not isinstance(given, (str, bytes)) and hasattr(given, "__iter__"):
        wrong = next((value for value in given if value is None or isinstance(value, (str, bytes))), _NONE)
        if wrong is _NONE:
            return
        given = wrong
    raise ArgumentTypeError(
        f"{what} takes a list of arrays.",
        got=f"{given!r:.60} of type {type(given).__name__}",
        expected=f"{due} arrays, in the order of get_weights()",
        hint=hint,
    )
