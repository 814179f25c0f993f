"""Whether two structures are nested alike."""

from __future__ import annotations

import reprlib
from typing import Any

from lamina.graph import StructureError
from lamina.graph.source import warn

from .containers import children_like, is_nested, parts_of, same_kind
from .flat import flatten_with_path


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise StructureError unless both are the same containers in the same places; what the leaves are does not matter.

    dict, OrderedDict and defaultdict are one kind where their keys are equal; list, tuple and deque are three, and each
    class of named tuples is one of its own.

    Args:
        a, b: any structures.
        check_types: as in Keras, has no effect and warns.

    Raises:
        StructureError: says at which path they differ.

    >>> assert_same_structure([(0, 1)], [(2, 3)])
    >>> assert_same_structure([(0, 1)], [[2, 3]])
    Traceback (most recent call last):
    ...
    lamina.StructureError: The two structures are nested in different ways.
      got       at [0] (0, 1) and [2, 3]
      where     ...
    """
    if check_types is not None:
        warn("`check_types` has no effect; see `assert_same_paths`.", DeprecationWarning)
    stack: list[tuple[Any, Any, Any]] = [((), a, b)]
    while stack:
        path, first, second = stack.pop()
        nested = is_nested(first)
        if nested != is_nested(second) or (nested and not same_kind(first, second)):
            raise StructureError(
                "The two structures are nested in different ways.",
                got=f"at {_shown(path)} {reprlib.repr(first)} and {reprlib.repr(second)}",
            )
        if nested:
            keys, children, _ = parts_of(first, by_key=False)
            others = children_like(first, keys, second)
            stack += [((path, key), one, other) for key, one, other in zip(keys, children, others, strict=True)]


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise StructureError unless the same paths lead to leaves in both, whatever the classes of the containers.

    Raises:
        StructureError: lists the paths that only one has.

    >>> assert_same_paths([0, 1], (2, 3))
    """
    first, second = ([path for path, _ in flatten_with_path(structure)] for structure in (a, b))
    lines = []
    for name, own, other in (("a", first, set(second)), ("b", second, set(first))):
        missing = [_brackets(path) for path in own if path not in other]
        if missing:
            lines.append(f"only in `{name}`: {', '.join(missing)}")
    if lines:
        raise StructureError("Some paths lead to a leaf in one structure only.", got="\n".join(lines))


def _shown(path: Any) -> str:
    keys = []
    while path:
        path, key = path
        keys.append(key)
    return _brackets(tuple(reversed(keys)))


def _brackets(path: tuple[Any, ...]) -> str:
    return "".join(f"[{key!r}]" for key in path) or "the top"
