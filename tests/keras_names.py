"""Whether a package of classes has Keras' names, with the same arguments in the same order with the same defaults."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType


def assert_same_classes(ours: ModuleType, theirs: ModuleType, later: frozenset[str] = frozenset()) -> None:
    """`ours.__all__` holds the public names of Keras' module, but for those in `later`; the constructors agree."""
    names = {name for name in dir(theirs) if not name.startswith("_")} - later
    assert set(ours.__all__) == names
    for name in names:
        their_cls, our_cls = getattr(theirs, name), getattr(ours, name)
        if inspect.isclass(their_cls):
            assert our_cls is getattr(ours, their_cls.__name__), name
            assert _parameters(our_cls) == _parameters(their_cls), name


def _parameters(cls: Callable[..., object]) -> list[tuple[str, object]]:
    return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]


def assert_same_functions(ours: ModuleType, theirs: ModuleType, later: frozenset[str] = frozenset()) -> None:
    """`ours.__all__` holds the public functions of Keras' module, but for those in `later`, with its arguments."""
    names = {name for name in dir(theirs) if not name.startswith("_")} - later
    assert set(ours.__all__) == names
    for name in names:
        assert _parameters(getattr(ours, name)) == _parameters(getattr(theirs, name)), name
