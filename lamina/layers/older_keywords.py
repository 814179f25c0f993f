"""Keras' older keywords for the shape of a layer's input."""

from __future__ import annotations

from inspect import signature
from typing import Any

from lamina.call_errors import CallError
from lamina.graph import ArgumentError
from lamina.nearest import nearest, suggested
from lamina.older_arguments import instead


def input_shape_from(kwargs: dict[str, Any], kind: type) -> tuple[int | None, ...] | None:
    """The input's shape, the batch included, from Keras' older keywords; anything else is a mistake.

    Raises:
        CallError: an argument that no layer of this kind has.
    """
    for key in ("batch_input_shape", "input_shape"):
        if isinstance(kwargs.get(key), int):
            size = kwargs[key]
            raise ArgumentError(
                f"{kind.__name__}({key}=) must be a tuple of sizes.", got=f"{size}", hint=f"{key}=({size},)"
            )
    batch = kwargs.pop("batch_size", None) if "input_shape" in kwargs or "input_dim" in kwargs else None
    shape: tuple[int | None, ...] | None = None
    if "batch_input_shape" in kwargs:
        shape = tuple(kwargs.pop("batch_input_shape"))
    elif "input_shape" in kwargs:
        shape = (batch, *kwargs.pop("input_shape"))
    elif "input_dim" in kwargs:
        shape = (batch, kwargs.pop("input_dim"))
    if kwargs:
        known = [name for cls in kind.__mro__ for name in signature(vars(cls).get("__init__", object)).parameters]
        near = dict.fromkeys(name for unknown in kwargs for name in nearest(unknown, known))
        listed = f"help(layers.{kind.__name__}) lists its arguments"
        raise CallError(
            f"{kind.__name__} has no argument {', '.join(map(repr, kwargs))}.",
            got=", ".join(f"{name}={value!r}" for name, value in kwargs.items())[:200],
            hint=instead(kwargs, known) or f"{suggested(near)} {listed}".strip(),
        )
    return shape
