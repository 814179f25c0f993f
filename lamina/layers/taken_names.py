"""Attributes of the user's that would take the place of what a layer or model answers by itself."""

from __future__ import annotations

from typing import Any

from lamina.graph.errors import LaminaError


class TakenNameError(LaminaError, AttributeError):
    """An attribute is set that the layer computes."""

    __module__ = "lamina"


def refuse_taken(layer: Any, name: str, value: Any) -> None:
    """Say what to write, where an attribute could not be set since the class only reads it.

    Raises:
        TakenNameError: so it is; nothing is done for any other reason.
    """
    found = getattr(type(layer), name, None)
    if isinstance(found, property) and found.fset is None:
        raise TakenNameError(
            f"{type(layer).__name__} has {name!r} already, and tells it by itself: it cannot be set.",
            got=f"self.{name} = {type(value).__name__}",
            expected="another name for what is the layer's own",
            hint=f"self.my_{name} = ...: layers and weights in it become parts of {type(layer).__name__} all the same",
        ) from None
