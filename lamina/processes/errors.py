"""What goes wrong between processes."""

from __future__ import annotations

from lamina.graph.errors import LaminaError


class ProcessError(LaminaError, RuntimeError):
    """Another process of a training has ended or does not answer, or they could not meet."""

    __module__ = "lamina"
