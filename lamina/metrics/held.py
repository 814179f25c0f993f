"""What a metric holds as attributes: other metrics, and variables that it did not make by `add_variable`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor


def variables_in(held: Mapping[str, Any], known: Mapping[str, Tensor]) -> dict[str, Any]:
    """Variables, Keras' ``Variable(0.0)`` among them, that are attributes or stand in lists, tuples and dicts of such.

    Args:
        held: attribute -> value.
        known: name -> variable, which are left out: those that the metric made.

    Returns:
        Path -> variable, each once.
    """
    met = {id(variable) for variable in known.values()}
    found: dict[str, Any] = {}
    for path, value in _leaves({name: value for name, value in held.items() if value is not known}):
        if isinstance(value, Tensor) and hasattr(type(value), "assign") and id(value) not in met:
            met.add(id(value))
            while path in known or path in found:
                path += "_"
            found[path] = value
    return found


def _leaves(held: Any) -> Iterator[tuple[str, Any]]:
    """(path, thing) of what containers hold, at any depth."""
    stack: list[tuple[str, Any]] = [("", held)]
    entered: set[int] = set()
    while stack:
        path, value = stack.pop()
        if not isinstance(value, (list, tuple, dict)):
            yield path, value
        elif id(value) not in entered:  # a list may hold itself
            entered.add(id(value))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [(f"{path}.{key}" if path else str(key), item) for key, item in items][::-1]
