"""Attributes of the user's that would take the place of what a layer or model answers by itself."""

from __future__ import annotations

from typing import Any

from lamina.graph.errors import LaminaError


class TakenNameError(LaminaError, AttributeError):
    """An attribute is set that the layer computes."""

    __module__ = "lamina"


def set_plainly(layer: Any, name: str, value: Any) -> None:
    """``object.__setattr__``.

    Raises:
        TakenNameError: it is a property that the class only reads.
    """
    try:
        object.__setattr__(layer, name, value)
    except AttributeError:
        found = getattr(type(layer), name, None)
        if not isinstance(found, property) or found.fset is not None:
            raise
        told = TakenNameError(
            f"{type(layer).__name__} has {name!r} already, and tells it by itself: it cannot be set.",
            got=f"self.{name} = {type(value).__name__}",
            expected="another name for what is the layer's own",
            hint=f"self.my_{name} = ...: layers and weights in it become parts of {type(layer).__name__} all the same",
        )
        raise told from None
