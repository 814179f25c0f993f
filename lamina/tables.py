"""Tables as arrays: data frames and series, and arrays of Python's objects that are numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import StructureError, Symbolic


def is_table(value: Any) -> bool:
    """Whether this is data that NumPy can read and that is neither an array nor a tensor: a data frame, a series.

    >>> is_table(np.ones(2)), is_table([1, 2])
    (False, False)
    """
    return hasattr(type(value), "__array__") and not isinstance(value, (np.ndarray, np.generic, torch.Tensor, Symbolic))


def array_of(value: Any) -> np.ndarray[Any, Any]:
    """A table or an array as an array of numbers, where all that stands in it is numbers; else as NumPy reads it.

    Columns of several kinds, as of whole numbers and bools, become the kind that holds them all.

    >>> array_of(np.array([[1, True], [2.5, False]], dtype=object))
    array([[1. , 1. ],
           [2.5, 0. ]])
    """
    array = np.asarray(value)
    if array.dtype.kind != "O":
        return array
    kinds = value.dtypes if hasattr(value, "columns") else None  # which saves a look at each value
    if kinds is not None and all(getattr(kind, "kind", "O") in "biuf" and isinstance(kind, np.dtype) for kind in kinds):
        return np.asarray(value.to_numpy(dtype=np.result_type(*kinds)))
    try:
        made = np.array(array.tolist())
    except (TypeError, ValueError):  # lists of several lengths
        return array
    return made if made.dtype.kind in "biuf" else array


def refuse_query(value: Any, name: str) -> None:
    """Refuse polars' LazyFrame, a table that is yet to be asked for.

    Args:
        name: of the argument, for the error.

    Raises:
        StructureError: it is one.
    """
    if type(value).__name__ == "LazyFrame" and type(value).__module__.partition(".")[0] == "polars":
        raise StructureError(
            f"{name} is a polars LazyFrame, a query that has not run.", expected="a DataFrame", hint="frame.collect()"
        )
