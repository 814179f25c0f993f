"""Arguments that are to be numbers or flags and are given as something else, such as the text ``"5"``.

Which they are to be, the annotations of the function say. A text that counts as True, or that is kept until it is
compared with a number in the tenth epoch, would pass in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from lamina.graph.errors import ArgumentTypeError

_FLAG, _NUMBER = "True or False", "a number"
_SEVERAL = ("Sequence", "Iterable", "Collection", "list", "tuple")
_PLAIN = frozenset((bool, int, float, type(None)))
_NO_FLAGS = (str, bytes, list, tuple, dict, set)
_NO_ARRAYS = _PLAIN | {str, tuple, list, dict}
_ARRAYS = (np.generic, np.ndarray, torch.Tensor)
_OFF = frozenset(("false", "no", "off", "0", "none", ""))


def looked_at(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, bool]:
    """Whether a constructor, given itself first, is given other things than Python's numbers and flags, and arrays.

    >>> looked_at((None, 3), {"rate": 0.5}), looked_at((None, "relu"), {}), looked_at((None,), {"units": np.int64(3)})
    ((False, False), (True, False), (True, True))
    """
    kinds = {*map(type, args[1:]), *map(type, kwargs.values())} if kwargs else set(map(type, args[1:]))
    if kinds <= _PLAIN:
        return False, False
    return True, not kinds <= _NO_ARRAYS and any(hasattr(kind, "ndim") for kind in kinds)


def with_plain_numbers(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments with Python's numbers and flags for NumPy's, and for arrays and tensors of no axis.

    So a constructor need not know them, and what it keeps goes into a config as it is.

    Args:
        function: a constructor with annotations that are texts: what may be something else than a number or a flag
            stays.

    >>> def drop(self, rate: float = 0.5, noise: Any = None): ...
    >>> with_plain_numbers(drop, (None, np.float64(0.25)), {"noise": np.float64(0.25)})
    ((None, 0.25), {'noise': np.float64(0.25)})
    """
    said, code = function.__annotations__, function.__code__
    names = code.co_varnames[: code.co_argcount]
    placed = tuple(_plain(value, said.get(name)) for value, name in zip(args, names, strict=False))
    return (*placed, *args[len(placed) :]), {name: _plain(value, said.get(name)) for name, value in kwargs.items()}


def _plain(value: Any, annotation: Any) -> Any:
    single = isinstance(value, _ARRAYS) and value.ndim == 0
    return value.item() if single and isinstance(annotation, str) and _kind(annotation) is not None else value


def as_flag(value: Any, what: str) -> bool:
    """Whether a value counts as True, as in Keras; but a text such as "no", which counts as True, is refused.

    Args:
        what: it is for, as the beginning of a sentence.

    Raises:
        ArgumentTypeError: a text.

    >>> as_flag(0, "Dense: trainable"), as_flag(np.True_, "Dense: trainable")
    (False, True)
    """
    if isinstance(value, (str, bytes)):
        name = what.rpartition(" ")[2]
        raise ArgumentTypeError(
            f"{what} cannot be {value!r:.60}.",
            got=f"{value!r:.60} of type {type(value).__name__}",
            expected=_FLAG,
            hint=_hint(name, value if isinstance(value, str) else value.decode(errors="replace"), _FLAG),
        )
    return bool(value)


def refuse_kinds(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuse what is no number, or neither True nor False, where the function takes nothing else.

    Args:
        function: with annotations that are texts, as of any module of the library.
        args, kwargs: what it is called with.

    Raises:
        ArgumentTypeError: the first such argument.

    >>> def wait(patience: int = 0, once: bool = False): ...
    >>> refuse_kinds(wait, (3,), {"once": 1})
    >>> refuse_kinds(wait, ("3",), {})
    Traceback (most recent call last):
    lamina.ArgumentTypeError: wait: patience cannot be '3'.
      got       '3' of type str
      expected  a number
      where     ...
      try       patience=3
    """
    placed, named = _kinds(function)
    for (name, expected), value in zip(placed, args, strict=False):
        if type(value) not in _PLAIN and expected is not None and not _fits(value, expected):
            raise _refusal(function, args, name, value, expected)
    if not named.keys().isdisjoint(kwargs):
        for name, value in kwargs.items():
            if type(value) not in _PLAIN and name in named and not _fits(value, named[name]):
                raise _refusal(function, args, name, value, named[name])


@lru_cache(maxsize=1024)
def _kinds(function: Any) -> tuple[list[tuple[str, str | None]], dict[str, str]]:
    """What each argument of a function is to be: in their order, None where it may be anything; and by their names."""
    said, code = function.__annotations__, function.__code__
    every = {name: _kind(annotation) for name, annotation in said.items() if isinstance(annotation, str)}
    named = {name: expected for name, expected in every.items() if expected is not None}
    return [(name, named.get(name)) for name in code.co_varnames[: code.co_argcount]], named


def _fits(value: Any, expected: str) -> bool:
    if expected == _FLAG:
        return not isinstance(value, _NO_FLAGS)
    if expected == _NUMBER or isinstance(value, (str, bytes, dict)):
        return _is_number(value)
    return _is_number(value) or hasattr(value, "__iter__")


@lru_cache(maxsize=1024)
def _kind(annotation: str) -> str | None:
    """What an annotation such as ``int | None`` or ``Sequence[float]`` asks for; None where it takes other things."""
    words = set(re.findall(r"\w+", annotation))
    if words <= {"bool", "None"}:
        return _FLAG
    if not words & {"int", "float"} or not words <= {"int", "float", "None", *_SEVERAL}:
        return None
    if not words & {*_SEVERAL}:
        return _NUMBER
    return "a number, or several" if annotation[:1] in "if" else "a list of numbers"


def _is_number(value: Any) -> bool:
    """Whether it can be taken for a number: NumPy's are, and tensors."""
    kind = type(value)
    return not issubclass(kind, str) and (hasattr(kind, "__float__") or hasattr(kind, "__index__"))


def _hint(name: str, value: Any, expected: str) -> str | None:
    if expected == _FLAG:
        return f"{name}={str(value).strip().lower() not in _OFF}"
    try:
        float(value)
    except (TypeError, ValueError):
        return None
    return f"{name}={value}" if expected.startswith("a number") else f"{name}=[{value}]"


def _refusal(function: Any, args: tuple[Any, ...], name: str, value: Any, expected: str) -> ArgumentTypeError:
    makes = function.__name__ == "__init__" and bool(args)
    who = type(args[0]).__name__ if makes else function.__name__
    shown = f"{value!r:.60}"
    return ArgumentTypeError(
        f"{who}: {name} cannot be {shown}.",
        got=f"{shown} of type {type(value).__name__}",
        expected=expected,
        hint=_hint(name, value, expected),
    )
