"""A layer by its name, through nested models and layers within layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.layers.base import Layer
from lamina.nearest import nearest, suggested
from lamina.tracebacks import door


@door
def get_layer(model: Any, name: str | None = None, index: int | None = None) -> Layer:
    """The layer called ``name`` in a model, or ``encoder/dense`` or ``encoder.dense`` in a model or layer within it.

    Args:
        index: instead of the name, the layer's place in ``model.layers``.

    Raises:
        ArgumentError: there is none; lists those there are where the way ends.
    """
    if (name is None) == (index is None):
        raise ArgumentError("get_layer needs a name or an index, one of them.", got=f"name={name!r}, index={index!r}")
    if index is None:
        return _by_name(model, str(name))
    layers: list[Layer] = model.layers
    if not -len(layers) <= index < len(layers):
        raise ArgumentError(f"{model.label} has {len(layers)} layers.", got=f"index {index}")
    return layers[index]


_SHOWN = 20  # names of layers in an error


def _by_name(model: Layer, name: str) -> Layer:
    found: Layer = model
    for part in re.split("[/.]", name):  # which no name of a layer holds
        holder = found
        drawn = holder.__dict__.get("_drawn")
        if drawn is not None and part in drawn.graph.modules:  # without a walk over a thousand others
            layer = holder._modules.get(part)
        else:
            layer = next((layer for known, layer in _parts_of(holder) if known == part), None)
        if not isinstance(layer, Layer):
            names = list(dict.fromkeys(layer.name for layer in _layers_of(holder)))
            shown = names if len(names) <= _SHOWN else [*names[: _SHOWN - 1], f"... ({len(names)} in all)"]
            whole = f" (of {name!r})" if part != name else ""
            raise ArgumentError(
                f"{holder.label} has no layer {part!r}{whole}.",
                expected=", ".join(shown) or "no name",
                hint=f"get_layer(index={name})" if name.isdigit() else suggested(nearest(part, names)) or None,
            )
        found = layer
    return found


def _parts_of(holder: Any) -> Iterator[tuple[str, torch.nn.Module]]:
    """What lies under a model or layer: by the name it has there, then by the one it has itself."""
    yield from holder.named_children()
    yield from ((layer.name, layer) for layer in _layers_of(holder))


def _layers_of(holder: Any) -> list[Layer]:
    parts = holder.layers if hasattr(holder, "graph") else holder.children()
    return [part for part in parts if isinstance(part, Layer)]
