"""Data of a table by columns: as tensors (B, 1), or arrays of texts (B, 1), whatever they came as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_tensor
from lamina.devices import current_device
from lamina.graph import ArgumentError, DtypeError, StructureError, Symbolic
from lamina.tables import refuse_query

from .features import Feature


def table_of(data: Any) -> Mapping[str, Any] | None:
    """A table as a mapping from names to columns; None for what is no table.

    Raises:
        StructureError: a query that has not run.
    """
    if isinstance(data, Mapping):
        return data
    refuse_query(data, "The table")
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):  # a DataFrame of whatever make
        return {name: np.asarray(data[name]) for name in data.columns}
    return None


def columns_of(label: str, data: Any, features: Mapping[str, Feature]) -> tuple[dict[str, Any], bool]:
    """The columns of a table, and whether it was a single row, whose values are no lists.

    Raises:
        StructureError: no table; a column is missing, or has no feature; or they differ in length.
        DtypeError: texts in the place of numbers, or the like.
    """
    table = table_of(data)
    if table is None:
        raise StructureError(
            f"{label} takes a table.",
            got=type(data).__name__,
            expected="a dict of columns, or of the values of one row; or a DataFrame",
        )
    extra = [name for name in table if name not in features]
    if extra:
        raise StructureError(
            f"{label} has no such feature.",
            got=", ".join(map(repr, extra)),
            expected=", ".join(map(repr, features)),
            hint="the table without those columns",
        )
    columns = {name: column_of(label, name, feature, table) for name, feature in features.items()}
    lengths = {name: None if _is_one(table[name]) else len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{name!r} {'one value' if n is None else n}" for name, n in lengths.items())
        raise StructureError(f"{label} takes columns of one length.", got=got)
    return columns, None in lengths.values()


def column_of(label: str, name: str, feature: Feature, table: Mapping[str, Any]) -> Any:
    """One column (B, 1): an array of texts, or a tensor in the feature's dtype.

    Raises:
        StructureError: it is not there.
        DtypeError: it holds something else than the feature does.
    """
    if name not in table:
        raise StructureError(
            f"{label} misses the feature {name!r}.", got=f"columns {', '.join(map(repr, table))}", expected=repr(name)
        )
    value = table[name]
    if isinstance(value, Symbolic):
        raise ArgumentError(
            f"{label} is called on data.", got="symbolic tensors", hint="get_inputs() and get_encoded_features()"
        )
    column = _texts(label, name, value) if feature.is_texts else _numbers(label, name, feature, value)
    return column.reshape(-1, 1) if column.ndim < 2 else column


def _is_one(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or np.ndim(value) == 0


def _texts(label: str, name: str, value: Any) -> np.ndarray[Any, Any]:
    array = np.asarray(value.tolist() if isinstance(value, torch.Tensor) else value)
    if array.dtype.kind not in "OSUT":
        hint = "column.astype(str), or FeatureSpace.integer_categorical()"
        raise _wrong_kind(label, name, f"{array.dtype}", "texts", hint)
    values = array.ravel().tolist() if array.dtype.kind in "OT" else ()
    if not values or set(map(type, values)) != {str}:
        return array  # what else is there is the layer's to decide
    return np.array(values).reshape(array.shape)  # a lookup takes a twentieth of the time of an array of objects


def _numbers(label: str, name: str, feature: Feature, value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor):
        array = np.asarray(value)
        if array.dtype.kind not in "fiub":
            raise _wrong_kind(label, name, f"{array.dtype}", "numbers", "FeatureSpace.string_categorical() for texts")
        value = as_tensor(array)
    dtype = feature.torch_dtype
    if value.is_complex() or (value.is_floating_point() and not dtype.is_floating_point):
        raise _wrong_kind(label, name, str(value.dtype), "whole numbers", 'column.astype("int64")')
    result: torch.Tensor = value.detach().to(current_device(), dtype)
    return result


def _wrong_kind(label: str, name: str, got: str, expected: str, hint: str) -> DtypeError:
    return DtypeError(f"{label} needs {expected} in {name!r}.", got=got, expected=expected, hint=hint)


class ColumnInBatches:
    """One column of data that come in batches or rows; can be gone through as often as the data can."""

    def __init__(self, label: str, name: str, feature: Feature, data: Any) -> None:
        self._label, self._name, self._feature, self._data = label, name, feature, data

    def __iter__(self) -> Iterator[Any]:
        for batch in tables_of(self._label, self._data):
            yield column_of(self._label, self._name, self._feature, batch)


def repeatable(data: Any) -> Any:
    """The data, kept in memory where they can be gone through only once."""
    is_once = table_of(data) is None and hasattr(data, "__next__")
    return list(data) if is_once else data


def tables_of(label: str, data: Any) -> Iterator[Mapping[str, Any]]:
    """The tables that data consist of: one, or one for each batch or row.

    Args:
        data: a table; or an iterable of tables, or of tuples that begin with one (`DataLoader`, `Dataset`, list).

    Raises:
        StructureError: something else.
    """
    whole = table_of(data)
    if whole is not None:
        yield whole
        return
    if not hasattr(data, "__iter__") and not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        raise _no_tables(label, data)
    for item in data if hasattr(data, "__iter__") else (data[i] for i in range(len(data))):
        table = table_of(item[0] if isinstance(item, (tuple, list)) and item else item)
        if table is None:
            raise _no_tables(label, item)
        yield table


def _no_tables(label: str, got: Any) -> StructureError:
    return StructureError(
        f"{label} cannot adapt to this.",
        got=type(got).__name__,
        expected="a dict of columns, a DataFrame, or an iterable of those or of (those, targets)",
        hint="dict(zip(names, columns))",
    )
