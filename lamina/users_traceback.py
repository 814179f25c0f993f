"""fold: takes the library's frames out of a traceback, which then ends at the user's line.

A function that the user calls folds in an ``except`` that ends with a bare ``raise``. Python then takes the traceback
from the exception as it is, so that not even the frame of that function is left. Nothing is done unless something is
raised: ``try`` costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import FrameType, TracebackType
from typing import Any, TypeVar

from lamina.defaults import defaults

from .frames import is_called, is_ours, is_users

Function = TypeVar("Function", bound=Callable[..., Any])

_OPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops") + os.sep
"""Functions that run in every step of a training, so that none of them is wrapped: only what is below them folds."""
_IN_OTHER_WORDS = (RuntimeError, IndexError, NotImplementedError, TypeError)
"""What PyTorch raises, and an error of ours says anew."""


def at_users_line(function: Function) -> Function:
    """Mark a method that the user's code or PyTorch calls: what it raises ends at the line that called it.

    >>> @at_users_line
    ... def half(x):
    ...     return x / 2
    >>> half(4)
    2.0
    """

    @wraps(function)
    def through(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            fold(error, sys._getframe(1))
            raise

    return through  # type: ignore[return-value]


def fold(error: BaseException, called_by: FrameType | None) -> None:
    """Take the library's frames out of the traceback of an exception, and of those that led to it.

    Within a call of the library's own nothing is folded yet: who reads the traceback there needs all of it.

    Args:
        error: about to be raised again.
        called_by: the frame that called the public function.
    """
    frame = called_by
    while frame is not None and (not is_ours(frame) or frame.f_code.co_filename.startswith(_OPS)):
        frame = frame.f_back
    if frame is not None or not defaults.folds_tracebacks:
        return
    chain = list(_chain(error))
    for each in chain:  # before their frames are gone, which tell who has raised them
        before = each.__context__
        if _is_ours(each) and before is not None and not _is_users_own(before):
            each.__suppress_context__ = True  # what it says in better words
    for each in reversed(chain):
        each.__traceback__ = _folded(each.__traceback__)
        cause = each.__cause__
        said_anew = cause is not None and type(cause) in _IN_OTHER_WORDS and cause.__traceback__ is None
        if _is_ours(each) and said_anew:  # there is no frame of the user's in it
            each.__cause__ = None


def _is_ours(error: BaseException) -> bool:
    """Whether it is a `LaminaError`, which is above this module."""
    return hasattr(error, "headline")


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
