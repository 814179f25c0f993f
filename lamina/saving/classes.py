"""Classes that a file may name: Lamina's own by exact name, and beside them those that the caller hands over."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from lamina import layers
from lamina.custom_objects import find
from lamina.layers import Layer, older

Classes = Mapping[str, type]

MODELS: dict[str, type] = {}
"""Exact class name -> class of Lamina's models: a model saves itself, so its room imports this one, and fills this."""


@lru_cache(maxsize=1)
def layer_classes() -> Classes:
    """Exact class name -> class, of every public layer, and of those that older files of Keras name."""
    public = [getattr(layers, name) for name in layers.__all__] + [getattr(older, name) for name in older.__all__]
    found = (cls for cls in public if isinstance(cls, type) and issubclass(cls, Layer) and cls is not Layer)
    return MappingProxyType({cls.__name__: cls for cls in found})


def holds_layers(cls: type, own: str, public: str) -> bool:
    """Whether a class writes (or reads) its config by the protocol of classes that hold a graph of layers.

    Such a class defines ``write_config(self, writer)``, which may give None, beside ``get_config()``, and
    ``read_config(config, reader)`` beside ``from_config(config)``, so that a layer shared between graphs, at any depth,
    stays one layer. A subclass that overrides only the public method of the two means that one.
    """
    for base in cls.__mro__:
        if own in vars(base):
            return True
        if public in vars(base):
            return False
    return False


def made_by_init(cls: type) -> bool:
    """Whether ``cls.from_config(config)`` is plainly ``cls(**config)``."""
    return inspect.getattr_static(cls, "from_config", None) is inspect.getattr_static(Layer, "from_config")


@lru_cache(maxsize=4096)
def init_arguments(cls: type) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Of ``cls.__init__``: names of the required arguments, names of all, and whether it takes any other by name."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    required = tuple(p.name for p in named if p.default is p.empty)
    return required, tuple(p.name for p in named), any(p.kind is p.VAR_KEYWORD for p in parameters)


def takes(function: Any, argument: str) -> bool:
    """Whether a function has an argument of that name."""
    return argument in inspect.signature(function).parameters


def foreign_names(data: Any) -> set[str]:
    """Names of the classes and functions in a config that serialize() has marked as not Lamina's."""
    if isinstance(data, list):
        return {name for item in data for name in foreign_names(item)}
    if not isinstance(data, dict):
        return set()
    found = {name for item in data.values() for name in foreign_names(item)}
    # A function of Lamina's own says the first, a user's is registered as something.
    own = data.get("module") == "builtins" and data.get("registered_name", "") is None
    if "module" in data and "class_name" in data and not (own or str(data["module"]).startswith("lamina.")):
        name = data.get("config") if data["class_name"] == "function" else data["class_name"]
        found.add(str(name))
    return found


def missing_names(data: Any, custom_objects: Mapping[str, Any]) -> list[str]:
    """The foreign names that stand for nothing here."""
    return sorted(name for name in foreign_names(data) if find(name, custom_objects) is None)
