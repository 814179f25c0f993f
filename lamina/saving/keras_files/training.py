"""How a model is trained, as Keras' files tell it, and in Keras' words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

from lamina import losses, metrics, optimizers
from lamina.custom_objects import find
from lamina.graph import LaminaError
from lamina.graph.source import warn
from lamina.optimizers import Optimizer
from lamina.printable import QUOTED, printable
from lamina.saving.budget import OF_METRICS, at_most
from lamina.saving.classes import init_arguments
from lamina.saving.errors import BAD_CONFIG, LoadingError, SavingError
from lamina.saving.hooks import overrides
from lamina.saving.translations import Translations, TranslationWarning
from lamina.training.trainer import Trainer

from .older.told import tell_of_training
from .older.training import training_in_todays_words

_PARTS: Mapping[str, ModuleType | None] = MappingProxyType(
    {"loss": losses, "loss_weights": None, "metrics": metrics, "weighted_metrics": metrics}
)
_MODULES = {losses: "keras.losses", metrics: "keras.metrics"}

# Names of metrics that mean another one for each loss.
_FOR_THE_LOSS = ("accuracy", "acc", "crossentropy", "ce")

# Arguments of optimizers that say nothing with these values (None: with any).
_MEANINGLESS: Mapping[str, tuple[Any, ...] | None] = MappingProxyType(
    {"decay": (0, 0.0, None), "jit_compile": None, "is_legacy_optimizer": None, "initial_scale": None}
)


def compile_as_told(
    model: Any, config: Any, custom_objects: Mapping[str, Any], told: Translations, old: bool = False
) -> bool:
    """Compile a model as ``compile_config`` (Keras 3) or ``training_config`` (Keras 2) says.

    What Lamina does not have is left undone, with a warning that names it. Returns whether the model is compiled.

    Args:
        told: keeps what was translated, and what was left out.
        old: the config is in the words of Keras 1 or 2.
    """
    if not isinstance(config, dict) or not config:
        return False
    try:
        if overrides(model, "compile_from_config"):
            model.compile_from_config(config)
            return True
        if old:
            config, theirs = training_in_todays_words(config), config
            tell_of_training(told, theirs, config)
        optimizer = _optimizer(config.get("optimizer", config.get("optimizer_config")), custom_objects)
        with at_most(OF_METRICS):
            parts = {part: _read(config.get(part), package, custom_objects) for part, package in _PARTS.items()}
        steps = config.get("steps_per_execution", 1)
        model.compile(
            optimizer=optimizer,
            run_eagerly=config.get("run_eagerly") is True,
            steps_per_execution=steps if type(steps) is int else 1,
            **parts,
        )
    except (LaminaError, *BAD_CONFIG) as error:
        told.add("left out", f"how the model is trained: {_in_a_line(error)}")
        warn(
            printable(f"{model.label} is loaded but not compiled: {error}", 2 * QUOTED) + "\nCall model.compile(...).",
            TranslationWarning,
        )
        return False
    return True


def _in_a_line(error: BaseException) -> str:
    """What an error of ours says, and what came; of another one its name, too."""
    if isinstance(error, LaminaError):
        return error.headline + (f" ({error.got})" if error.got else "")
    return f"{type(error).__name__}: {error}"


def _optimizer(data: Any, custom_objects: Mapping[str, Any]) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        if isinstance(data, str):
            return optimizers.deserialize(data)
        raise LoadingError("The optimizer is not told.", got=f"{data!r}"[:80])
    name = str(data.get("class_name"))
    own = name.removeprefix("Custom>")  # under which Keras 2 has registered its own
    if own in optimizers.__all__ and find(name, custom_objects) is None:
        name = own
    cls = getattr(optimizers, name, None) if name in optimizers.__all__ else None
    config = dict(data["config"])
    if isinstance(cls, type):
        _, named, _ = init_arguments(cls)
        for key in [key for key in config if key in _MEANINGLESS and key not in named]:
            values = _MEANINGLESS[key]
            if values is None or config[key] in values:
                del config[key]
    inner = config.get("inner_optimizer")
    if isinstance(inner, dict):
        config["inner_optimizer"] = _optimizer(inner, custom_objects)
    told = _by_registered_name({**data, "class_name": name, "config": config})
    return optimizers.deserialize(told, custom_objects or None)


def _read(value: Any, package: Any, custom_objects: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_read(item, package, custom_objects) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _read(item, package, custom_objects) for key, item in value.items()}
    if package is None or value is None:
        return value
    if isinstance(value, str):
        for name in (value, value.rpartition(">")[2]):  # registered, and without its package
            if name in custom_objects:
                return custom_objects[name]
        if value not in _FOR_THE_LOSS:
            package.get(value)  # now, while there is somebody to tell: an unknown name is an error
        return value
    return package.deserialize(_by_registered_name(value), custom_objects or None)


def _by_registered_name(value: Any) -> Any:
    """An object of a user's by the name under which its class or function is registered, where that is at hand."""
    registered = value.get("registered_name") if isinstance(value, dict) else None
    if not isinstance(registered, str) or ">" not in registered or find(registered) is None:
        return value
    key = "config" if value.get("class_name") == "function" else "class_name"
    return {**value, key: registered}


def training_for_keras(model: Any) -> tuple[dict[str, Any], list[str]]:
    """(``compile_config``, what it could not carry, a line each)."""
    if model._compiled is None or type(model).compile is not Trainer.compile:
        return {}, []
    if not isinstance(model.optimizer, Optimizer):
        return {}, ["the optimizer, which is one of PyTorch's, and with it the losses and metrics"]
    left: list[str] = []
    try:
        told = optimizers.serialize(model.optimizer)
        if told["config"].pop("schedule_decay", 1) != 1:
            left.append("schedule_decay of Nadam, as Keras 1 and 2 had it: in Keras 3 it is 1")
        config = {"optimizer": _in_keras(told, "keras.optimizers")}
        config |= {part: _write(model._compiled[part], package) for part, package in _PARTS.items()}
    except LaminaError as error:
        return {}, [f"how the model is trained: {error.headline}"]
    return {**config, "run_eagerly": False, "steps_per_execution": 1, "jit_compile": False}, left


def _write(value: Any, package: ModuleType | None) -> Any:
    if isinstance(value, (list, tuple)):
        return [_write(item, package) for item in value]
    if isinstance(value, dict):
        return {key: _write(item, package) for key, item in value.items()}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if package is None:
        raise SavingError(f"Keras has no word for the loss weight {value!r:.80}.")
    serialize: Callable[[Any], Any] = package.serialize
    return _in_keras(serialize(value), _MODULES[package])


def _in_keras(data: Any, module: str) -> Any:
    """An object as Keras tells it: its class beside the module that Keras has it in."""
    if not isinstance(data, dict):
        return data
    name = str(data.get("class_name"))
    registered = name == "function" or ">" in name  # whatever the module is called that it is in
    if "module" in data and (registered or str(data["module"]).partition(".")[0] not in ("keras", "lamina")):
        return _of_yours(data, module)
    config = {}
    for key, value in (data.get("config") or {}).items():
        if isinstance(value, dict) and "class_name" in value:
            config[key] = _in_keras(value, "keras.optimizers.schedules" if key == "learning_rate" else module)
        else:
            config[key] = list(value) if isinstance(value, tuple) else value
    return {"module": module, "class_name": data["class_name"], "config": config, "registered_name": None}


def _of_yours(data: dict[str, Any], module: str) -> dict[str, Any]:
    """A function or object of a user's; whoever reads it needs it, registered or handed over."""
    name, config = str(data["class_name"]), data.get("config")
    if name == "function":
        registered = config = str(config)  # Keras looks for functions by their full name
    else:
        registered, name = name, name.rpartition(">")[2]
        config = {key: _in_keras(value, module) for key, value in (config or {}).items()}
    return {"module": data["module"], "class_name": name, "config": config, "registered_name": registered}
