"""The name of a layer: what it may be, and when a model may still choose it."""

from __future__ import annotations

import re
from typing import Any

from lamina.graph import ArgumentError

from .nested import adopt_nested_layers
from .variable import Variable


def checked_name(name: Any) -> str:
    """The name, if it can be one.

    Raises:
        ArgumentError: it is no string, or has the signs in it that separate names.
    """
    if not isinstance(name, str) or not name:
        raise ArgumentError("A layer's name must be a string.", got=repr(name), expected='e.g. name="encoder"')
    if "/" in name or "." in name:
        raise ArgumentError(
            f"A layer cannot be called {name!r}.",
            expected="a name without '/' and '.', which separate names in the paths of weights",
            hint=f"name={re.sub('[/.]', '_', name)!r}",
        )
    return name


def settle_name(layer: Any, name: str) -> None:
    """Take the name that a model gives; the first one stays, and one that the user gave always stays."""
    if layer.auto_named and not layer._settled:
        layer._name = name
        layer._settled = True
    adopt_nested_layers(layer)
    parts = layer.named_modules() if layer._modules else (("", layer),)
    for place, part in parts:
        prefix = "/".join([layer._name, *place.split(".")] if place else [layer._name])
        for slot in (part._parameters, part._buffers):
            for weight in slot.values():
                if isinstance(weight, Variable):
                    weight.facts.path = f"{prefix}/{weight.facts.name}"
