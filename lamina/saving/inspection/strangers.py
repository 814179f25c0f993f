"""The classes and functions that a file names and that are neither Lamina's nor Keras'."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

from lamina import activations, constraints, initializers, losses, metrics, optimizers, regularizers
from lamina.custom_objects import find
from lamina.dtype_policies import __all__ as POLICIES
from lamina.graph import LaminaError
from lamina.saving.classes import foreign_names, layer_classes
from lamina.saving.errors import BAD_CONFIG
from lamina.saving.keras_files.names import MODEL_NAMES
from lamina.saving.keras_files.older.entries import in_todays_words
from lamina.saving.keras_files.older.objects import CLASSES as OLD_OBJECTS
from lamina.saving.keras_files.older.versions import TF_KINDS
from lamina.saving.keras_files.operations import operations

from .facts import NeededObject, quoted

MOST = 100

_PACKAGES: dict[str, ModuleType] = {
    "activation": activations, "initializer": initializers, "regularizer": regularizers, "constraint": constraints,
    "loss": losses, "metric": metrics, "optimizer": optimizers,
}  # fmt: skip
# Words of Keras' for the loss' own metric.
_FOR_THE_LOSS = ("accuracy", "acc", "crossentropy", "ce")
_OWN = ("keras", "tf_keras", "lamina", "builtins", "None")


class Strangers:
    """Collects them, each once.

    Attributes:
        found: at most `MOST`.
    """

    def __init__(self) -> None:
        self.found: list[NeededObject] = []
        self._seen: set[tuple[str, str]] = set()

    def add(self, name: str, kind: str, without: str = "") -> None:
        """Add an object by its name.

        Args:
            without: what the file is loaded as where the object is not at hand; nothing where it does not load then.
        """
        if len(self.found) >= MOST or (kind, name) in self._seen:
            return
        self._seen.add((kind, name))
        word = quoted(name.rpartition(">")[2])
        how = f'load_model(path, custom_objects={{"{word}": {word}}})'
        if not word.isidentifier():
            how = f'load_model(path, custom_objects={{"{word}": ...}})'
        hint = f"loads {without} without it, and as it was with {how}" if without else how
        self.found.append(NeededObject(quoted(name), kind, not without, find(name) is not None, hint))


# -- Keras' configs


def strangers_in_keras(strangers: Strangers, config: Any, kind: str = "layer") -> None:
    """Those in a config of Keras', of any version."""
    stack: list[tuple[Any, str]] = [(config, kind)]
    while stack and len(strangers.found) < MOST:
        item, key = stack.pop()
        if isinstance(item, list):
            stack += [(part, key) for part in reversed(item)]
        elif isinstance(item, dict) and isinstance(item.get("class_name"), str):
            stack += reversed(list(_in_object(strangers, item, key)))
        elif isinstance(item, dict):
            stack += [(part, _kind_of(name, key)) for name, part in reversed(item.items())]
        elif isinstance(item, str) and key in _PACKAGES and not _is_named(key, item):
            strangers.add(item, "function" if key == "activation" else key)


def _in_object(strangers: Strangers, item: dict[str, Any], key: str) -> Iterator[tuple[Any, str]]:
    """Tell of an object, and give what is to be looked at within it."""
    name, config = item["class_name"], item.get("config")
    own = str(item.get("module")).partition(".")[0] in _OWN
    if name in TF_KINDS or (name.startswith("__") and name != "__lambda__"):
        return
    if name == "Lambda" or name == "__lambda__":
        told = config if isinstance(config, dict) else {}
        strangers.add(_name_of_code(told), "function")
        return
    if name == "function":
        if isinstance(config, str) and not (own and _is_named(key if key in _PACKAGES else "activation", config)):
            strangers.add(config, "function")
        return
    if not own or not _is_class(name):
        registered = item.get("registered_name")
        strangers.add(registered if isinstance(registered, str) else name, key)
    yield config, key


def _name_of_code(config: dict[str, Any]) -> str:
    """The name by which whoever loads the file hands over the function of a Lambda."""
    function = config.get("function")
    if isinstance(function, dict):
        function = function.get("config")
    return function if isinstance(function, str) else str(config.get("name", "Lambda"))


def _kind_of(key: str, outer: str) -> str:
    """What stands under a key of a config: "kernel_initializer" holds an initializer."""
    if key in ("metrics", "weighted_metrics"):
        return "metric"
    if key in ("layer", "layers", "backward_layer", "cell", "cells"):
        return "layer"
    ending = key.rpartition("_")[2]
    if ending in _PACKAGES:
        return ending
    if key in ("config", "fn", "compile_config"):
        return outer
    return outer if outer in ("loss", "metric") and key not in ("name", "dtype", "reduction") else key


def _is_named(kind: str, name: str) -> bool:
    """Whether a name is one of Lamina's own; what is registered by it is not."""
    return find(name) is None and _is_own(kind, name)


@lru_cache(maxsize=4096)
def _is_own(kind: str, name: str) -> bool:
    if kind in ("metric", "loss") and name in _FOR_THE_LOSS:
        return True
    try:
        _PACKAGES[kind].get(name)
    except (LaminaError, *BAD_CONFIG):
        return False
    return True


@lru_cache(maxsize=1)
def _classes() -> frozenset[str]:
    found = {name for package in _PACKAGES.values() for name in package.__all__}
    found |= {*POLICIES, *layer_classes(), *MODEL_NAMES, *operations(), *OLD_OBJECTS, *_WRAPPERS, "Merge"}
    return frozenset(found | {*optimizers.schedules.__all__})


_WRAPPERS = ("MeanMetricWrapper", "LossFunctionWrapper", "SumOverBatchSizeMetricWrapper", "TimeDistributedDense")


def _is_class(name: str) -> bool:
    name = name.removeprefix("Custom>") if name.removeprefix("Custom>") in optimizers.__all__ else name
    if name in _classes():
        return True
    try:
        return in_todays_words(name, {}, name)[0] in _classes()
    except LaminaError:
        return False


# -- Lamina's


def strangers_in_lamina(strangers: Strangers, config: Any, kind: str, without: str = "") -> None:
    """Those that a config of Lamina's marks as not its own."""
    for name in sorted(foreign_names(config)):
        strangers.add(name, kind, without)
