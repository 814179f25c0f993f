"""Any object of Lamina's, or of the user's, as JSON types and back: Keras' words for it, exact names only."""

from __future__ import annotations

from collections.abc import Mapping
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

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
from lamina.custom_objects import custom_object_scope, find, get_registered_name
from lamina.graph import LaminaError
from lamina.optimizers import schedules

from .classes import MODELS
from .errors import BAD_CONFIG, LoadingError, not_too_deep
from .fields import field, refuse_unknown
from .keras_files.config_in import KerasConfigReader
from .values import decode, encode, no_word

_PACKAGES: Mapping[str, ModuleType] = MappingProxyType({
    "activations": activations, "constraints": constraints, "dtype_policies": dtype_policies,
    "initializers": initializers, "layers": layers, "losses": losses, "metrics": metrics, "optimizers": optimizers,
    "optimizers.schedules": schedules, "regularizers": regularizers,
})  # fmt: skip
_KEYS = ("module", "class_name", "config", "registered_name", "build_config", "compile_config", "shared_object_id")
_WHERE = "The config of an object"


def serialize_keras_object(obj: Any) -> Any:
    """``obj`` as JSON types: plain data as they are, each object as ``{"module", "class_name", "config", ...}``.

    Args:
        obj: a layer, model, loss, metric, optimizer, schedule, initializer, regularizer, constraint, dtype policy, or
            named function; of Lamina's or yours; or lists, tuples and dicts of those and of plain values.

    Raises:
        SavingError: something that is neither plain data, nor has a name or ``get_config``.

    >>> serialize_keras_object(lamina.initializers.Constant(2.0))["config"]
    {'value': 2.0}
    >>> serialize_keras_object({"size": (1, 2), "by": lamina.activations.relu})["by"]["config"]
    'relu'
    """
    return encode(obj, _object_to_config)


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """Reverse of `serialize_keras_object`; reads what Keras' own function writes for what Lamina has, too.

    Nothing is imported: a module in the config is compared with Lamina's own and Keras', and what is not theirs comes
    from ``custom_objects``, the scope, or what is registered, by its exact name.

    Args:
        config: JSON types. Callables and other objects are refused.
        custom_objects: name -> class or function. They never stand for a name of Lamina's.
        safe_mode: Keras' argument. Reading is safe always; False changes nothing.

    Raises:
        LoadingError: not JSON types, malformed, nested too deep, or a name that nothing here has.
        ArgumentError: arguments that the class refuses.

    >>> deserialize_keras_object({"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    with not_too_deep(_WHERE), custom_object_scope(custom_objects or {}):
        return _made(decode(config))


# -- to JSON types


def _object_to_config(obj: Any) -> Any:
    if isinstance(obj, FunctionType):
        name = get_registered_name(obj)
        if name == "<lambda>":
            return no_word(obj)
        return {"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}
    cls = type(obj)
    if not hasattr(obj, "get_config") or cls is type:
        return no_word(obj)
    ours = next((name for name, package in _PACKAGES.items() if _own(package, cls.__name__) is cls), None)
    ours = "models" if MODELS.get(cls.__name__) is cls else ours
    return {
        "module": cls.__module__ if ours is None else f"lamina.{ours}",
        "class_name": cls.__name__,
        "config": encode(obj.get_config(), _object_to_config),
        "registered_name": get_registered_name(cls) if ours is None else None,
    }


def _own(package: Any, name: str) -> Any:
    """The class or function that a package offers under exactly this name; None where it has none."""
    found = getattr(package, name) if name in package.__all__ else None
    is_object = isinstance(found, type) or (isinstance(found, FunctionType) and name not in _TOOLS)
    return found if is_object else None


_TOOLS = ("get", "serialize", "deserialize")


# -- from JSON types


def _made(data: Any) -> Any:
    """``data`` with the objects in the places of what tells them."""
    if isinstance(data, (list, tuple)):
        return type(data)(map(_made, data))
    if not isinstance(data, dict):
        return data
    if not {"class_name", "config"} <= data.keys():
        return {key: _made(item) for key, item in data.items()}
    refuse_unknown(data, _KEYS, _WHERE)
    name, config, module = field(data, "class_name", str, _WHERE), data["config"], data.get("module")
    if name == "function":
        return _function(field(data, "config", str, _WHERE), module)
    if config is not None and type(config) is not dict:
        raise LoadingError(f"{_WHERE} is malformed.", got=f"{config!r}"[:80], expected="'config': an object, or null")
    try:
        if _is_keras_layer(name, module):
            return KerasConfigReader(None, MODELS).layer(data, _WHERE)
        return _instance(name, config or {}, module, data.get("registered_name"))
    except LaminaError:
        raise
    except BAD_CONFIG as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise LoadingError(f"A {name!r} cannot be made from its config.", got=got) from error


def _is_keras_layer(name: str, module: Any) -> bool:
    """Whether it is a layer or model as Keras writes it, with arguments of Keras' own."""
    keras = name == "Functional" or (isinstance(module, str) and module.partition(".")[0] == "keras")
    return keras and (name in _model_names(module) or "layers" in dict(_candidates(name, module)))


def _function(name: str, module: Any) -> Any:
    found = next((own for _, own in _candidates(name, module) if not isinstance(own, type)), None)
    found = find(name) if found is None else found
    if found is None or isinstance(found, type):
        raise _unknown("function", name, module, found)
    return found


def _instance(name: str, config: dict[str, Any], module: Any, registered_name: Any) -> Any:
    if name in _model_names(module):
        return MODELS[name].from_config(config)  # type: ignore[attr-defined]
    own = [(package, cls) for package, cls in _candidates(name, module) if isinstance(cls, type)]
    if len({id(cls) for _, cls in own}) > 1:
        said = ", ".join(f'"lamina.{package}"' for package, _ in own)
        raise LoadingError(f"{name!r} is a name in several packages.", got="no module", expected=f"module: {said}")
    if own:
        return _PACKAGES[own[0][0]].deserialize({"class_name": name, "config": config})
    custom = find(registered_name) if isinstance(registered_name, str) else None
    custom = find(name) if custom is None else custom
    # Made by from_config alone: a name in a file must not become a call of anything that happens to be callable.
    if not isinstance(custom, type) or not hasattr(custom, "from_config"):
        raise _unknown("class", name, module, custom)
    return custom.from_config(config)


def _candidates(name: str, module: Any) -> list[tuple[str, Any]]:
    """(package, object) for each package that a module may mean and that has this name."""
    packages = [key for key in _PACKAGES if _is_vague(module) or module in (f"keras.{key}", f"lamina.{key}")]
    found = [(package, _own(_PACKAGES[package], name)) for package in packages]
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
