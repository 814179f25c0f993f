"""What a function takes from outside of itself: variables of the code around it, globals, and what is bound to it."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

from .variable import Variable


def captured(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """(name, value) of what a function's code names from outside; nothing of functions that are not Python's.

    >>> w = 3
    >>> def shift(by):
    ...     return lambda x: x + by
    >>> dict(captured(shift(5)))
    {'by': 5}
    """
    if isinstance(function, partial):
        yield from ((f"argument_{i}", value) for i, value in enumerate(function.args))
        yield from function.keywords.items()
        yield from captured(function.func)
        return
    if isinstance(function, MethodType):
        function = function.__func__
    if not isinstance(function, FunctionType):
        return
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # it has no value yet
            continue
    names = [*function.__code__.co_varnames]
    yield from zip(
        reversed(names[: function.__code__.co_argcount]), reversed(function.__defaults__ or ()), strict=False
    )
    yield from (function.__kwdefaults__ or {}).items()
    for name in _globals_of(function.__code__):
        if name in function.__globals__:
            yield name, function.__globals__[name]


def has_layer(weight: Any) -> bool:
    """Whether a weight is some layer's already; of a parameter of PyTorch's nobody knows."""
    facts = getattr(weight, "facts", None) if isinstance(weight, Variable) else None
    return bool(getattr(facts, "layer_has_it", False))


def _globals_of(code: CodeType) -> list[str]:
    """The names of globals that code reads, and functions within it; attributes called alike are none."""
    steps = dis.get_instructions(code) if code.co_names else ()  # attributes are names of it, too
    found = [step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _globals_of(constant)
    return list(dict.fromkeys(found))
