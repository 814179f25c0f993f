"""The containers among a module's attributes: copied for a call, compared after it, and refilled with what it left."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy as shallow_copy
from typing import Any

from lamina.sizes import tree

_USUAL = frozenset((list, tuple, dict))


def is_box(value: Any) -> bool:
    """Whether this is a container that a stand-in gets one of its own for."""
    if type(value) in _USUAL:
        return True
    return isinstance(value, (dict, set, tuple)) and (not isinstance(value, tuple) or tree.is_namedtuple(value))


def rebuilt(box: Any, inner: Callable[[Any], Any]) -> Any:
    """A container of the same class with ``inner(item)`` in the places of its items."""
    if isinstance(box, dict):
        same = shallow_copy(box)
        for key, value in list(same.items()):
            new = inner(value)
            if new is not value:
                same[key] = new
        return same
    items = [inner(item) for item in list(box)]  # at once: other threads may add to it
    return type(box)(*items) if tree.is_namedtuple(box) else type(box)(items)


def refilled(box: Any, new: Any) -> Any:
    """The container with the items of another one; a tuple cannot be that."""
    if isinstance(box, list):
        box[:] = new
    elif isinstance(box, dict):
        for key in [key for key in box if key not in new]:
            del box[key]
        box.update(new)
    elif isinstance(box, set):
        box &= new
        box |= new
    return box if isinstance(box, (list, dict, set)) else new


def contents_of(value: Any) -> Any:
    """What tells whether a value has changed: the value, or what is in a container, however deep."""
    if not is_box(value):
        return value
    if isinstance(value, dict):
        return tuple([(key, contents_of(item) if is_box(item) else item) for key, item in value.items()])
    return tuple([contents_of(item) if is_box(item) else item for item in value])


def same_contents(a: Any, b: Any) -> bool:
    """Whether the contents are the same objects."""
    if a is b:
        return True
    if type(a) is not tuple or type(b) is not tuple or len(a) != len(b):
        return False
    return all(x is y or (type(x) is type(y) is tuple and same_contents(x, y)) for x, y in zip(a, b, strict=True))
