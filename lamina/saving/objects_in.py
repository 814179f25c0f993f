"""Objects from JSON types in Keras' words: Lamina's own by exact name, and those that the caller hands over.

Nothing is imported: a module is compared with Lamina's and Keras', and says no more than which package is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import torch

from lamina import (
    activations,
    constraints,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
)
from lamina.custom_objects import find
from lamina.graph import LaminaError
from lamina.optimizers import schedules
from lamina.random import SeedGenerator

from .classes import MODELS
from .errors import BAD_CONFIG, LoadingError
from .fields import field, refuse_unknown
from .values import dtype_of_name

ReadLayer = Callable[[dict[str, Any]], Any]

PACKAGES: Mapping[str, ModuleType] = MappingProxyType({
    "activations": activations, "constraints": constraints, "dtype_policies": dtype_policies,
    "initializers": initializers, "layers": layers, "losses": losses, "metrics": metrics, "optimizers": optimizers,
    "optimizers.schedules": schedules, "regularizers": regularizers,
})  # fmt: skip
# Classes by themselves, whose package has no `deserialize`: name -> (package, class).
SINGLE: Mapping[str, tuple[str, type[SeedGenerator]]] = MappingProxyType({"SeedGenerator": ("random", SeedGenerator)})
# Beside the objects in a ``.h5`` of Keras', which tells no modules.
_IN_H5 = "__passive_serialization__"
_KEYS = (
    "module", "class_name", "config", "registered_name", "build_config", "compile_config", "shared_object_id",
    _IN_H5,
)  # fmt: skip
_WHERE = "The config of an object"


def own_object(package: Any, name: str) -> Any:
    """The class or function that a package offers under exactly this name; None where it has none."""
    found = getattr(package, name) if name in package.__all__ else None
    is_object = isinstance(found, type) or (isinstance(found, FunctionType) and name not in _TOOLS)
    return found if is_object else None


_TOOLS = ("get", "serialize", "deserialize")


def objects_of(data: Any, layer: ReadLayer) -> Any:
    """``data`` with the objects in the places of what tells them.

    Args:
        layer: reads the entry of a layer or model in Keras' words.

    Raises:
        LoadingError: malformed, or a name that nothing here has.
        ArgumentError: arguments that the class refuses.
    """
    if isinstance(data, (list, tuple)):
        return type(data)(objects_of(item, layer) for item in data)
    if not isinstance(data, dict):
        return data
    if not {"class_name", "config"} <= data.keys():
        return {key: objects_of(item, layer) for key, item in data.items()}
    if data["class_name"] in _VALUES and isinstance(data["config"], dict):
        return _value(data["class_name"], data["config"], layer)
    refuse_unknown(data, _KEYS, _WHERE)
    name, config, module = field(data, "class_name", str, _WHERE), data["config"], data.get("module")
    if name == "function":
        return _function(field(data, "config", str, _WHERE), module, data.get("registered_name"))
    if config is not None and type(config) is not dict:
        raise LoadingError(f"{_WHERE} is malformed.", got=f"{config!r}"[:80], expected="'config': an object, or null")
    try:
        if _is_keras_layer(name, module) or (_IN_H5 in data and own_object(layers, name) is not None):
            return layer(data)
        return _instance(name, config or {}, module, data.get("registered_name"))
    except LaminaError:
        raise
    except BAD_CONFIG as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise LoadingError(f"A {name!r} cannot be made from its config.", got=got) from error


_VALUES = ("__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__")


def _value(kind: str, config: dict[str, Any], layer: ReadLayer) -> Any:
    """A value that JSON has no word for and Keras has."""
    try:
        if kind == "__ellipsis__":
            return ...
        if kind == "__slice__":
            return slice(*(objects_of(config.get(part), layer) for part in ("start", "stop", "step")))
        if kind == "__bytes__":
            return field(config, "value", str, _WHERE).encode()
        value = torch.tensor(config["value"], dtype=dtype_of_name(field(config, "dtype", str, _WHERE)), device="cpu")
        return value if kind == "__tensor__" else value.numpy()
    except (LaminaError, *BAD_CONFIG) as error:
        raise LoadingError(f"{_WHERE} says {kind} of something that is none.", got=str(error)[:120]) from error


def _is_keras_layer(name: str, module: Any) -> bool:
    """Whether it is a layer or model as Keras writes it, with arguments of Keras' own."""
    keras = name == "Functional" or (isinstance(module, str) and module.partition(".")[0] == "keras")
    return keras and (name in _model_names(module) or "layers" in dict(_candidates(name, module)))


def _function(name: str, module: Any, registered_name: Any) -> Any:
    found = next((own for _, own in _candidates(name, module) if not isinstance(own, type)), None)
    if found is None and isinstance(registered_name, str):
        found = find(registered_name)  # as Keras' files say it, beside the plain name
    found = find(name) if found is None else found
    if found is None or isinstance(found, type):
        raise _unknown("function", name, module, found)
    return found


def _instance(name: str, config: dict[str, Any], module: Any, registered_name: Any) -> Any:
    if name in _model_names(module):
        return MODELS[name].from_config(config)  # type: ignore[attr-defined]
    if name in SINGLE and (_is_vague(module) or module in (f"lamina.{SINGLE[name][0]}", f"keras.{SINGLE[name][0]}")):
        return SINGLE[name][1].from_config(config)
    own = [(package, cls) for package, cls in _candidates(name, module) if isinstance(cls, type)]
    if len({id(cls) for _, cls in own}) > 1:
        said = ", ".join(f'"lamina.{package}"' for package, _ in own)
        raise LoadingError(f"{name!r} is a name in several packages.", got="no module", expected=f"module: {said}")
    if own:
        return PACKAGES[own[0][0]].deserialize({"class_name": name, "config": config})
    custom = find(registered_name) if isinstance(registered_name, str) else None
    custom = find(name) if custom is None else custom
    if custom is None and isinstance(module, str) and module.partition(".")[0] == "keras":
        custom = find(f"lamina>{name}")  # of rooms above this one, as the losses of distillation
    # A name in a file must not become a call of anything that happens to be callable.
    if not isinstance(custom, type) or not (hasattr(custom, "from_config") or hasattr(custom, "get_config")):
        raise _unknown("class", name, module, custom)
    return custom.from_config(config) if hasattr(custom, "from_config") else custom(**config)


def _candidates(name: str, module: Any) -> list[tuple[str, Any]]:
    """(package, object) for each package that a module may mean and that has this name."""
    packages = [key for key in PACKAGES if _is_vague(module) or module in (f"keras.{key}", f"lamina.{key}")]
    found = [(package, own_object(PACKAGES[package], name)) for package in packages]
    return [(package, own) for package, own in found if own is not None]


def _is_vague(module: Any) -> bool:
    """Whether a module says no more than that it is Lamina's or Keras': then the name alone has to tell which."""
    return module in (None, "keras", "lamina", "builtins") or (
        isinstance(module, str) and module.startswith("keras.src.")
    )


def _model_names(module: Any) -> tuple[str, ...]:
    return (*MODELS, "Functional") if _is_vague(module) or module in ("keras.models", "lamina.models") else ()


def _unknown(kind: str, name: str, module: Any, found: Any) -> LoadingError:
    got = f"{name!r} of {module!r}, and nothing is imported by its name" if found is None else f"{found!r}"
    return LoadingError(
        f"No {kind} of exactly the name {name!r} is at hand.",
        got=got[:200],
        expected=f"a {kind} of Lamina's, or one that is registered, in scope or in custom_objects",
        hint=f'custom_objects={{"{name}": ...}}',
    )
