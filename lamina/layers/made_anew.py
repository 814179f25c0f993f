"""Layers that a call makes, uses and throws away: their weights start anew each time, and nobody trains them."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

import torch

from lamina.graph.operation import Operation
from lamina.graph.source import caller, running_modules
from lamina.probing import behind, probing


def tell_if_made_anew(layer: Any) -> None:
    """Warn where a layer, which has just made its weights within a call of another, is the second one at its line, and
    the first one is gone: nothing has kept it.

    Asked where a layer is built, which happens once. A layer that the call keeps, as an attribute or in a list, is
    alive when another one is made at that line.
    """
    if not (layer._parameters or layer._modules) or probing() or torch.compiler.is_compiling():
        return
    outer = next((module for module in running_modules() if isinstance(module, Operation)), None)
    if outer is None or any(part is layer for part in behind(outer).modules()):
        return
    if not any(weight.requires_grad for weight in layer.parameters()):
        return
    line = caller()
    made: dict[Any, Any] = outer.__dict__.setdefault("_made_in_call", {})
    before = made.get(line)
    made[line] = weakref.ref(layer)
    if before is None or before() is not None or made.get("told"):
        return
    made["told"] = True
    kind = type(layer).__name__
    warnings.warn_explicit(
        f'{kind} "{layer.name}" is made anew in each call of {outer.label}: its weights start over each time, are not '
        f"trained and not saved. Try self.{layer.name} = {kind}(...) in __init__, and self.{layer.name}(x) here.",
        UserWarning,
        *line,
    )
