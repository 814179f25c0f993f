"""Which layer an error belongs to: what PyTorch or the user's own code raises says it in a note."""

from __future__ import annotations

import sys
from typing import Any

from lamina.graph import LaminaError
from lamina.graph.source import caller
from lamina.tracebacks import fold


def note(layer: Any, error: Exception) -> None:
    """Add the layer's name, its class, and the line that called it. Lamina's own errors say these themselves.

    For ``Layer.__call__`` alone, whose frame and what is below it the traceback leaves out.
    """
    if not isinstance(error, LaminaError):
        text = f"in layer {layer.name} ({type(layer).__name__}), called at {caller()}"
        if getattr(error, "__notes__", [])[-1:] != [text]:  # the stand-in of a trial has said it
            error.add_note(text)
    fold(error, sys._getframe(1).f_back)
