"""polars data frames and series."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, StructureError

from . import numpy_arrays
from .origin import comes_from


def is_frame(value: Any) -> bool:
    return comes_from(value, "polars", "DataFrame")


def is_lazy(value: Any) -> bool:
    return comes_from(value, "polars", "LazyFrame")


def is_column(value: Any) -> bool:
    return comes_from(value, "polars", "Series")


def columns(frame: Any) -> dict[str, Any]:
    """The columns by their names."""
    return {column.name: column for column in frame.get_columns()}


def read(value: Any, name: str) -> torch.Tensor | numpy_arrays.NumpyRows:
    """A series as (rows,), a frame as (rows, columns) in the one dtype that holds all of its columns.

    Raises:
        DtypeError: a column that is not numbers, or that lacks some whole numbers; names it.
    """
    if not is_frame(value):
        return numpy_arrays.read(_values(value, f"{name} (column {value.name!r})" if value.name else name), name)
    if not value.width:
        raise StructureError(f"{name} has no columns.", got=f"shape {value.shape}")
    parts = [_values(column, f"column {column.name!r} of {name}") for column in value.get_columns()]
    table = np.empty((value.height, len(parts)), np.result_type(*parts))
    for i, part in enumerate(parts):
        if part.ndim != 1:
            raise DtypeError(
                f"column {value.columns[i]!r} of {name} holds an array in each row.",
                got=f"shape {part.shape}",
                hint="frame[column] as an input of its own: {name: frame[name] for name in ...}",
            )
        table[:, i] = part
    return numpy_arrays.read(table, name)


def _values(column: Any, name: str) -> np.ndarray[Any, Any]:
    """The numbers of one column; those that float columns lack are NaN."""
    dtype, inner = column.dtype, column.dtype
    while hasattr(inner, "inner") and hasattr(inner, "size"):  # Array, an array of one size in each row; not List
        inner = inner.inner
    if not (inner.is_numeric() or str(inner) == "Boolean") or inner.is_decimal():
        raise DtypeError(
            f"{name} does not hold numbers.",
            got=f"dtype {dtype}",
            expected="floats, integers or booleans",
            hint="column.cast(polars.Float32), or column.to_physical() for the codes of categories",
        )
    lacking = column.null_count()
    if lacking and not inner.is_float():
        raise DtypeError(
            f"{name} lacks {lacking} of its {len(column)} values.",
            got=f"dtype {dtype} with nulls",
            expected="a value in each row: whole numbers have no NaN",
            hint="column.fill_null(...), or column.cast(polars.Float64) for NaN",
        )
    return np.asarray(column.to_numpy())
