"""Inputs that lead to no output. Only when training begins is it known that no added loss reads them either."""

from __future__ import annotations

import warnings
from typing import Any


def tell_of_unused(model: Any) -> None:
    """Warn of the inputs of a graph that a call is given and leaves alone, each at its line."""
    for tensor in model.graph.unused_inputs() if model.graph is not None else ():
        source = tensor.node.source
        warnings.warn_explicit(
            f"The input {tensor.name!r} leads to no output and to no loss: a call takes it and leaves it alone. Try: "
            "leave it out of the inputs, or use it.",
            UserWarning,
            source.file,
            source.line,
        )
