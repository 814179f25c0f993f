"""Layers that hold layers: the inner ones as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType
from typing import Any

from lamina.custom_objects import get_registered_name
from lamina.graph import ArgumentError
from lamina.layers.base import Layer


def part_config(layer: Any) -> Any:
    """The inner layer as `get_config` of the outer one holds it."""
    from lamina import layers  # knows all layers, so it imports this folder first

    if not hasattr(layer, "get_config"):
        kind = type(layer).__name__
        raise ArgumentError(f"{kind} cannot be saved: it has no get_config().", hint=f"make {kind} a subclass of Layer")
    return layers.LAYERS.serialize(layer)


def part_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inner layer again; one that is already a layer stays as it is."""
    from lamina import layers

    return layers.deserialize(config, custom_objects) if isinstance(config, dict) else config


def held_objects(layer: Any) -> dict[str, Any]:
    """Classes and functions that a layer and its parts hold, which its config only names.

    >>> sorted(held_objects(lamina.layers.Dense(1, activation=lamina.layers.LeakyReLU(0.3))))[:2]
    ['GlorotUniform', 'LeakyReLU']
    """
    values = [value for part in layer.modules() for value in (*vars(part).values(), *part._modules.values())]
    kinds = [value if isinstance(value, FunctionType) else type(value) for value in values if callable(value)]
    return {name: kind for kind in kinds for name in (kind.__name__, get_registered_name(kind))}


def run_part(part: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a layer within a layer, without the checks of a call from outside.

    What somebody has put in its place (an adapter, PyTorch's checkpoint wrapper, a new layer) is called as any module.
    """
    if isinstance(part, Layer) and part._has_built:
        return part.launch(*args, **kwargs)
    return part(*args, **kwargs)
