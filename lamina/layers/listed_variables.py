"""Variables that a layer keeps in plain lists, tuples and dicts are weights of it, as in Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .variable import Variable

_HOLDERS = (Variable, list, tuple, dict)


def adopt_variables(layer: Any, name: str | None = None) -> None:
    """Register the variables in the layer's containers, or in one of them, that no layer has yet.

    One at ``self.scales[2]`` becomes the weight ``scales_2``, one at ``self.scales["a"]`` the weight ``scales_a``.
    """
    own = layer.__dict__
    of_ours = type(layer).__module__.startswith("lamina.")
    for attribute in list(own) if name is None else [name]:
        value = own[attribute]
        if not isinstance(value, _HOLDERS) or (of_ours and attribute[:1] == "_") or not _may_hold(value):
            continue  # as nearly always
        for path, variable in list(_variables(value, attribute)):
            register_variable(layer, _free(layer, path), variable)


def _may_hold(value: Any) -> bool:
    """Whether a variable, or a container, is right in it, or it is one itself."""
    items = (value,) if isinstance(value, Variable) else list(value.values()) if isinstance(value, dict) else value
    return any(isinstance(item, _HOLDERS) for item in items)


def register_variable(layer: Any, name: str, variable: Variable) -> None:
    """One that trains as a parameter of the layer, another as a buffer."""
    if variable.facts.is_buffer:
        layer.__dict__.pop(name, None)
        layer._parameters.pop(name, None)
        layer.register_buffer(name, variable)
        layer._know(name, variable)
    else:
        layer.register_parameter(name, variable)


def _variables(value: Any, path: str) -> Iterator[tuple[str, Variable]]:
    if isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, _HOLDERS):
                yield from _variables(item, f"{path}_{key}".replace(".", "_"))
    elif isinstance(value, Variable) and "facts" in value.__dict__ and not value.facts.layer_has_it:
        yield path, value


def _free(layer: Any, path: str) -> str:
    name, k = path, 1
    while hasattr(layer, name):
        name, k = f"{path}_{k}", k + 1
    return name
