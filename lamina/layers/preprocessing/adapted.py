"""What `adapt` refuses: data that hold no batches, with an error in the words of the layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any, cast

from lamina.graph import ArgumentError
from lamina.tables import refuse_query


def iterated(label: str, data: Any, expected: str) -> Iterable[Any]:
    """The batches of data that are no batch: what an iterable gives, or what is asked for its rows by number.

    Args:
        label: of the layer.
        expected: what `adapt` takes.

    Raises:
        ArgumentError: there are none. StructureError: a query that has not run.
    """
    refuse_query(data, f"What {label} is to adapt to")
    if isinstance(data, Mapping):
        raise no_data(label, data, expected, "one column of it; or utils.FeatureSpace, which adapts to tables")
    if hasattr(data, "__iter__"):
        return cast("Iterable[Any]", data)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        return (data[place] for place in range(len(data)))
    raise no_data(label, data, expected, "open the file, and adapt to what is in it" if _is_path(data) else None)


def no_data(label: str, got: Any, expected: str, hint: str | None) -> ArgumentError:
    """The error for what a layer cannot adapt to."""
    said = got if isinstance(got, str) else f"{type(got).__name__} {got!r}"
    return ArgumentError(f"{label} cannot adapt to this.", got=said[:80], expected=expected, hint=hint)


def _is_path(data: Any) -> bool:
    return isinstance(data, PathLike)
