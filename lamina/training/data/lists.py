"""Lists and tuples: of numbers, which are one array; or of arrays, which are a structure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lamina.graph import DtypeError, ShapeError, StructureError

from . import numpy_arrays

_DEEPEST = 1000


def is_structure(values: Any) -> bool:
    """Whether a list holds arrays, dicts or further structures rather than numbers.

    Lists of equally long lists of numbers are one array, as NumPy reads them. Of lists in the list only the first
    entry is looked at: a table of numbers may be long.
    """
    return any(_is_part(value) for value in values)


def _is_part(value: Any) -> bool:
    depth = 0
    while isinstance(value, (list, tuple)) and len(value):
        value, depth = value[0], depth + 1
        if depth > _DEEPEST:
            raise RecursionError(f"lists within lists, more than {_DEEPEST} deep")
    return isinstance(value, Mapping) or len(getattr(value, "shape", ())) > 0


def read(values: Any, name: str) -> torch.Tensor | numpy_arrays.NumpyRows:
    """Numbers, or rows of numbers, as a tensor.

    Raises:
        StructureError: nothing in it. ShapeError: rows of different lengths. DtypeError: something that is no number;
            says where.
    """
    if not len(values):
        raise StructureError(f"{name} is empty.", got=f"{values!r}", expected="one row per sample")
    if isinstance(values[0], torch.Tensor):
        values = [value.item() for value in values]
    try:
        array = np.asarray(values)
    except ValueError:
        _refuse_what_is_no_number(values, name)
        raise ShapeError(
            f"{name} is ragged: its rows have different lengths.",
            got=f"lengths {_lengths(values)}",
            hint="utils.pad_sequences(x) for sequences; one array per input for several inputs",
        ) from None
    if array.dtype.kind not in "fiubc":
        _refuse_what_is_no_number(values, name)
    return numpy_arrays.read(array, name)


def _refuse_what_is_no_number(values: Any, name: str) -> None:
    path, value = next(_no_numbers(values), (None, None))
    if path is not None:
        raise DtypeError(
            f"{name} does not hold numbers.",
            got=f"{type(value).__name__} {numpy_arrays.short(value)} at {name}{path}",
            expected="floats, integers or booleans",
        )


def _no_numbers(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(where, what) of all that is no number. A generator: the first one is enough."""
    for i, value in enumerate(values):
        if isinstance(value, (list, tuple)):
            yield from _no_numbers(value, f"{path}[{i}]")
        elif not isinstance(value, (int, float, complex, np.number, np.bool_)):
            yield f"{path}[{i}]", value


def _lengths(values: Any) -> str:
    text = ", ".join(str(len(v)) if isinstance(v, (list, tuple)) else "a number" for v in values[:6])
    return text + (", ..." if len(values) > 6 else "")
