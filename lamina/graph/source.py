"""Where in the user's code a thing was made, and which modules are running there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import CodeType, FrameType
from typing import Any, TypeVar

import torch

from lamina.users_line import Source as Source
from lamina.users_line import caller as caller
from lamina.users_line import warn as warn

Function = TypeVar("Function", bound=Callable[..., Any])
_MODULE_CALL: CodeType = torch.nn.Module.__call__.__code__


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
