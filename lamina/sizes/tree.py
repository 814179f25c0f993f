"""Nested arguments: lists, tuples, named tuples, dicts and slices with anything at the leaves.

Order is always the order written, never sorted; `leaves_in_order` tells Keras'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch

from .cycles import refuse_loop

# Of these, which most leaves are, no more needs to be asked: whether something is a mapping takes long to find out.
_LEAVES = frozenset((torch.Tensor, torch.dtype, bool, int, float, str, type(None)))


class Whole:
    """Base of classes of ours whose objects are leaves: they are asked no further."""

    __slots__ = ()


def is_namedtuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def is_return_type(value: object) -> bool:
    """``torch.return_types.*``: tuples with names, made from one sequence."""
    return isinstance(value, tuple) and hasattr(value, "n_sequence_fields")


def is_nested(value: object) -> bool:
    return isinstance(value, (list, tuple, Mapping, slice))


def map_leaves(fn: Callable[[Any], Any], value: Any) -> Any:
    """The same structure with ``fn(leaf)`` at each leaf.

    >>> map_leaves(lambda v: v + 1, {"a": 1, "b": [2, (3,)]})
    {'a': 2, 'b': [3, (4,)]}
    """
    try:
        kind = type(value)
        if kind in _LEAVES or isinstance(value, Whole):
            return fn(value)
        if kind is tuple:
            return tuple([map_leaves(fn, v) for v in value])
        if kind is dict:
            return {k: map_leaves(fn, v) for k, v in value.items()}
        if isinstance(value, list):
            return [map_leaves(fn, v) for v in value]
        if isinstance(value, tuple):
            mapped = [map_leaves(fn, v) for v in value]
            if is_namedtuple(value):
                return type(value)(*mapped)
            return type(value)(mapped) if is_return_type(value) else tuple(mapped)
        if isinstance(value, Mapping):
            return _same_mapping(value, {k: map_leaves(fn, v) for k, v in value.items()})
        if isinstance(value, slice):
            return slice(map_leaves(fn, value.start), map_leaves(fn, value.stop), map_leaves(fn, value.step))
        return fn(value)
    except RecursionError:
        refuse_loop(value)
        raise


def _same_mapping(like: Mapping[Any, Any], pairs: dict[Any, Any]) -> Any:
    """OrderedDict and dict-like outputs keep their class where it can be built from pairs."""
    try:
        return type(like)(pairs)  # type: ignore[call-arg]
    except TypeError:
        return pairs


def alone(value: Any) -> Any:
    """What a list or tuple of one thing holds; anything else as it is.

    >>> alone([1]), alone([1, 2]), alone({"a": 1})
    (1, [1, 2], {'a': 1})
    """
    return value[0] if type(value) in (list, tuple) and len(value) == 1 else value


def copied(value: Any) -> Any:
    """The same leaves in containers of their own.

    >>> given = [1, {"a": 2}]
    >>> copied(given) == given, copied(given)[1] is given[1]
    (True, False)
    """
    return map_leaves(lambda leaf: leaf, value)


def leaves(value: Any) -> Iterator[Any]:
    """The leaves from left to right.

    >>> list(leaves({"b": 1, "a": [2, 3]}))
    [1, 2, 3]
    """
    found: list[Any] = []
    try:
        _collect(value, found)
    except RecursionError:
        refuse_loop(value)
        raise
    return iter(found)


def _collect(value: Any, found: list[Any]) -> None:
    if type(value) in _LEAVES or isinstance(value, Whole):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        for v in value:
            _collect(v, found)
    elif type(value) is dict or isinstance(value, Mapping):  # whether something is a mapping takes long to find out
        for v in value.values():
            _collect(v, found)
    elif isinstance(value, slice):
        _collect((value.start, value.stop, value.step), found)
    else:
        found.append(value)


def leaves_in_order(value: Any, deep: bool = True, _within: bool = False) -> Iterator[Any]:
    """The leaves as Keras numbers them: a dict's by its sorted keys, where these can be sorted.

    Args:
        deep: False where Keras runs on PyTorch: a dict that lies within another one is then left as it is.

    >>> structure = {"b": 1, "a": [2, {"d": 3, "c": 4}]}
    >>> list(leaves_in_order(structure)), list(leaves_in_order(structure, deep=False))
    ([2, 4, 3, 1], [2, 3, 4, 1])
    """
    if type(value) is dict and (deep or not _within):
        with suppress(TypeError):
            value = dict(sorted(value.items(), key=lambda item: item[0]))
    if isinstance(value, (list, tuple, Mapping)):
        within = _within or isinstance(value, Mapping)
        for v in value.values() if isinstance(value, Mapping) else value:
            yield from leaves_in_order(v, deep, within)
    else:
        yield from leaves(value)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(path, leaf) pairs; a path is the keys and indices that lead to the leaf.

    >>> list(paths({"a": [1, 2]}))
    [(('a', 0), 1), (('a', 1), 2)]
    """
    if isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            yield from paths(v, (*prefix, i))
    elif isinstance(value, Mapping):
        for k, v in value.items():
            yield from paths(v, (*prefix, k))
    else:
        yield prefix, value


def pack_like(structure: Any, flat: Iterator[Any]) -> Any:
    """``structure`` with its leaves replaced, from left to right, by what ``flat`` yields.

    >>> pack_like({"a": 0, "b": [0, 0]}, iter("xyz"))
    {'a': 'x', 'b': ['y', 'z']}
    """
    return map_leaves(lambda _: next(flat), structure)


def describe(structure: Any) -> str:
    """A short text of a structure for error messages.

    >>> describe({"a": 1, "b": [2, 3]})
    "{'a': ., 'b': [., .]}"
    """
    if isinstance(structure, list):
        return "[" + ", ".join(describe(v) for v in structure) + "]"
    if isinstance(structure, tuple):
        return "(" + ", ".join(describe(v) for v in structure) + ("," if len(structure) == 1 else "") + ")"
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f"{k!r}: {describe(v)}" for k, v in structure.items()) + "}"
    return "."
