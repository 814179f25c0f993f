"""Classes that a file may name: Lamina's own by exact name, and beside them those that the caller hands over."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from lamina import layers
from lamina.custom_objects import find
from lamina.graph.source import warn
from lamina.layers import Layer, of_applications, older
from lamina.printable import QUOTED, printable

Classes = Mapping[str, type]

MODELS: dict[str, type] = {}
"""Exact class name -> class of Lamina's models: a model saves itself, so its room imports this one, and fills this."""


@lru_cache(maxsize=1)
def layer_classes() -> Classes:
    """Exact class name -> class, of every public layer, and of those that only files name: older ones, applications."""
    named = [getattr(home, name) for home in (layers, older, of_applications) for name in home.__all__]
    found = (cls for cls in named if isinstance(cls, type) and issubclass(cls, Layer) and cls is not Layer)
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


# What a layer is given for training only: its answers hang on the weights alone.
_FOR_TRAINING = ("initializer", "regularizer", "constraint")


def is_for_training(key: str) -> bool:
    """Whether under this key a config has an initializer, a regularizer or a constraint.

    >>> is_for_training("kernel_regularizer"), is_for_training("activation")
    (True, False)
    """
    return key.endswith(_FOR_TRAINING)


def needed_names(data: Any) -> set[str]:
    """`foreign_names` without which a layer of Lamina's would answer otherwise.

    A model within a wrapper reads its own config, and needs them all.
    """
    if isinstance(data, list):
        return {name for item in data for name in needed_names(item)}
    if not isinstance(data, dict):
        return set()
    if {"class_name", "config", "module"} <= data.keys() and (found := foreign_names(data)):
        return found if data["class_name"] in MODELS or not is_own(data) else needed_names(data["config"])
    return {name for key, item in data.items() if not is_for_training(key) for name in needed_names(item)}


def is_own(data: Any) -> bool:
    """Whether serialized data tell an object of Lamina's or Keras'.

    >>> is_own({"class_name": "L2", "config": {}}), is_own({"class_name": "L2", "config": {}, "module": "mine"})
    (True, False)
    """
    return str(data.get("module", "lamina")).partition(".")[0] in ("lamina", "keras")


class Missed(NamedTuple):
    """Something for training that is not at hand: where a config has it, its name, and whether a file could tell it."""

    key: str
    name: str
    told: bool


def without_absent(data: Any, key: str, custom_objects: Mapping[str, Any], missed: list[Missed]) -> Any:
    """What a config has under ``key``, marked where it is for training only and not at hand.

    Args:
        missed: takes what was marked.
    """
    if isinstance(data, dict) and is_for_training(key) and "class_name" in data and not is_own(data):
        name = str(data.get("config") if data["class_name"] == "function" else data["class_name"])
        told = data.get("absent") != "untold"
        if not told or find(name, custom_objects) is None:
            missed.append(Missed(key, name, told))
            return {**data, "absent": True if told else "untold"}
    return data


def tell_missed(where: str, missed: list[Missed]) -> None:
    """Warn of what `without_absent` has marked."""
    if not missed:
        return
    things = ", ".join(dict.fromkeys(f"{one.key} {one.name!r}" for one in missed))
    names = ", ".join(dict.fromkeys(f"{one.name!r}: ..." for one in missed if one.told))
    ways = [f"load_model(..., custom_objects={{{names}}}) takes it."] if names else []
    if not all(one.told for one in missed):
        ways.append("What has no get_config() and no name is not in the file.")
    warn(
        printable(f"{where} is loaded without {things}, which is not at hand. It answers as it did; ", QUOTED * 2)
        + "training goes on without regularizers and constraints, and new weights begin as GlorotUniform and zeros. "
        + printable(" ".join(ways), QUOTED * 2)
    )
