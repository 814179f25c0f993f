"""Whatever holds numbers, in any nesting, as tensors: here it is told apart which kind a leaf is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, StructureError, tree
from lamina.tables import refuse_query

from . import lists, numpy_arrays, pandas_frames, polars_frames, sparse

Leaf = torch.Tensor | numpy_arrays.NumpyRows | sparse.SparseRows


def as_tensors(structure: Any, name: str) -> Any:
    """The same structure with a tensor at each leaf, on the memory of the data where PyTorch can take it.

    A list of numbers, or of equally long lists of numbers, is one tensor; a list of arrays is a structure.

    Args:
        structure: arrays, tensors, frames, sparse matrices, lists, and dicts, lists and tuples of these; None stays.
        name: what messages call it.

    Raises:
        DtypeError: something that is not numbers. ShapeError: ragged rows. StructureError: nothing at all. Each names
            the leaf: ``x['age']``.

    >>> as_tensors({"a": [1, 2], "b": np.ones((2, 3), "float32")}, "x")["b"].shape
    torch.Size([2, 3])
    """
    if isinstance(structure, torch.Tensor) and structure.layout == torch.strided:
        return structure
    return tree.map_leaves(_whole, as_leaves(structure, name))


def as_leaves(structure: Any, name: str) -> Any:
    """Like `as_tensors`, but what PyTorch cannot take as it is becomes an object that gives tensors row by row.

    Raises:
        StructureError: lists and dicts that hold themselves.
    """
    try:
        return _as_leaves(structure, name)
    except RecursionError:
        raise holds_itself(name, structure) from None


def _as_leaves(structure: Any, name: str) -> Any:
    if structure is None:
        return None
    if isinstance(structure, Mapping):
        return {key: _as_leaves(value, f"{name}[{key!r}]") for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        if not lists.is_structure(structure):
            return lists.read(structure, name)
        parts = [_as_leaves(value, f"{name}[{i}]") for i, value in enumerate(structure)]
        if tree.is_namedtuple(structure):
            return type(structure)(*parts)
        return parts if isinstance(structure, list) else tuple(parts)
    return as_leaf(structure, name)


def holds_itself(name: str, structure: Any) -> StructureError:
    """The error for lists and dicts that have no end."""
    return StructureError(
        f"{name} holds itself, or is nested deeper than Python can follow.",
        got=f"a {type(structure).__name__} of {len(structure)}",
        expected="arrays, or lists and dicts of arrays",
    )


def as_leaf(value: Any, name: str) -> Leaf:
    """One array of whatever kind."""
    if isinstance(value, (numpy_arrays.NumpyRows, sparse.SparseRows)):
        return value
    if isinstance(value, torch.Tensor):
        return sparse.read(value, name) if sparse.is_torch(value) else value
    if isinstance(value, np.ndarray):
        return numpy_arrays.read(value, name)
    if isinstance(value, (bool, int, float, complex, np.generic)):
        return numpy_arrays.read(np.asarray(value), name)
    if pandas_frames.is_frame(value) or pandas_frames.is_column(value):
        return pandas_frames.read(value, name)
    if polars_frames.is_frame(value) or polars_frames.is_column(value):
        return polars_frames.read(value, name)
    refuse_query(value, name)
    if sparse.is_scipy(value):
        return sparse.read(value, name)
    if isinstance(value, (str, bytes)):
        raise _not_numbers(value, name)
    if hasattr(value, "__array__"):
        return numpy_arrays.read(np.asarray(value), name)
    if isinstance(value, Sequence):
        return lists.read(list(value), name)
    raise _not_numbers(value, name)


def is_data(value: Any) -> bool:
    """Whether this is data that is there as a whole, or at least looks so, rather than something that gives batches."""
    return (
        isinstance(value, (list, tuple, Mapping, str, bytes, int, float, np.generic, Sequence))
        or hasattr(value, "shape")
        or hasattr(value, "__array__")
        or polars_frames.is_lazy(value)
    )


def rows_of(parts: Mapping[str, Any]) -> dict[str, int]:
    """The number of rows of each leaf, by its name.

    Raises:
        StructureError: a leaf that is a single number.

    >>> rows_of({"x": {"a": torch.zeros(3)}, "y": torch.zeros(2, 1), "sample_weight": None})
    {"x['a']": 3, 'y': 2}
    """
    counts: dict[str, int] = {}
    for name, part in parts.items():
        for path, leaf in tree.paths(part):
            if leaf is None:
                continue
            label = name + "".join(f"[{step!r}]" for step in path)
            if not leaf.ndim:
                raise StructureError(
                    f"{label} is a single number.",
                    got=str(leaf),
                    expected="one row per sample",
                    hint=f"batch_size={leaf} by its name, if that is meant" if label != "x" else None,
                )
            counts[label] = leaf.shape[0]
    return counts


def different_rows(counts: Mapping[str, int]) -> StructureError:
    parts = [name for name in counts if name.startswith("x[") and name[2:-1].isdigit()]
    return StructureError(
        "The data has different numbers of rows.",
        got=", ".join(f"{name}: {rows}" for name, rows in counts.items()),
        expected="one row per sample in each",
        hint=f"np.stack(x): x is a list, whose {len(parts)} arrays are {len(parts)} inputs" if len(parts) > 1 else None,
    )


def _whole(leaf: Any) -> Any:
    return leaf if leaf is None or isinstance(leaf, torch.Tensor) else leaf.whole()


def _not_numbers(value: Any, name: str) -> DtypeError:
    return DtypeError(
        f"{name} does not hold numbers.",
        got=f"{type(value).__name__} {numpy_arrays.short(value)}",
        expected="arrays, tensors, data frames or lists, in the structure of the inputs or by their names",
    )
