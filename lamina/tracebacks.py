"""Tracebacks that end at the user's line: the frames between it and the error are folded away.

A public function folds in an ``except`` that ends with a bare ``raise``. Python then takes the traceback from the
exception as it is, so that not even the frame of that function is left. Nothing is done unless something is raised.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import FrameType, FunctionType, TracebackType
from typing import Any, TypeVar

from lamina.call_errors import refuse_call
from lamina.defaults import defaults
from lamina.frames import is_called, is_ours, is_users
from lamina.graph.errors import LaminaError

Function = TypeVar("Function", bound=Callable[..., Any])


_IN_OTHER_WORDS = (RuntimeError, IndexError, NotImplementedError)
"""What PyTorch raises, and an error of ours says anew."""


def door(function: Function) -> Function:
    """Mark a public function: what is raised within it ends at the line that called it.

    >>> @door
    ... def half(x):
    ...     return x / 2
    >>> half(4)
    2.0
    """

    @wraps(function)
    def through(*args: Any, **kwargs: Any) -> Any:
        try:
            try:
                return function(*args, **kwargs)
            except TypeError as error:
                if error.__traceback__.tb_next is None:  # type: ignore[union-attr]  # it did not even begin
                    refuse_call(function, args, kwargs)
                raise
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    return through  # type: ignore[return-value]


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


def fold(error: BaseException, called_by: FrameType | None) -> None:
    """Take the library's frames out of the traceback of an exception, and of those that led to it.

    Within a call of the library's own nothing is folded yet: who reads the traceback there needs all of it.

    Args:
        error: about to be raised again.
        called_by: the frame that called the public function.
    """
    frame = called_by
    while defaults.folds_tracebacks and frame is not None and not is_ours(frame):
        frame = frame.f_back
    if not defaults.folds_tracebacks or frame is not None:
        return
    chain = list(_chain(error))
    for each in chain:  # before their frames are gone, which tell who has raised them
        before = each.__context__
        if isinstance(each, LaminaError) and before is not None and not _is_users_own(before):
            each.__suppress_context__ = True  # what it says in better words
    for each in reversed(chain):
        each.__traceback__ = _folded(each.__traceback__)
        cause = each.__cause__
        said_anew = cause is not None and type(cause) in _IN_OTHER_WORDS and cause.__traceback__ is None
        if isinstance(each, LaminaError) and said_anew:  # there is no frame of the user's in it
            each.__cause__ = None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception and all that led to it."""
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if id(each) not in seen:
            seen.add(id(each))
            left += [before for before in (each.__cause__, each.__context__) if before is not None]
            yield each


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_users_own(error: BaseException) -> bool:
    *_, last = (None, *_frames(error.__traceback__))
    return last is not None and is_users(last.tb_frame) and not is_called(last.tb_frame)


def _folded(trace: TracebackType | None) -> TracebackType | None:
    """Without the library's frames, and without those of what it has called that is not the user's."""
    kept: list[TracebackType] = []
    within = True  # in the library, or in what it has called
    for entry in _frames(trace):
        frame = entry.tb_frame
        if is_ours(frame):
            within = True
        elif not within or (is_users(frame) and not is_called(frame)):
            within = False
            kept.append(entry)
    for i, entry in enumerate(kept):
        entry.tb_next = kept[i + 1] if i + 1 < len(kept) else None
    return kept[0] if kept else None
