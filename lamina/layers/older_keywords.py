"""Keras' older keywords for the shape of a layer's input."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError
from lamina.graph.source import caller


def input_shape_from(kwargs: dict[str, Any], kind: str) -> tuple[int | None, ...] | None:
    """The input's shape, the batch included, from Keras' older keywords; anything else is a mistake.

    Raises:
        ArgumentError: an argument that no layer of this kind has.
    """
    batch = kwargs.pop("batch_size", None) if "input_shape" in kwargs or "input_dim" in kwargs else None
    shape: tuple[int | None, ...] | None = None
    if "batch_input_shape" in kwargs:
        shape = tuple(kwargs.pop("batch_input_shape"))
    elif "input_shape" in kwargs:
        shape = (batch, *kwargs.pop("input_shape"))
    elif "input_dim" in kwargs:
        shape = (batch, kwargs.pop("input_dim"))
    if kwargs:
        raise ArgumentError(
            f"{kind} has no argument {', '.join(map(repr, kwargs))}.",
            where=str(caller()),
            hint=f"help(layers.{kind}) lists its arguments",
        )
    return shape
