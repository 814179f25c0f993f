"""pandas data frames and series. Rows go by position: the index plays no part."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, StructureError

from . import numpy_arrays
from .origin import comes_from


def is_frame(value: Any) -> bool:
    return comes_from(value, "pandas", "DataFrame")


def is_column(value: Any) -> bool:
    return comes_from(value, "pandas", "Series", "Index", "ExtensionArray")


def columns(frame: Any, name: str) -> dict[Any, Any]:
    """The columns by their names.

    Raises:
        StructureError: two columns with one name.
    """
    labels = list(frame.columns)
    twice = [label for label in labels if labels.count(label) > 1]
    if twice:
        raise StructureError(f"{name} has two columns {twice[0]!r}.", got=f"columns {labels}")
    return {label: frame.iloc[:, i] for i, label in enumerate(labels)}


def read(value: Any, name: str) -> torch.Tensor | numpy_arrays.NumpyRows:
    """A series as (rows,), a frame as (rows, columns) in the one dtype that holds all of its columns.

    Raises:
        DtypeError: a column that is not numbers, or that lacks some whole numbers; names it.
    """
    if not is_frame(value):
        label = getattr(value, "name", None)
        return numpy_arrays.read(_values(value, name if label is None else f"{name} (column {label!r})"), name)
    if not value.shape[1]:
        raise StructureError(f"{name} has no columns.", got=f"shape {value.shape}")
    kinds = set(value.dtypes)
    if len(kinds) == 1 and isinstance(next(iter(kinds)), np.dtype) and next(iter(kinds)).kind in "fiub":
        return numpy_arrays.read(value.to_numpy(), name)
    parts = [_values(value.iloc[:, i], f"column {label!r} of {name}") for i, label in enumerate(value.columns)]
    table = np.empty(value.shape, np.result_type(*parts))
    for i, part in enumerate(parts):
        table[:, i] = part
    return numpy_arrays.read(table, name)


def _values(column: Any, name: str) -> np.ndarray[Any, Any]:
    """The numbers of one column; those that float columns lack are NaN."""
    dtype = column.dtype
    if comes_from(dtype, "pandas", "CategoricalDtype"):
        if getattr(dtype.categories.dtype, "kind", "O") not in "fiub":
            raise DtypeError(
                f"{name} is categorical.",
                got=f"categories {numpy_arrays.short(list(dtype.categories))}",
                expected="numbers",
                hint="column.cat.codes, with the categories in an order that you keep",
            )
        dtype = dtype.categories.dtype
        column = column.astype("float64" if column.isna().any() else dtype)
    kind = getattr(dtype, "kind", "O")
    if kind not in "fiub" or comes_from(dtype, "pandas", "StringDtype"):
        raise _no_numbers(column, name)
    if isinstance(dtype, np.dtype):
        return np.asarray(column)
    plain = np.dtype(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", "float64")))
    if kind == "f":
        return np.asarray(column.to_numpy(dtype=plain, na_value=np.nan))
    lacking = int(column.isna().sum())
    if lacking:
        raise DtypeError(
            f"{name} lacks {lacking} of its {len(column)} values.",
            got=f"dtype {dtype} with missing values",
            expected="a value in each row: whole numbers have no NaN",
            hint='column.fillna(...), or column.astype("float64") for NaN',
        )
    return np.asarray(column.to_numpy(dtype=plain))


def _no_numbers(column: Any, name: str) -> DtypeError:
    example = next((v for v in column if not isinstance(v, (int, float, np.number))), None)
    hints = {"M": "numbers made of the dates", "m": "column.dt.total_seconds()"}
    return DtypeError(
        f"{name} does not hold numbers.",
        got=f"dtype {column.dtype}" + (f", e.g. {numpy_arrays.short(example)}" if example is not None else ""),
        expected="floats, integers or booleans",
        hint=hints.get(
            getattr(column.dtype, "kind", "O"),
            'column.astype("category").cat.codes for categories, column.astype("float32") for numbers',
        ),
    )
