"""Ends: what a model's outputs are called: by their keys where they stand in a dict, else by what makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .facts import quoted

_MAX_DEPTH = 100


def output_names(structure: Any, name_of: Callable[[Any], str | None]) -> list[str]:
    """Names of the outputs in a structure, in its order.

    Args:
        structure: of dicts and lists, as a file tells it.
        name_of: what makes an output, "" where that has no name; None for what is no output but a structure.

    >>> output_names({"digit": ["head", 0, 0]}, lambda item: item[0] if isinstance(item, list) else None)
    ['digit']
    """
    return [quoted(name) for name in _names(structure, name_of, ()) if name]


def _names(item: Any, name_of: Callable[[Any], str | None], path: tuple[Any, ...]) -> Iterator[str]:
    name = name_of(item) if isinstance(item, (dict, list)) else None
    if name is not None:
        yield ".".join(map(str, path)) if any(isinstance(step, str) for step in path) else name
    elif len(path) > _MAX_DEPTH:
        return
    elif isinstance(item, dict):
        for key, part in item.items():  # a tag of the file's own, such as "$tuple", is no key
            yield from _names(part, name_of, path if str(key).startswith("$") else (*path, key))
    elif isinstance(item, list):
        for number, part in enumerate(item):
            yield from _names(part, name_of, (*path, number))
