"""Classes and functions of the user's own, by the names under which configs and files know them.

Keras' contract: what is registered or in scope is found by its exact name wherever a config names something that is not
Lamina's. It never stands for a name of Lamina's: registering a "Dense" makes a "Custom>Dense", and "Dense" stays ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, TypeVar

from lamina.graph.errors import ArgumentError

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "find",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "register_keras_serializable",
]

T = TypeVar("T")


class _Registered:
    """What this process has registered. Process-wide, since a file is opened far from where a class is defined."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self._names: dict[int, tuple[Any, str]] = {}  # with the object, so that its id stays its own

    def add(self, name: str, thing: Any) -> None:
        self.objects[name] = thing
        self._names[id(thing)] = thing, name

    def name_of(self, thing: Any) -> str | None:
        # Also where another object has the name by now: it is the same class, defined again.
        name = self._names[id(thing)][1] if id(thing) in self._names else None
        return name if name in self.objects else None


_REGISTERED = _Registered()
_SCOPE: ContextVar[Mapping[str, Any]] = ContextVar("lamina_custom_objects", default=MappingProxyType({}))


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorator: configs and files name this class or function "package>name", and loading finds it by that.

    Args:
        package: whose it is.
        name: by default the name of the class or function.

    Registering another under the same name replaces the first, so that a notebook's cell can run again.

    Raises:
        ArgumentError: no names, or a class without ``get_config``: nobody could write it down.

    >>> @register_keras_serializable("mine")
    ... def twice(x):
    ...     return 2 * x
    >>> get_registered_name(twice)
    'mine>twice'
    >>> lamina.layers.Dense(1, activation="mine>twice").activation is twice
    True
    """
    for argument, value in (("package", package), ("name", name)):
        if not isinstance(value, str) and not (argument == "name" and value is None):
            raise ArgumentError(
                f"register_keras_serializable needs a string as {argument}.",
                got=f"{value!r} of type {type(value).__name__}",
                hint='@register_keras_serializable(package="mine"), with the parentheses',
            )

    def register(thing: T) -> T:
        kind: Any = thing
        own_name = name or getattr(thing, "__name__", None)
        if not callable(thing) or own_name is None:
            raise ArgumentError("Classes and functions are registered, nothing else.", got=repr(thing)[:100])
        if isinstance(kind, type) and not hasattr(kind, "get_config"):
            raise ArgumentError(
                f"{kind.__name__} cannot be registered: it has no get_config().",
                hint="get_config() that returns the arguments of __init__ as plain data",
            )
        _REGISTERED.add(f"{package}>{own_name}", thing)
        return thing

    return register


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any] | None) -> Iterator[None]:
    """Within, these objects are found by these names; in this thread or task alone. Scopes add up, the inner one wins.

    Args:
        custom_objects: name -> class or function; None: none.

    Raises:
        ArgumentError: not a dict by names.

    >>> with custom_object_scope({"twice": lambda x: 2 * x}):
    ...     lamina.activations.get("twice")(3)
    6
    """
    custom_objects = {} if custom_objects is None else custom_objects
    if not isinstance(custom_objects, Mapping) or not all(isinstance(name, str) for name in custom_objects):
        got = f"{custom_objects!r} of type {type(custom_objects).__name__}"[:120]
        raise ArgumentError("A scope of custom objects is a dict by names.", got=got, expected='{"name": object}')
    token = _SCOPE.set({**_SCOPE.get(), **custom_objects})
    try:
        yield
    finally:
        _SCOPE.reset(token)


CustomObjectScope = custom_object_scope


def get_custom_objects() -> dict[str, Any]:
    """The registered objects by name: the table itself, in which one may write. What is in a scope is not in it.

    >>> get_custom_objects()["thrice"] = lambda x: 3 * x
    >>> lamina.activations.get("thrice")(2)
    6
    >>> del get_custom_objects()["thrice"]
    """
    return _REGISTERED.objects


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered; its own name, where it is not.

    >>> get_registered_name(lamina.layers.Dense)
    'Dense'
    """
    return _REGISTERED.name_of(obj) or obj.__name__


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The object of exactly this name: in scope, registered, or in one of these dicts, in this order; else None.

    >>> get_registered_object("mine>nothing") is None
    True
    """
    for table in (_SCOPE.get(), _REGISTERED.objects, custom_objects or {}, module_objects or {}):
        if name in table:
            return table[name]
    return None


def find(name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What a config means by ``name``: the caller's own dict goes before the scope, and that before what is registered.

    A dict and a scope know a registered "mine>Layer" as plain "Layer" too, since whoever hands over a class need not
    know how it was registered. Nothing is found by another spelling.

    >>> find("mine>Layer", {"Layer": 3}), find("layer", {"Layer": 3})
    (3, None)
    """
    short = name.rpartition(">")[2]
    for table in (custom_objects or {}, _SCOPE.get()):
        for key in (name, short):
            if key in table:
                return table[key]
    return _REGISTERED.objects.get(name)
