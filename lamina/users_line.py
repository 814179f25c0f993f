"""The line that the user wrote: where a thing was made, and where a warning is given."""

from __future__ import annotations

import os
import sys
import warnings
from types import FrameType
from typing import NamedTuple

from lamina.cells import cell_of
from lamina.frames import is_of_python, is_users


class Source(NamedTuple):
    """A line of the user's code; prints as ``train.py:41``, and in a notebook, whose cells are no files, as
    ``In[5], line 3``."""

    file: str
    line: int

    def __str__(self) -> str:
        if self.file.startswith("In["):
            return f"{self.file}, line {self.line}"
        near = os.path.relpath(self.file) if self.file.startswith(os.getcwd() + os.sep) else os.path.basename(self.file)
        return f"{near}:{self.line}"


def caller() -> Source:
    """The innermost frame that is neither Lamina's nor PyTorch's nor einops' nor Python's: the line the user wrote."""
    frame = _users_frame()
    if frame is None:
        return Source("<unknown>", 0)
    file = frame.f_code.co_filename
    return Source(cell_of(file) or file, frame.f_lineno)


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn at the line that the user wrote, as often as Python's filters say."""
    frame = _users_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {}) if frame is not None else None
    warnings.warn_explicit(text, kind, *caller(), registry=registry)


def _users_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and (is_of_python(frame) or not is_users(frame)):
        frame = frame.f_back
    return frame
