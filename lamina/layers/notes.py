"""Which layer an error belongs to: what PyTorch or the user's own code raises says it in a note."""

from __future__ import annotations

import sys
from typing import Any

from lamina.graph import LaminaError
from lamina.graph.source import caller
from lamina.nearest import nearest
from lamina.tracebacks import fold


class NoCallError(LaminaError, NotImplementedError):
    """A layer or model of the user's is called, and its class does not say what that computes."""

    __module__ = "lamina"


def no_call(layer: Any) -> NoCallError:
    """The error of a class that has neither ``call`` nor ``forward``."""
    cls = type(layer)
    ours = next(base for base in cls.__mro__ if base.__module__.startswith("lamina."))
    own = [name for name in dir(cls) if name[0] != "_" and not hasattr(ours, name)]
    near = [name for word in ("call", "forward") for name in nearest(word, own)]
    return NoCallError(
        f"{cls.__name__} must define call(self, inputs), or PyTorch's forward(self, x).",
        got=f"class {cls.__name__} with {', '.join(own) or 'nothing of its own'}",
        hint=f"call instead of {near[0]}" if near else "def call(self, inputs): return ..., indented in the class",
    )


def note(layer: Any, error: Exception) -> None:
    """Add the layer's name, its class, and the line that called it. Lamina's own errors say these themselves.

    For ``Layer.__call__`` alone, whose frame and what is below it the traceback leaves out.
    """
    if not isinstance(error, LaminaError):
        text = f"in layer {layer.name} ({type(layer).__name__}), called at {caller()}"
        if getattr(error, "__notes__", [])[-1:] != [text]:  # the stand-in of a trial has said it
            error.add_note(text)
    fold(error, sys._getframe(1).f_back)
