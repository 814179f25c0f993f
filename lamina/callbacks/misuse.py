"""What is wrong with callbacks of the user's that would pass in silence: misspelt hooks, one given twice."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from lamina.call_errors import CallError
from lamina.graph.source import warn
from lamina.nearest import nearest, suggested

from .base import HOOKS, Callback


def tell_of_misuse(callbacks: Iterable[Callback]) -> None:
    """Warn of methods that nobody calls, and of an object that stands in the list twice."""
    seen: set[int] = set()
    told: set[Any] = set()
    for callback in callbacks:
        if id(callback) in seen and id(callback) not in told:
            told.add(id(callback))
            warn(f"The same {type(callback).__name__} is given twice, so each of its hooks runs twice. Give it once.")
        seen.add(id(callback))
        if type(callback) in told:
            continue
        told.add(type(callback))
        for name in _uncalled(type(callback)):
            near = suggested(nearest(name, HOOKS))
            if near:  # one without a name of Keras' in view is the user's own, whoever calls it
                warn(f"{type(callback).__name__}.{name} is no hook, so it is never called. Try: {near}")


def _uncalled(cls: type) -> Iterator[str]:
    """Methods of the user's that are called like hooks and are none, and that no other method calls."""
    own = [vars(base) for base in cls.__mro__ if not base.__module__.startswith("lamina.") and base is not object]
    functions = {name: value for names in own for name, value in names.items() if inspect.isfunction(value)}
    used = {name for function in functions.values() for name in function.__code__.co_names}
    yield from (name for name in functions if name.startswith("on_") and name not in {*HOOKS, *used})


def refuse_hook(callback: Callback, hook: str, args: tuple[Any, ...]) -> None:
    """Say what a hook is called with, where it does not take that.

    Raises:
        CallError: so it is.
    """
    method = getattr(callback, hook)
    names = list(inspect.signature(getattr(Callback, hook)).parameters)[1:]
    try:
        inspect.signature(method).bind(*args)
    except TypeError as error:
        name = type(callback).__name__
        raise CallError(
            f"{name}.{hook} is called with {' and '.join(names)}, which it does not take.",
            got=f"{hook}{inspect.signature(method)}: {error}",
            expected=f"{hook}({', '.join(names)})",
            hint=f"def {hook}(self, {', '.join([*names[:-1], 'logs=None'])}): ...",
        ) from None
