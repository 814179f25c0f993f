"""Structures of the same layout from structures: functions of leaves, of shapes, of whole parts."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from typing import Any

from lamina.graph import ArgumentError, StructureError

from .containers import children_like, is_nested, parts_of, same_kind
from .walking import Done, walk


class MAP_TO_NONE:  # noqa: N801  Keras' name for it
    """What the function of `traverse` gives to put None in the place of a part."""


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """``func(leaf, ...)`` at each leaf of structures of one layout.

    Args:
        func: takes as many arguments as there are structures.
        structures: one or several; the result has the containers of the first.
        none_is_leaf: False: where all are None, the result is None and `func` is not called.

    Raises:
        StructureError: the layouts differ. ArgumentError: no structure is given.

    >>> map_structure(lambda a, b: a * b, {"x": [1, 2]}, {"x": [3, 4]})
    {'x': [3, 8]}
    """
    _some(structures)

    def enter(parts: tuple[Any, ...]) -> Any:
        if is_nested(parts[0]):
            return _within(parts[0], parts)
        for other in parts[1:]:
            if is_nested(other):
                raise _unlike(parts[0], other)
        if not none_is_leaf and any(part is None for part in parts):
            if any(part is not None for part in parts):
                raise StructureError("There is None in one structure, a leaf in another.", got=reprlib.repr(parts))
            return Done(None)
        return Done(func(*parts))

    return walk(structures, enter)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """``func(part, ...)`` where the shallow structure has a leaf; the parts of the others may be nested further.

    Raises:
        StructureError: a structure is shallower. ArgumentError: no structure is given.

    >>> map_structure_up_to([None, None], len, [[1, 1], [2, 2, 2]])
    [2, 3]
    """
    _some(structures)

    def enter(parts: tuple[Any, ...]) -> Any:
        return _within(parts[0], parts) if is_nested(parts[0]) else Done(func(*parts[1:]))

    return walk((shallow_structure, *structures), enter)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """``func(shape)`` of each shape: a tuple or list of whole numbers and None is one, and no container.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(2, 2, 2), ()]})
    {'a': 2, 'b': [3, 0]}
    """

    def enter(part: Any) -> Any:
        if is_nested(part) and not _is_shape(part):
            _, children, rebuild = parts_of(part)
            return children, rebuild
        return Done(func(part))

    return walk(structure, enter)


def lists_to_tuples(structure: Any) -> Any:
    """The same with tuples in the place of lists.

    >>> lists_to_tuples({"a": [1, [2]]})
    {'a': (1, (2,))}
    """
    return traverse(lambda part: tuple(part) if isinstance(part, list) else None, structure, top_down=False)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Show `func` each part of a structure, containers and leaves, and let it put something else there.

    Args:
        func: gives None to leave the part as it is; something else to put in its place; `MAP_TO_NONE` to put None
            there.
        structure: any.
        top_down: a container comes before what it holds, and what `func` puts in its place is not gone into. False: it
            comes after, with what was put into it.

    Returns:
        The new structure; the old one is not changed.

    >>> seen = []
    >>> traverse(seen.append, [(1, 2), {"a": 3}])
    [(1, 2), {'a': 3}]
    >>> seen
    [[(1, 2), {'a': 3}], (1, 2), 1, 2, {'a': 3}, 3]
    """

    def shown(part: Any) -> Any:
        given = func(part)
        if given is None:
            return part
        return None if given is MAP_TO_NONE else given

    def enter(part: Any) -> Any:
        given = func(part) if top_down else None
        if given is not None:
            return Done(None if given is MAP_TO_NONE else given)
        if not is_nested(part):
            return Done(part if top_down else shown(part))
        _, children, rebuild = parts_of(part)
        return children, (rebuild if top_down else lambda made: shown(rebuild(made)))

    return walk(structure, enter)


def _within(first: Any, parts: tuple[Any, ...]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The children of containers of one kind, side by side."""
    keys, children, rebuild = parts_of(first, by_key=False)
    columns = [children]
    for other in parts[1:]:
        if not is_nested(other) or not same_kind(first, other):
            raise _unlike(first, other)
        columns.append(children_like(first, keys, other))
    return list(zip(*columns, strict=True)), rebuild


def _unlike(first: Any, other: Any) -> StructureError:
    got = f"{reprlib.repr(first)} and {reprlib.repr(other)}"
    return StructureError("The structures are nested in different ways.", got=got)


def _some(structures: tuple[Any, ...]) -> None:
    if not structures:
        raise ArgumentError("There is no structure to map.", hint="map_structure(func, structure)")


def _is_shape(part: Any) -> bool:
    return isinstance(part, (list, tuple)) and all(isinstance(size, (int, type(None))) for size in part)
