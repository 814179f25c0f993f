"""What counts as nested, and how a container is taken apart and put together again.

Lists, tuples, named tuples, PyTorch's return types, deques, dicts, OrderedDicts and defaultdicts; by exact type: a
subclass of `list` or `dict` is somebody's own and a leaf.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import StructureError
from lamina.sizes.tree import is_namedtuple, is_return_type

_MAPPINGS = (dict, OrderedDict, defaultdict)
_SEQUENCES = (list, tuple, deque, torch.Size)

Parts = tuple[list[Any], list[Any], Callable[[list[Any]], Any]]


def is_nested(structure: Any) -> bool:
    """Whether it is a container, an empty one included.

    >>> is_nested([]), is_nested({"a": 1}), is_nested("text"), is_nested(None)
    (True, True, False, False)
    """
    kind = type(structure)
    return kind in _SEQUENCES or kind in _MAPPINGS or is_namedtuple(structure) or is_return_type(structure)


def parts_of(container: Any, by_key: bool = True) -> Parts:
    """(keys, children, rebuild): `rebuild` makes the same kind of container from as many new children.

    Args:
        by_key: the children of dicts and defaultdicts in the order of their sorted keys, else as written.

    Raises:
        StructureError: keys that cannot be sorted.
    """
    kind = type(container)
    if kind in _MAPPINGS:
        keys = _sorted_keys(container) if by_key and kind is not OrderedDict else list(container)
        return keys, [container[key] for key in keys], _MappingLike(container, keys)
    children = list(container)
    return list(range(len(children))), children, _sequence_like(container, kind)


def same_kind(a: Any, b: Any) -> bool:
    """Whether two containers match: the same class, but dict, OrderedDict and defaultdict are one, given equal keys."""
    if type(a) in _MAPPINGS and type(b) in _MAPPINGS:
        result: bool = a.keys() == b.keys()
        return result
    kinds = [tuple if type(value) is torch.Size else type(value) for value in (a, b)]
    return kinds[0] is kinds[1] and len(a) == len(b)


def children_like(a: Any, keys: list[Any], b: Any) -> list[Any]:
    """The children of `b`, of the same kind as `a`, in the order in which `keys` are those of `a`."""
    return [b[key] for key in keys] if type(a) in _MAPPINGS else list(b)


class _MappingLike:
    """Puts a mapping together again, its keys in the order in which they were written."""

    def __init__(self, like: Any, keys: list[Any]) -> None:
        self.like, self.keys = like, keys

    def __call__(self, children: list[Any]) -> Any:
        by_key = dict(zip(self.keys, children, strict=True))
        pairs = {key: by_key[key] for key in self.like}
        if type(self.like) is defaultdict:
            return defaultdict(self.like.default_factory, pairs)
        return OrderedDict(pairs) if type(self.like) is OrderedDict else pairs


def _sequence_like(like: Any, kind: type) -> Callable[[list[Any]], Any]:
    if kind is list:
        return list
    if kind is deque:
        return lambda children: deque(children, like.maxlen)
    if kind in (tuple, torch.Size):  # a Size holds integers only
        return tuple
    return kind if is_return_type(like) else lambda children: kind(*children)


def _sorted_keys(mapping: Any) -> list[Any]:
    try:
        return sorted(mapping)
    except TypeError as error:
        raise StructureError(
            "The keys of a dict cannot be sorted, so it has no order that is always the same.",
            got=", ".join(map(repr, mapping)),
            hint="a collections.OrderedDict, which keeps the order written",
        ) from error
