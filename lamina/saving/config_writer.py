"""Layers as JSON types, each written once however often and however deep it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from lamina.custom_objects import find, get_registered_name
from lamina.graph import Constant, Graph, LaminaError
from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.ops.body import Body
from lamina.random import SeedGenerator

from .classes import Classes, foreign_names, holds_layers, layer_classes, needed_names
from .config_check import config_for_init, objects_within
from .config_reader import ConfigReader
from .errors import SavingError
from .hooks import overrides, told_by_hook
from .objects_out import object_to_config
from .traced import Traced, refuse_if_not_rebuilt, traced, ways_of
from .values import encode, name_of_dtype, numbers_of

# What no trace holds: how a model of code is trained and measured, where its class says so.
_OF_TRAINING = ("train_step", "test_step", "compute_loss", "compute_metrics")


class ConfigWriter:
    """Writes the layers and constants of one model.

    An entry tells class and config, and is numbered by ``id``; where the same object comes again, ``{"shared": id}``
    stands for it. ``"custom"`` marks a class that is not Lamina's: reading asks the caller for it.

    Args:
        models: class name -> class of Lamina's models.
        values: write the values of constants too; False where a file keeps them with the weights.
        traces: trace what is not Lamina's, so that it can be read where its class is not at hand.
    """

    def __init__(self, models: Classes, values: bool = True, traces: bool = False) -> None:
        self._classes = {**layer_classes(), **models}
        self._models, self._model = models, models["Model"]
        self._values = values
        self._traces = traces
        self._numbers: dict[int, int] = {}

    def layer(self, layer: Layer) -> dict[str, Any]:
        """The entry of a layer.

        Raises:
            SavingError, ArgumentError: its config does not tell all that its class needs, or holds more than data.
        """
        if id(layer) in self._numbers:
            return {"shared": self._numbers[id(layer)]}
        number = self._number(layer)
        cls = type(layer)
        holder: Any = layer
        drawn = holder.write_config(self) if holds_layers(cls, "write_config", "get_config") else None
        custom = self._classes.get(cls.__name__) is not cls or isinstance(layer, Traced)
        entry: dict[str, Any] = {"id": number, "class_name": cls.__name__, "name": layer.name, "config": drawn}
        if drawn is not None:
            entry["drawn"] = True
        if isinstance(layer, Traced):
            entry |= {"class_name": layer.traced_class, "config": layer.traced_config, "traced": layer.traced_data}
        elif drawn is None:
            entry |= self._config_and_trace(layer, custom)
        elif custom and not holder._runs_graph:
            entry |= {"own_call": True} | (self._trace_beside_graph(layer) if number == 0 else {})
        if "traced" in entry and isinstance(layer, self._model):
            entry["model"] = True
            own = [name for name in _OF_TRAINING if getattr(cls, name) is not getattr(self._model, name)]
            if own and not isinstance(layer, Traced):
                entry["own_training"] = own
        if layer.auto_named:  # and whether a model may still give it another name
            entry |= {"auto_named": True, "settled": layer._settled}
        if custom and not isinstance(layer, Traced):
            entry["class_name"] = get_registered_name(cls)
        if custom and entry["config"] is not None:
            entry["custom"] = True
        if not layer.trainable and (entry["config"] or {}).get("trainable") is not False:
            entry["trainable"] = False
        return entry

    def _config_and_trace(self, layer: Layer, custom: bool) -> dict[str, Any]:
        """What a class needs to make the layer, and what the layer does; either may do without the other."""
        entry: dict[str, Any] = {}
        refused: LaminaError | None = None
        try:
            entry["config"] = self._encoded(layer, config_for_init(layer), custom)
            built = told_by_hook(layer, "get_build_config", "build_from_config") if layer.built else None
            if built is not None:
                entry["build_config"] = built
            if custom and self._traces and layer.built:
                refuse_unless_made_again(layer, self._models)
        except LaminaError as error:
            refused = error
        needed = foreign_names(entry.get("config"))
        if needed and not custom:
            needed = needed_names(entry.get("config"))
        needed = needed | ({get_registered_name(type(layer))} if custom else set())
        traceable = self._traces and layer.built and not getattr(layer, "reads_whole_texts", False)
        calls = traceable and (refused is not None or (bool(needed) and bool(ways_of(layer))))
        if not calls:  # and what was never called, its class alone brings back
            if refused is not None:
                raise refused
            return entry
        try:
            entry["traced"] = traced(layer)
        except LaminaError as error:
            if refused is not None:
                refused.hint = "\n".join(filter(None, [refused.hint, f"or a call that can be traced: {error.got}"]))
                raise refused from error
            # Who registers a class or function says that it will be there.
            if not all(find(name) for name in needed):
                raise
        if refused is not None:
            if "config" in entry or overrides(layer, "get_config"):  # who wrote it meant it to be used
                _warn_of(layer, refused)
            entry["config"] = None
            entry.pop("build_config", None)
        return entry

    def _trace_beside_graph(self, model: Layer) -> dict[str, Any]:
        """What a model does whose class has a call of its own: more than its graph, which is not all of it then.

        Only of the outermost model: a layer in the graph of another one may be used outside of it too.
        """
        if not self._traces:
            return {}
        refused: LaminaError | None = None
        try:
            refuse_unless_made_again(model, self._models)
        except LaminaError as error:
            refused = error
        try:
            found = {"traced": traced(model)}
        except LaminaError:
            if refused is not None:
                raise refused from None
            return {}  # then nothing but its class loads it
        if refused is None:
            return found
        _warn_of(model, refused)
        return {**found, "config": None, "drawn": False}

    def constant(self, constant: Constant) -> dict[str, Any]:
        """The entry of a tensor of the user's."""
        if id(constant) in self._numbers:
            return {"shared": self._numbers[id(constant)]}
        value = constant.value
        entry: dict[str, Any] = {
            "id": self._number(constant),
            "shape": list(value.shape),
            "dtype": name_of_dtype(value.dtype),
            "parameter": isinstance(value, torch.nn.Parameter),
            "trainable": value.requires_grad,
        }
        if isinstance(constant, SeedGenerator):
            entry["seeds"] = constant.get_config()
        if self._values:
            entry["values"] = numbers_of(value)
        return entry

    def body(self, body: Body, write: Callable[[Graph, ConfigWriter], dict[str, Any]]) -> dict[str, Any]:
        """The entry of a branch or of what a loop repeats, whose graph ``write`` writes."""
        if id(body) in self._numbers:
            return {"shared": self._numbers[id(body)]}
        return {"id": self._number(body), "role": body.role, "own": body.own, "graph": write(body.graph, self)}

    def _number(self, thing: object) -> int:
        number = self._numbers[id(thing)] = len(self._numbers)
        return number

    def _encoded(self, layer: Layer, config: dict[str, Any], custom: bool) -> Any:
        """The config; objects in it, of a class of the user's, are told as Keras tells them."""
        try:
            return encode(config, lambda leaf: {"$object": object_to_config(leaf)}) if custom else encode(config)
        except SavingError as error:
            error.headline = f"{layer.label} cannot be saved: its get_config() holds more than data."
            raise


def _warn_of(layer: Layer, error: LaminaError) -> None:
    warn(
        f"{layer.label} is saved as what was traced of it, and will not be of its class again: what its get_config() "
        f"gives does not make the same layer ({error.got}{f'; due: {error.expected}' if error.expected else ''})."
    )


def refuse_unless_made_again(layer: Layer, models: Classes) -> None:
    """See `refuse_if_not_rebuilt`: the other one is made as a reader makes it that has the classes of all in it."""
    own = objects_within(layer)

    def made() -> Layer:
        entry = ConfigWriter(models).layer(layer)
        return ConfigReader(own, models).layer(json.loads(json.dumps(entry)))

    refuse_if_not_rebuilt(layer, made)
