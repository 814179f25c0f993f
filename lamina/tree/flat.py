"""From a structure to the list of its leaves, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lamina.graph import StructureError

from .containers import is_nested, parts_of
from .cycles import Guard
from .walking import END, Done, walk


def flatten(structure: Any) -> list[Any]:
    """The leaves, depth first: those of dicts in the order of their sorted keys, of OrderedDicts as written.

    Raises:
        StructureError: the keys of a dict cannot be sorted; or it holds itself.

    >>> flatten({"b": [1, (2,)], "a": None}), flatten(7)
    ([None, 1, 2], [7])
    """
    found = []
    stack, guard = [structure], Guard(structure)
    while stack:
        part = stack.pop()
        if is_nested(part):
            guard.step()
            stack.extend(reversed(parts_of(part)[1]))
        else:
            found.append(part)
    return found


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of a path and a leaf, in the order of `flatten`; a path is the keys and indices that lead to the leaf.

    >>> flatten_with_path([{"foo": 42}])
    [((0, 'foo'), 42)]
    """
    found: list[tuple[tuple[Any, ...], Any]] = []
    # Paths as pairs (path before, key): a tuple for each part would cost the square of the depth.
    stack: list[tuple[Any, Any]] = [((), structure)]
    guard = Guard(structure)
    while stack:
        path, part = stack.pop()
        if not is_nested(part):
            found.append((_whole(path), part))
            continue
        guard.step()
        keys, children, _ = parts_of(part)
        stack.extend(((path, key), child) for key, child in zip(reversed(keys), reversed(children), strict=True))
    return found


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """The structure with its leaves replaced, in the order of `flatten`.

    Args:
        structure: any; a leaf takes the only element.
        flat_sequence: as many elements as there are leaves.

    Raises:
        StructureError: another number of them.

    >>> pack_sequence_as({"key3": "", "key1": ("", "")}, [1, 2, 3])
    {'key3': 3, 'key1': (1, 2)}
    """
    given = list(flat_sequence)
    rest = iter(given)

    def enter(part: Any) -> Any:
        if is_nested(part):
            _, children, rebuild = parts_of(part)
            return children, rebuild
        return Done(next(rest, END))

    packed = walk(structure, enter)
    wanted = len(flatten(structure))
    if len(given) != wanted:
        raise StructureError(
            "This sequence cannot be packed into the structure.",
            got=f"{len(given)} elements",
            expected=f"{wanted}, one for each leaf",
        )
    return packed


def _whole(path: Any) -> tuple[Any, ...]:
    keys = []
    while path:
        path, key = path
        keys.append(key)
    return tuple(reversed(keys))
