"""What the layers of features give, as one vector or by name: crossed, and as zeros and ones where that is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina import layers
from lamina.config import floatx
from lamina.graph import ArgumentError
from lamina.graph.dtypes import to_torch

from .features import Cross, Feature
from .kinds import layer_name


def encoder_of(name: str, spec: Feature | Cross, layer: Any) -> Any:
    """The layer that makes zeros and ones of whole numbers, or None where they stay.

    Raises:
        ArgumentError: how many numbers there are is not known.
    """
    if spec.output_mode != "one_hot":
        return None
    size = _how_many(layer)
    if size is None:
        raise ArgumentError(
            f"The feature {name!r} cannot be one_hot: nobody knows how many values it has.",
            got=layer.label,
            expected="a lookup, Hashing, Discretization or CategoryEncoding",
            hint='output_mode="int", or "float" for what is encoded already',
        )
    return layers.CategoryEncoding(
        num_tokens=size, output_mode="multi_hot", dtype=floatx(), name=layer_name(name, "encoder")
    )


def _how_many(layer: Any) -> int | None:
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, layers.Discretization):
        return layer.num_bins if layer.bin_boundaries is None else len(layer.bin_boundaries) + 1
    return layer.num_bins if isinstance(layer, (layers.Hashing, layers.HashedCrossing)) else None


def encoded(values: Mapping[str, Any], encoders: Mapping[str, Any], concat: Any) -> Any:
    """Encode each value that has an encoder, and put them side by side where they are to be one vector.

    Args:
        values: name -> what a layer gave, in the order of the result.
        encoders: name -> layer, of those to be encoded.
        concat: the layer that makes one tensor (B, F) of them; None for a dict by names.

    Raises:
        ArgumentError: whole numbers in a vector, or floats that are to be zeros and ones.
    """
    results = {}
    for name, value in values.items():
        if name in encoders:
            _refuse_floats(name, value)
            value = encoders[name](value)
        elif concat is not None and not to_torch(value.dtype).is_floating_point:
            raise ArgumentError(
                f"The feature {name!r} is a whole number, which has no place in a vector of floats.",
                got=f"{value.dtype}",
                hint='its output_mode="one_hot", or FeatureSpace(..., output_mode="dict")',
            )
        results[name] = value
    if concat is None:
        return results
    side_by_side = list(results.values())
    return concat(side_by_side) if len(side_by_side) > 1 else side_by_side[0]


def _refuse_floats(name: str, value: Any) -> None:
    dtype = to_torch(value.dtype)
    if dtype.is_floating_point or dtype.is_complex:
        raise ArgumentError(
            f"The feature {name!r} cannot be one_hot: its layer gives no whole numbers.",
            got=f"{value.dtype}",
            hint='output_mode="float", for what is encoded already',
        )
