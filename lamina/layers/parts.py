"""Layers that hold layers: the inner ones as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.graph import ArgumentError


def part_config(layer: Any) -> Any:
    """The inner layer as `get_config` of the outer one holds it."""
    from lamina import layers  # knows all layers, so it imports this folder first

    if not hasattr(layer, "get_config"):
        kind = type(layer).__name__
        raise ArgumentError(f"{kind} cannot be saved: it has no get_config().", hint=f"make {kind} a subclass of Layer")
    return layers.serialize(layer)


def part_from_config(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The inner layer again; one that is already a layer stays as it is."""
    from lamina import layers

    return layers.deserialize(config, custom_objects) if isinstance(config, dict) else config
