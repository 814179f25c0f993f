"""The usual kinds of columns, each with the layer that takes it; a kind's name stands for it with its defaults."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from lamina import layers
from lamina.config import floatx
from lamina.graph import ArgumentError

from .features import TEXTS, Feature

# As PyTorch and NumPy have whole numbers; identifiers in tables often need them.
_WHOLE = "int64"


def layer_name(name: str | None, role: str = "") -> str | None:
    """A name for a layer of a column; names of columns may hold characters that those of layers may not."""
    return None if name is None else re.sub(r"[/.]", "_", f"{name}_{role}" if role else name)


def plain(name: str | None = None) -> Feature:
    """Numbers as they are."""
    layer = layers.Identity(dtype=floatx(), name=layer_name(name, "preprocessor"))
    return Feature(floatx(), layer, "float")


def rescaled(scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
    """`x * scale + offset`."""
    layer = layers.Rescaling(scale=scale, offset=offset, dtype=floatx(), name=layer_name(name, "preprocessor"))
    return Feature(floatx(), layer, "float")


def normalized(name: str | None = None) -> Feature:
    """Numbers brought to mean 0 and deviation 1, by the data of `adapt`."""
    layer = layers.Normalization(axis=-1, dtype=floatx(), name=layer_name(name, "preprocessor"))
    return Feature(floatx(), layer, "float")


def discretized(
    num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """The bin that a number falls into; given, or found from the data of `adapt`."""
    if bin_boundaries is not None and num_bins not in (None, len(bin_boundaries) + 1):
        raise ArgumentError(
            "float_discretized: num_bins and bin_boundaries contradict each other.",
            got=f"num_bins={num_bins} beside {len(bin_boundaries)} boundaries",
            expected=f"{len(bin_boundaries) + 1} bins, or num_bins=None",
        )
    given = {"num_bins": num_bins} if bin_boundaries is None else {"bin_boundaries": bin_boundaries}
    layer = layers.Discretization(**given, dtype=floatx(), name=layer_name(name, "preprocessor"))
    return Feature(floatx(), layer, output_mode)


def categorical_numbers(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """The place of a whole number among those of the data of `adapt`."""
    layer = layers.IntegerLookup(
        max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=layer_name(name, "preprocessor")
    )
    return Feature(_WHOLE, layer, output_mode)


def categorical_texts(
    max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
) -> Feature:
    """The place of a text among those of the data of `adapt`."""
    layer = layers.StringLookup(
        max_tokens=max_tokens, num_oov_indices=num_oov_indices, name=layer_name(name, "preprocessor")
    )
    return Feature(TEXTS, layer, output_mode)


def hashed_texts(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """One of a few bins for each text, by its hash."""
    layer = layers.Hashing(num_bins=num_bins, name=layer_name(name, "preprocessor"))
    return Feature(TEXTS, layer, output_mode)


def hashed_numbers(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
    """One of a few bins for each whole number, by its hash."""
    layer = layers.Hashing(num_bins=num_bins, name=layer_name(name, "preprocessor"))
    return Feature(_WHOLE, layer, output_mode)


_BY_NAME: MappingProxyType[str, Callable[[str, int, int], Feature]] = MappingProxyType({
    "float": lambda name, hashing_dim, num_bins: plain(name),
    "float_normalized": lambda name, hashing_dim, num_bins: normalized(name),
    "float_rescaled": lambda name, hashing_dim, num_bins: rescaled(name=name),
    "float_discretized": lambda name, hashing_dim, num_bins: discretized(num_bins, name=name),
    "integer_categorical": lambda name, hashing_dim, num_bins: categorical_numbers(name=name),
    "string_categorical": lambda name, hashing_dim, num_bins: categorical_texts(name=name),
    "integer_hashed": lambda name, hashing_dim, num_bins: hashed_numbers(hashing_dim, name=name),
    "string_hashed": lambda name, hashing_dim, num_bins: hashed_texts(hashing_dim, name=name),
})  # fmt: skip


def feature_of(name: str, given: Any, hashing_dim: int, num_bins: int) -> Feature:
    """The feature that is meant by one, by the name of a kind, or by a config.

    Args:
        name: of the column.
        hashing_dim, num_bins: for the kinds that need them.

    Raises:
        ArgumentError: none of those.

    >>> feature_of("age", "float_normalized", 32, 32).preprocessor.name
    'age_preprocessor'
    """
    if isinstance(given, Feature):
        return given
    if isinstance(given, dict):
        return Feature.from_config(given)
    if not isinstance(given, str) or given not in _BY_NAME:
        raise ArgumentError(
            f"FeatureSpace knows no kind of features that is called {given!r}.",
            got=f"{given!r} for {name!r}",
            expected=f"{', '.join(map(repr, _BY_NAME))}, or what FeatureSpace.feature(...) and its like give",
        )
    return _BY_NAME[given](name, hashing_dim, num_bins)
