"""Nested structures by Keras' names: leaves out and in, functions of leaves, comparisons. No depth is too deep."""

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .comparing import assert_same_paths, assert_same_structure
from .containers import is_nested
from .flat import flatten, flatten_with_path, pack_sequence_as
from .mapping import (
    MAP_TO_NONE,
    lists_to_tuples,
    map_shape_structure,
    map_structure,
    map_structure_up_to,
    traverse,
)

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
