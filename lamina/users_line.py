"""The line that the user wrote: where a thing was made, and where a warning is given."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType
from typing import NamedTuple

from lamina.cells import cell_of
from lamina.frames import is_called, is_users


class _Line(NamedTuple):
    file: str
    line: int


class Source(_Line):
    """A line of the user's code; prints as ``train.py:41``, and in a notebook, whose cells are no files, as
    ``In[5], line 3``.

    ``op`` is the function of `lamina.ops` that was called there, "" for anything else; ``at``: where in the code.
    """

    op = ""
    at = 0

    def __str__(self) -> str:
        if self.file.startswith("In["):
            return f"{self.file}, line {self.line}"
        near = os.path.relpath(self.file) if self.file.startswith(os.getcwd() + os.sep) else os.path.basename(self.file)
        return f"{near}:{self.line}"


def caller() -> Source:
    """The innermost frame that is neither Lamina's nor PyTorch's nor Python's nor of a package that calls on what the
    user gave it (einops; ``np.sum(x)``): the line the user wrote."""
    frame, called = _users_frame()
    if frame is None:
        return Source("<unknown>", 0)
    file = frame.f_code.co_filename
    source = Source(cell_of(file) or file, frame.f_lineno)
    if called is not None and str(called.f_globals.get("__name__")).startswith("lamina.ops."):
        source.op, source.at = _name_of(called), frame.f_lasti
    return source


def _name_of(frame: FrameType) -> str:
    """The name of the function that a frame runs; of one that wraps another, that of the other."""
    wrapped = frame.f_locals.get("function") if frame.f_code.co_name == "op" else None
    return getattr(wrapped, "__name__", frame.f_code.co_name)


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line that the user wrote, as often as Python's filters say."""
    frame, _ = _users_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {}) if frame is not None else None
    warnings.warn_explicit(text, kind, *caller(), registry=registry)


def place_of(error: BaseException) -> str | None:
    """The line within the user's own ``call`` that an error comes from, and the line that called; None if there is none
    but the latter."""
    trace, inner = error.__traceback__, None
    while trace is not None:
        if is_users(trace.tb_frame) and not is_called(trace.tb_frame):
            file = trace.tb_frame.f_code.co_filename
            inner = Source(cell_of(file) or file, trace.tb_lineno)
        trace = trace.tb_next
    outer = caller()
    return None if inner is None or inner == outer else f"{inner}, in the call at {outer}"


def _users_frame() -> tuple[FrameType | None, FrameType | None]:
    """The user's frame, and that of the function which it called."""
    frame: FrameType | None = sys._getframe(2)
    called = None
    while frame is not None and (not is_users(frame) or is_called(frame)):
        called, frame = frame, frame.f_back
    return frame, called
