"""Configs and the objects in them, in Keras' words: what its ``serialize_keras_object`` writes."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
import torch

from lamina.custom_objects import find, get_registered_name
from lamina.devices import device
from lamina.layers import Layer
from lamina.registry import Absent, config_of
from lamina.saving.classes import MODELS
from lamina.saving.errors import SavingError
from lamina.saving.objects_in import PACKAGES, own_object
from lamina.saving.values import name_of_dtype

from .names import MEANINGLESS
from .older import OLD_HARD_SIGMOID

# The argument that holds an object tells in which of Keras' modules its class stands.
_MODULES_BY_ENDING = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
    "seed": "keras.random",
}

# Arguments of Lamina's layers that Keras' do not have, but where they say nothing.
_OURS_ALONE = ("rms_scaling",)

# Where a name stands in several packages, that of the first one is meant if nothing else tells it.
_PACKAGES_IN_TURN = (
    "layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers", "optimizers.schedules",
)  # fmt: skip

Entry = dict[str, Any]


class Words:
    """Writes what stands in configs.

    Args:
        of: the layer whose config it is, or the name of an operation.
        layer: writes the entry of a layer or model.
    """

    def __init__(self, of: Any, layer: Callable[[Layer], Entry]) -> None:
        self._of = of
        self._where = getattr(of, "label", str(of))
        self._layer = layer

    def encoded(self, value: Any, key: str = "") -> Any:
        """A value as Keras has it: lists for tuples, and beside each object's class Keras' module.

        Args:
            key: of the argument that it stands in.

        Raises:
            SavingError: Keras has no word for it.
        """
        if isinstance(value, dict):
            return self._dict(value, key)
        if isinstance(value, (list, tuple)):
            return [self.encoded(item, key) for item in value]
        if value == OLD_HARD_SIGMOID and key.endswith("activation"):  # a function that whoever reads has to hand over
            return _function(str(value), "builtins", "function")
        if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, Absent):
            return self.encoded(value.serialized, key)
        word = _word(value)
        return self._object(value, key) if word is None else word

    def _dict(self, value: dict[str, Any], key: str) -> Any:
        if {"class_name", "config"} <= value.keys() or "class_name" in value:
            return self._told(value, key)
        if not all(isinstance(name, str) for name in value):
            raise self._refused(key, value)
        return {
            name: self.encoded(item, name)
            for name, item in value.items()
            if not (name in _OURS_ALONE and item in MEANINGLESS[name])
        }

    def _object(self, value: Any, key: str) -> Any:
        """An object that stands in a config as it is."""
        if isinstance(value, Layer):
            return self._layer(value)
        own = _own_function(value)
        if own is not None:
            return _function(own, "builtins", own)
        if isinstance(value, FunctionType) and value.__name__ != "<lambda>":
            return _function(get_registered_name(value), value.__module__, get_registered_name(value))
        cls = type(value)
        if not hasattr(value, "get_config") or cls is type:
            raise self._refused(key, value)
        config = self.encoded(config_of(value), key)
        package = next((name for name, one in PACKAGES.items() if own_object(one, cls.__name__) is cls), None)
        if package is not None:
            return _entry("keras" if package == "dtype_policies" else f"keras.{package}", cls.__name__, None, config)
        return _entry(*keras_words(cls.__module__, cls.__name__, get_registered_name(cls)), config)

    def _told(self, value: dict[str, Any], key: str) -> dict[str, Any]:
        """An object that a config tells already, in the words of `serialize`."""
        name, module = value["class_name"], value.get("module")
        if isinstance(name, str) and name.startswith("__"):
            return {part: self.encoded(item, key) for part, item in value.items()}
        is_own = isinstance(module, str) and module.partition(".")[0] in ("keras", "lamina")
        if isinstance(module, str) and (not is_own or ">" in str(value.get("registered_name"))):
            return self._told_of_yours(name, module, value, key)
        if str(module) == "lamina.models" or name in MODELS:
            return self._model_within(value, key)
        config = self.encoded(value.get("config") or {}, key)
        return _entry(_module_of(name, key, module), name, None, config)

    def _model_within(self, value: dict[str, Any], key: str) -> Entry:
        """A model within a layer of Lamina's, such as TimeDistributed: its config is in our words."""
        found = getattr(self._of, key, None)
        if not isinstance(found, Layer):
            cls: Any = MODELS.get(value["class_name"])
            if cls is None:
                raise self._refused(key, value["class_name"])
            with device("meta"):
                found = cls.from_config(value["config"])
        entry: Entry = self._layer(found)
        return entry

    def _told_of_yours(self, name: str, module: str, value: dict[str, Any], key: str) -> dict[str, Any]:
        config = value.get("config")
        if name == "function":
            told = str(config)
            if module == "builtins" and _functions_called(told):
                return _function(told, module, told)
            known = find(told)
            return _function(told, getattr(known, "__module__", module), told)
        registered = value.get("registered_name") or name
        return _entry(*keras_words(module, name.rpartition(">")[2], registered), self.encoded(config or {}, key))

    def _refused(self, key: str, value: Any) -> SavingError:
        return SavingError(
            f"{self._where} cannot be written for Keras: {key or 'a value in its config'} is neither plain data nor an "
            "object with get_config() or a name.",
            got=f"{value!r} of type {type(value).__name__}"[:120],
            hint="plain values, objects with get_config(), or functions made by def",
        )


def _word(value: Any) -> Any:
    """What stands for a plain value that JSON has no word for; None where Keras has none either."""
    if isinstance(value, torch.dtype):
        return name_of_dtype(value)
    if isinstance(value, np.generic) and isinstance(value.item(), (bool, int, float, str)):
        return value.item()
    if isinstance(value, bytes):
        return {"class_name": "__bytes__", "config": {"value": value.decode()}}
    if value is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, slice):
        parts = {"start": value.start, "stop": value.stop, "step": value.step}
        plain = all(part is None or isinstance(part, int) for part in parts.values())
        return {"class_name": "__slice__", "config": parts} if plain else None
    kind = "__numpy__" if isinstance(value, np.ndarray) else "__tensor__" if isinstance(value, torch.Tensor) else None
    if kind is None or isinstance(value, torch.nn.Parameter):
        return None
    array = np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
    if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        return None
    return {"class_name": kind, "config": {"value": array.tolist(), "dtype": str(array.dtype)}}


def keras_words(module: str, name: str, registered: str | None) -> tuple[str, str, str | None]:
    """Module, name and registered name of a class as Keras says them: `Distiller` and its losses are Keras' own.

    >>> keras_words("lamina.distillation.distiller", "Distiller", "lamina>Distiller")
    ('keras.distillation', 'Distiller', None)
    """
    if module.startswith("lamina.distillation") and registered == f"lamina>{name}":
        return "keras.distillation", name, None
    return module, name, registered


def _entry(module: str, name: str, registered: str | None, config: Any) -> Entry:
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def _function(name: str, module: str, registered: str) -> Entry:
    return _entry(module, "function", registered, name)


def _own_function(value: Any) -> str | None:
    """The name of a function of Lamina's by which Keras knows one of its own."""
    if not isinstance(value, FunctionType):
        return None
    name = value.__name__
    return name if any(own is value for own in _functions_called(name)) else None


def _functions_called(name: str) -> list[Any]:
    """Lamina's functions of this name, each of which Keras has too."""
    found = (own_object(PACKAGES[key], name) for key in ("activations", "losses", "metrics"))
    return [one for one in found if isinstance(one, FunctionType)]


def _module_of(name: str, key: str, module: Any) -> str:
    """The module of Keras' that has a class of this name."""
    if key == "dtype" or name in ("DTypePolicy", "DTypePolicyMap"):
        return "keras"
    if isinstance(module, str) and module.partition(".")[2] in PACKAGES:
        return f"keras.{module.partition('.')[2]}"
    by_ending = next((found for ending, found in _MODULES_BY_ENDING.items() if key.endswith(ending)), None)
    if by_ending is not None:
        return by_ending
    found = (package for package in _PACKAGES_IN_TURN if isinstance(own_object(PACKAGES[package], name), type))
    return f"keras.{next(found, 'layers')}"
