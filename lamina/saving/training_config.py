"""How a model is trained, as JSON types and back: its optimizer with state, its losses and metrics."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType, SimpleNamespace
from typing import Any

import torch

from lamina import losses, metrics, optimizers
from lamina.graph import LaminaError
from lamina.graph.source import warn
from lamina.optimizers import Optimizer
from lamina.printable import printable
from lamina.training.trainer import Trainer

from .budget import OF_METRICS, at_most
from .classes import foreign_names, missing_names
from .errors import BAD_CONFIG, LoadingError, SavingError
from .fields import field, items, refuse_unknown
from .hooks import overrides, told_by_hook
from .values import decode, encode, no_word

# What compile() was given -> the package whose objects it holds.
_PARTS: Mapping[str, ModuleType | None] = {
    "loss": losses, "loss_weights": None, "metrics": metrics, "weighted_metrics": metrics
}  # fmt: skip


def training_to_config(model: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """(config, tensors of the optimizer's state). What is code of the user's is left out, with a warning."""
    config: dict[str, Any] = {}
    if model._compiled is not None and overrides(model, "get_compile_config"):
        return _own_to_config(model)
    if model._compiled is None:
        return config, {}
    if type(model).compile is not Trainer.compile:  # which nothing tells the arguments of
        return {"own": None}, {}
    state: dict[str, torch.Tensor] = {}
    if isinstance(model.optimizer, Optimizer):
        try:
            config["optimizer"], state = _optimizer_to_config(model)
        except LaminaError as error:
            _warn(model, "optimizer", error)
    elif model.optimizer is not None:
        _warn(model, "optimizer", SavingError("It is one of PyTorch's.", hint="lamina.optimizers"))
    try:
        parts = {part: encode(model._compiled[part], _writer(package)) for part, package in _PARTS.items()}
        config["compile"] = {**parts, "jit_compile": model.jit_compile}
    except LaminaError as error:
        _warn(model, "losses and metrics", error)
    return config, state


def training_from_config(
    model: Any, config: dict[str, Any], state: Mapping[str, torch.Tensor], custom_objects: Mapping[str, Any]
) -> None:
    """Compile a model as it was, with the optimizer's state.

    What needs objects of the user's that are not at hand is left undone, with a warning that names them.

    Raises:
        LoadingError: the config or the state is malformed.
    """
    where = "The training config"
    refuse_unknown(config, ("optimizer", "compile", "own"), where)
    if "own" in config:
        _own_from_config(model, config, state, where)
        return
    if "optimizer" in config:
        optimizer = field(config, "optimizer", dict, where)
        model.optimizer = _optimizer_from_config(model, optimizer, state, custom_objects)
    if "compile" not in config:
        return
    given = field(config, "compile", dict, where)
    refuse_unknown(given, (*_PARTS, "jit_compile"), where)
    missing = missing_names([given, config.get("optimizer")], custom_objects)
    if missing or model.optimizer is None:
        lacking = ", ".join(missing) or "its optimizer"
        warn(
            f"{printable(model.label)} is loaded but not compiled: it was compiled with {printable(lacking)}, "
            "which is not at hand. Pass custom_objects={...} to load_model, or call "
            "model.compile(model.optimizer, loss=...)."
        )
        return
    with at_most(OF_METRICS):
        parts = {
            part: decode(given.get(part), {"$object": _reader(package, custom_objects)} if package else {})
            for part, package in _PARTS.items()
        }
        model.compile(optimizer=model.optimizer, jit_compile=field(given, "jit_compile", bool, where), **parts)


def _own_to_config(model: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """What the class tells by its own hooks of how it is compiled, and the state of its optimizer."""
    try:
        config = {"own": told_by_hook(model, "get_compile_config", "compile_from_config")}
    except (LaminaError, AttributeError) as error:
        _warn(model, "get_compile_config", SavingError(str(error)))
        return {}, {}
    if config["own"] is None or not isinstance(model.optimizer, Optimizer):
        return {key: value for key, value in config.items() if value is not None}, {}
    try:
        config["optimizer"], state = _optimizer_to_config(model)
    except LaminaError as error:
        _warn(model, "optimizer", error)
        return config, {}
    return config, state


def _own_from_config(model: Any, config: dict[str, Any], state: Mapping[str, torch.Tensor], where: str) -> None:
    """Let the user's class compile itself, where it is at hand, and give its optimizer the state."""
    if config["own"] is None:
        warn(
            f"{model.label} is loaded but not compiled: its class has a compile() of its own, and no "
            "get_compile_config() and compile_from_config(config) that tell of it. Call model.compile(...)."
        )
        return
    if not overrides(model, "compile_from_config"):
        warn(
            f"{model.label} is loaded but not compiled: its class compiles it, which is not at hand. "
            "Pass custom_objects={...} to load_model, or call model.compile(...)."
        )
        return
    try:
        model.compile_from_config(decode(config["own"]))
    except BAD_CONFIG as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise LoadingError(f"{where} is refused by {type(model).__name__}.compile_from_config.", got=got) from error
    if not state or not isinstance(model.optimizer, Optimizer):
        return
    told = field(config, "optimizer", dict, where)
    own = dict(model.named_parameters())
    paths = items(field(told, "parameters", list, where), str, where)
    if not set(paths) <= own.keys():
        raise LoadingError(f"{where} names weights that the model does not have.", got=", ".join(paths)[:200])
    try:
        model.optimizer.build(own[path] for path in paths)
        model.optimizer.load_state_dict(state, assign=True)
    except BAD_CONFIG as error:
        raise LoadingError(f"{where} or its state is malformed.", got=str(error)[:200]) from error


def _warn(model: Any, what: str, error: LaminaError) -> None:
    warn(f"{model.label} is saved without its {what}: {error}\nCall compile() after loading.")


# -- losses and metrics


def _writer(package: ModuleType | None) -> Any:
    def write(leaf: Any) -> Any:
        return no_word(leaf) if package is None else {"$object": encode(package.serialize(leaf))}

    return write


def _reader(package: Any, custom_objects: Mapping[str, Any]) -> Any:
    def read(content: Any) -> Any:
        data = decode(content)
        try:
            return package.deserialize(data, custom_objects if foreign_names(data) else None)
        except BAD_CONFIG as error:
            raise LoadingError("A loss or metric cannot be made from its config.", got=str(error)) from error

    return read


# -- the optimizer


def _optimizer_to_config(model: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """The optimizer, and with it the paths of the parameters that it was built on, in their order."""
    optimizer = model.optimizer
    config: dict[str, Any] = {"object": encode(optimizers.serialize(optimizer))}
    paths = {id(parameter): path for path, parameter in model.named_parameters()}
    parameters = list(model.parameters())
    decayed = {id(p) for p in optimizer._decayed(SimpleNamespace(parameters=parameters))}
    config["undecayed"] = [paths[id(p)] for p in parameters if id(p) not in decayed]
    config["parameters"] = [paths.get(id(parameter)) for parameter in optimizer._parameters]
    if None in config["parameters"]:
        raise SavingError("It was built on parameters that are not this model's.", hint="an optimizer for each model")
    return config, dict(optimizer.state_dict()) if optimizer.built else {}


def _optimizer_from_config(
    model: Any, config: dict[str, Any], state: Mapping[str, torch.Tensor], custom_objects: Mapping[str, Any]
) -> Any:
    where = "The config of the optimizer"
    refuse_unknown(config, ("object", "parameters", "undecayed"), where)
    data = decode(field(config, "object", dict, where))
    foreign = foreign_names(data)
    if missing_names(data, custom_objects):
        return None
    own = dict(model.named_parameters())
    paths = {key: items(field(config, key, list, where), str, where) for key in ("parameters", "undecayed")}
    unknown = [path for part in paths.values() for path in part if path not in own]
    if unknown:
        raise LoadingError(f"{where} names weights that the model does not have.", got=", ".join(unknown)[:200])
    try:
        optimizer = optimizers.deserialize(data, custom_objects if foreign else None)
        if paths["undecayed"]:
            optimizer.exclude_from_weight_decay(var_list=[own[path] for path in paths["undecayed"]])
        if state:
            optimizer.build(own[path] for path in paths["parameters"])
            optimizer.load_state_dict(state, assign=True)
    except BAD_CONFIG as error:
        raise LoadingError(f"{where} or its state is malformed.", got=str(error)) from error
    return optimizer
