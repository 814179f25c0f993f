"""Where in the user's code a thing was made."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from types import CodeType, FrameType
from typing import Any, NamedTuple, TypeVar

import torch

from lamina.cells import cell_of

_OURS = (os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, "lamina_program_")
_TORCH = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
Function = TypeVar("Function", bound=Callable[..., Any])
_MODULE_CALL: CodeType = torch.nn.Module.__call__.__code__
_EINOPS = f"{os.sep}site-packages{os.sep}einops{os.sep}"  # whose functions call on what the user gives them


class Source(NamedTuple):
    """A line of the user's code; prints as ``train.py:41``, in a notebook as ``In[5], line 3``."""

    file: str
    line: int

    def __str__(self) -> str:
        cell = cell_of(self.file)
        if cell is not None:
            return f"{cell}, line {self.line}"
        near = os.path.relpath(self.file) if self.file.startswith(os.getcwd() + os.sep) else os.path.basename(self.file)
        return f"{near}:{self.line}"


def caller() -> Source:
    """The innermost frame that is neither Lamina's nor PyTorch's nor einops': the line the user wrote."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    return Source(frame.f_code.co_filename, frame.f_lineno) if frame is not None else Source("<unknown>", 0)


def is_users(frame: FrameType) -> bool:
    """Whether the code of a frame is neither Lamina's nor PyTorch's nor einops'."""
    file = frame.f_code.co_filename
    return not file.startswith((*_OURS, _TORCH, "<frozen ")) and _EINOPS not in file


def is_ours(frame: FrameType) -> bool:
    """Whether the code of a frame is Lamina's, or that of a program it wrote."""
    return frame.f_code.co_filename.startswith(_OURS)


def is_raised_by_user(error: BaseException) -> bool:
    """Whether it was raised right in the user's code, not in what that has called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and is_users(trace.tb_frame)


def begins_drawing(function: Function) -> Function:
    """Mark a function that draws on its own account, perhaps while a module runs: whoever called it draws nothing."""

    @wraps(function)
    def begins(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return begins  # type: ignore[return-value]


_BEGINS: CodeType = begins_drawing(lambda: None).__code__  # that of every function so marked


def running_modules() -> list[torch.nn.Module]:
    """The modules whose ``__call__`` is on the stack, the innermost first, up to where drawing begins anew.

    Lamina never runs a layer's ``forward`` on symbolic tensors: who draws within one has called a module bare.
    """
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code is not _BEGINS:
        if frame.f_code is _MODULE_CALL:
            found.append(frame.f_locals["self"])
        frame = frame.f_back
    return found
