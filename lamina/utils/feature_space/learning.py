"""Which layers of features learn from data, and whether they have."""

from __future__ import annotations

from typing import Any

from lamina import layers
from lamina.layers.preprocessing.index_lookup import IndexLookup


def learns(layer: Any) -> bool:
    """Whether a layer takes from data what it needs to know, rather than from its arguments."""
    if isinstance(layer, layers.Normalization):
        return layer.input_mean is None
    if isinstance(layer, layers.Discretization):
        return layer.num_bins is not None
    if isinstance(layer, IndexLookup):
        return not layer._is_given
    return hasattr(layer, "adapt")


def knows(layer: Any) -> bool | None:
    """Whether a layer that learns has learned, as its config tells; None where its weights would have to."""
    if isinstance(layer, layers.Discretization):
        return layer.bin_boundaries is not None
    return bool(layer.get_vocabulary()) if isinstance(layer, IndexLookup) else None
