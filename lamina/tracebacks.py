"""Tracebacks that end at the user's line: the frames between it and the error are folded away.

A door also says which arguments a function has not. See `lamina.users_traceback`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

from lamina.argument_kinds import looked_at, refuse_kinds, with_plain_numbers
from lamina.call_errors import refuse_call
from lamina.graph.errors import LaminaError
from lamina.users_traceback import at_users_line
from lamina.users_traceback import fold as fold

Function = TypeVar("Function", bound=Callable[..., Any])


def door(function: Function) -> Function:
    """Mark a public function: what is raised within it ends at the line that called it.

    >>> @door
    ... def half(x):
    ...     return x / 2
    >>> half(4)
    2.0
    """

    ours = (function.__module__ or "").startswith("lamina.")  # code run by `exec` may have no module
    makes = ours and function.__name__ == "__init__"

    @wraps(function)
    def through(*args: Any, **kwargs: Any) -> Any:
        try:
            try:
                if not makes or (len(args) == 1 and not kwargs):
                    return function(*args, **kwargs)
                others, arrays = looked_at(args, kwargs)
                if arrays:
                    args, kwargs = with_plain_numbers(function, args, kwargs)
                result = function(*args, **kwargs)
                if others:  # after it, since it may know better words
                    refuse_kinds(function, args, kwargs)
                return result
            except (TypeError, ValueError) as error:
                if error.__traceback__.tb_next is None:  # type: ignore[union-attr]  # it did not even begin
                    refuse_call(function, args, kwargs)
                elif ours and not isinstance(error, LaminaError):
                    refuse_kinds(function, args, kwargs)
                raise
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    return through  # type: ignore[return-value]


def fold_making(cls: Any) -> None:
    """See that what a class' own ``from_config`` raises ends at the line that called it."""
    makes = vars(cls).get("from_config")
    if isinstance(makes, classmethod):
        cls.from_config = classmethod(at_users_line(makes.__func__))


class Doored:
    """Base of classes whose constructors are doors: what one refuses ends at the line that makes the object.

    >>> class Half(Doored):
    ...     def __init__(self, of):
    ...         self.of = of
    >>> Half(3).of
    3
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(vars(cls).get("__init__"), FunctionType):
            cls.__init__ = door(cls.__init__)  # type: ignore[method-assign]
        fold_making(cls)
