"""Layers from JSON types that nobody vouches for. Classes come from two closed tables; nothing is imported by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import torch

from lamina.custom_objects import custom_object_scope, find
from lamina.graph import Constant, Graph
from lamina.graph.source import warn
from lamina.layers import Layer
from lamina.ops.body import Body
from lamina.printable import QUOTED, printable
from lamina.random import SeedGenerator

from .classes import Classes, Missed, holds_layers, layer_classes, needed_names, takes, tell_missed, without_absent
from .errors import BAD_CONFIG, LoadingError
from .fields import field, items, refuse_unknown
from .hooks import overrides
from .objects_in import objects_of
from .traced import TracedLayer
from .values import decode, dtype_of_name, tensor_of

_LAYER_KEYS = (
    "id", "class_name", "name", "config", "drawn", "auto_named", "settled", "custom", "trainable",
    "traced", "model", "own_call", "own_training", "build_config",
)  # fmt: skip
_CONSTANT_KEYS = ("id", "shape", "dtype", "parameter", "trainable", "seeds", "values")
_BODY_KEYS = ("id", "role", "own", "graph")
_MAX_ROLE = 100


class ConfigReader:
    """Makes what a `ConfigWriter` wrote.

    Args:
        custom_objects: name -> class or function of the caller's. They stand for what the config marks as not
            Lamina's, and for nothing else: a name of Lamina's own always means Lamina's own.
        models: class name -> class of Lamina's models.
        values: constants must come with their values; False where a file keeps them with the weights.
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None, models: Classes, values: bool = True) -> None:
        self._custom = dict(custom_objects or {})
        self._models = models
        self._classes = {**layer_classes(), **models}
        self._values = values
        self._made: dict[int, Any] = {}
        self._unused: set[str] = set()

    def layer(self, entry: Any) -> Layer:
        """The layer of an entry, without weights: new, or the one made before where the entry says so.

        Raises:
            LoadingError: an unknown class, or a config that the class refuses.
        """
        if self._is_shared(entry):
            result: Layer = self._shared(entry, Layer)
            return result
        refuse_unknown(entry, _LAYER_KEYS, "The entry of a layer")
        class_name = field(entry, "class_name", str, "The entry of a layer")
        name = field(entry, "name", str, "The entry of a layer")
        where = f'{class_name} "{name}"'
        layer = self._traced(entry, class_name, name, where) or self._from_class(entry, class_name, name, where)
        self._remember(entry, layer, where)
        if field(entry, "auto_named", bool, where, False):
            if not name or "." in name or "/" in name:
                raise LoadingError(f"No layer can be called {name!r}.", expected="a name without '/' and '.'")
            # Not by settle_name, which also gives the weights under the layer new paths.
            layer.auto_named, layer._name = True, name
            layer._settled = field(entry, "settled", bool, where, False)
        if not field(entry, "trainable", bool, where, True):
            layer.trainable = False
        return layer

    def _from_class(self, entry: dict[str, Any], class_name: str, name: str, where: str) -> Layer:
        custom = field(entry, "custom", bool, where, False)
        drawn = field(entry, "drawn", bool, where, False)
        config = field(entry, "config", dict, where)
        own_call = field(entry, "own_call", bool, where, False)  # its graph alone would answer otherwise
        if custom and drawn and not own_call and find(class_name, self._custom) is None:
            cls: Any = self._models["Model" if "nodes" in config else "Sequential"]
            warn(
                f"{printable(where)} is loaded as a plain {cls.__name__}, with the same graph and weights: its "
                f'class is not at hand. load_model(..., custom_objects={{"{printable(class_name)}": ...}}) takes it.'
            )
        else:
            cls = self._custom_class(class_name, name) if custom else self._class(class_name)
        layer = self._make(cls, config, where, custom, drawn)
        if "build_config" in entry and custom:
            try:
                layer.build_from_config(decode(entry["build_config"]))
            except BAD_CONFIG as error:
                raise _refused(where, error) from error
        return layer

    def _traced(self, entry: dict[str, Any], class_name: str, name: str, where: str) -> Layer | None:
        """The layer by what was traced of it, where its class is not at hand, or no config that would make it."""
        if "traced" not in entry:
            return None
        custom = field(entry, "custom", bool, where, False)
        needed = {class_name} if custom else needed_names(entry.get("config"))
        if entry.get("config") is not None and all(find(name, self._custom) is not None for name in needed):
            return None
        config = None if entry.get("config") is None else field(entry, "config", dict, where)
        cls: Any = self._models["TracedModel"] if field(entry, "model", bool, where, False) else TracedLayer
        missed: list[Missed] = []
        try:
            data = self._marked(field(entry, "traced", dict, where), missed)
            with custom_object_scope(self._own_objects):
                result: Layer | None = cls(class_name, config, data, name)
            tell_missed(where, missed)
            _tell_own_training(entry, class_name, where)
            is_given = find(class_name, self._custom) is not None
            if config is None and is_given and not missed and not self._values:
                self._tell_class_unused(class_name, where)
            return result
        except LoadingError:
            raise
        except BAD_CONFIG as error:
            raise _refused(where, error) from error

    def _tell_class_unused(self, class_name: str, where: str) -> None:
        """Warn, once a class, that a class which is at hand was not used: the file has no config for it."""
        if class_name not in self._unused:
            self._unused.add(class_name)
            warn(
                printable(
                    f"{where} is loaded as what was traced of it though its class {class_name} is at hand: when it was "
                    "saved, what its get_config() gave did not make the same layer, so the file has no config. Its "
                    "own methods and attributes are not there. Try a get_config() with every argument of __init__, by "
                    "its name, and save the model again; ",
                    8 * QUOTED,
                )
                + printable(f"{class_name}.from_config(layer.get_config()) shows what is wrong.")
            )

    def _marked(self, data: dict[str, Any], missed: list[Missed]) -> dict[str, Any]:
        """What was traced, with marks where what the weights need for training is not at hand."""
        weights = data.get("weights")
        if not isinstance(weights, list):
            return data
        marked = [
            {key: without_absent(value, key, self._custom, missed) for key, value in facts.items()}
            if isinstance(facts, dict)
            else facts
            for facts in weights
        ]
        return {**data, "weights": marked}

    def constant(self, entry: Any) -> Constant:
        """The constant of an entry; without storage until its value comes with the weights."""
        if self._is_shared(entry):
            result: Constant = self._shared(entry, Constant)
            return result
        where = "The entry of a constant"
        refuse_unknown(entry, _CONSTANT_KEYS, where)
        shape = items(field(entry, "shape", list, where), int, where)
        dtype = dtype_of_name(field(entry, "dtype", str, where))
        try:
            if self._values:
                value = tensor_of(field(entry, "values", list, where), shape, dtype)
            else:
                value = torch.empty(shape, dtype=dtype, device="meta")
            if field(entry, "parameter", bool, where):
                value = torch.nn.Parameter(value, requires_grad=field(entry, "trainable", bool, where))
        except BAD_CONFIG as error:
            raise _refused(where, error) from error
        constant = self._seeds(entry, value, where) if "seeds" in entry else Constant(value)
        self._remember(entry, constant, where)
        return constant

    def _seeds(self, entry: dict[str, Any], state: torch.Tensor, where: str) -> SeedGenerator:
        """A generator of seeds, which stays on the host; its state comes with the weights, or is here."""
        if state.shape != (2,) or state.dtype is not torch.int64:
            got = f"{state.dtype} of shape {tuple(state.shape)}"
            raise LoadingError("The state of a generator of seeds is two integers.", got=got)
        try:
            generator = SeedGenerator.from_config(field(entry, "seeds", dict, where))
            if self._values:
                generator.state.copy_(state)
        except BAD_CONFIG as error:
            raise _refused(where, error) from error
        return generator

    def body(self, entry: Any, read: Callable[[dict[str, Any], ConfigReader], tuple[Any, Any]]) -> Body:
        """What an entry tells of a branch or of what a loop repeats, whose graph ``read`` reads."""
        if self._is_shared(entry):
            result: Body = self._shared(entry, Body)
            return result
        where = "The entry of a function in a graph"
        refuse_unknown(entry, _BODY_KEYS, where)
        role, own = field(entry, "role", str, where), field(entry, "own", int, where)
        if not role.isidentifier() or len(role) > _MAX_ROLE:
            raise LoadingError(f"{where} says what cannot be its part in a call.", got=repr(role)[:80])
        try:
            body = Body(role, Graph(*read(field(entry, "graph", dict, where), self), part=True), own)
        except LoadingError:
            raise
        except BAD_CONFIG as error:
            raise _refused(where, error) from error
        if not 0 <= own <= len(body.graph.inputs):
            raise LoadingError(f"{where} has too few inputs.", got=f"{len(body.graph.inputs)}, {own} of them its own")
        body.fixed = True
        self._remember(entry, body, where)
        return body

    # -- what came before

    def _is_shared(self, entry: Any) -> bool:
        if type(entry) is not dict:
            raise LoadingError("The entry of a layer is malformed.", got=f"{entry!r}"[:80], expected="an object")
        return "shared" in entry

    def _shared(self, entry: dict[str, Any], kind: type) -> Any:
        refuse_unknown(entry, ("shared",), "A reference to a layer")
        made = self._made.get(field(entry, "shared", int, "A reference to a layer"))
        if not isinstance(made, kind):
            raise LoadingError("A reference to a layer points to nothing.", got=f"{entry!r}"[:80])
        return made

    def _remember(self, entry: dict[str, Any], made: Any, where: str) -> None:
        number = field(entry, "id", int, where)
        if number in self._made:
            raise LoadingError(f"{where} has a number that is taken.", got=f"id {number}")
        self._made[number] = made

    # -- classes

    def _class(self, name: str) -> type:
        if name not in self._classes:
            near = difflib.get_close_matches(name, self._classes)
            raise LoadingError(
                f"Lamina has no layer called {name!r}.",
                expected="the exact name of a layer" + (f", such as {', '.join(near)}" if near else ""),
                hint="a newer Lamina, if the file was written with one",
            )
        return self._classes[name]

    def _custom_class(self, class_name: str, name: str) -> type:
        cls = find(class_name, self._custom)
        if not isinstance(cls, type) or not issubclass(cls, Layer):
            got = f"custom_objects with {', '.join(map(repr, self._custom))}" if self._custom else "no custom_objects"
            raise LoadingError(
                f"The class {class_name!r} of the layer {name!r} is not Lamina's, and no class is imported by name.",
                got=got if cls is None else f"{cls!r}, which is no subclass of Layer",
                hint=f'load_model(..., custom_objects={{"{class_name}": {class_name.rpartition(">")[2]}}})',
            )
        return cls

    def _make(self, cls: Any, config: dict[str, Any], where: str, custom: bool, drawn: bool) -> Layer:
        if drawn and not holds_layers(cls, "read_config", "from_config"):
            raise LoadingError(f"{where} is said to be a graph, but its class makes none.")
        try:
            if drawn:
                layer = cls.read_config(config, self)
            elif custom:
                layer = self._from_config(cls, self._for_class_of_yours(cls, config))
            else:
                missed: list[Missed] = []
                layer = self._from_config(cls, self._with_objects(decode(config), missed))
                tell_missed(where, missed)
        except LoadingError:
            raise
        except BAD_CONFIG as error:
            raise _refused(where, error) from error
        if not isinstance(layer, Layer):
            raise LoadingError(f"{where}: from_config made no layer.", got=type(layer).__name__)
        return layer

    def _from_config(self, cls: Any, config: dict[str, Any]) -> Any:
        own = self._own_objects
        with custom_object_scope(own):  # what a from_config of the caller's makes may be of these, too
            if not takes(cls.from_config, "custom_objects"):
                return cls.from_config(config)
            return cls.from_config(config, custom_objects=own)

    @property
    def _own_objects(self) -> dict[str, Any]:
        return {name: value for name, value in self._custom.items() if name not in self._classes}

    def _for_class_of_yours(self, cls: Any, config: dict[str, Any]) -> Any:
        """The config with objects where objects stood in it; as Keras tells them, where ``from_config`` is the class's
        own, which makes them then."""
        if overrides(cls, "from_config"):
            return decode(config, {"$object": decode})

        def read(content: Any) -> Any:
            with custom_object_scope(self._custom):
                return objects_of(decode(content), _refuse_layer)

        return decode(config, {"$object": read})

    # -- objects inside the config of a layer of ours: its initializers, activations, inner layers

    def _with_objects(self, value: Any, missed: list[Missed], key: str = "") -> Any:
        """``value`` with the caller's objects, and models, in the places of what stands for them.

        What is Lamina's own otherwise is left to the packages' registries, which know exact names only; what is not at
        hand and of no use but in training is marked, where the weights come with the file, and told.
        """
        if isinstance(value, list):
            return [self._with_objects(item, missed, key) for item in value]
        if not isinstance(value, dict):
            return value
        if not {"class_name", "config", "module"} <= value.keys():
            return {key: self._with_objects(item, missed, key) for key, item in value.items()}
        name, config, module = value["class_name"], value["config"], str(value["module"])
        if not self._values:
            value = without_absent(value, key, self._custom, missed)
        if name == "function" and isinstance(config, str):
            found = find(config, self._custom)
            return value if found is None or isinstance(found, type) else found
        if not isinstance(name, str) or not isinstance(config, dict):
            return value
        if module.startswith("lamina."):
            if name in self._models:
                # A model within a wrapper was written by itself: its numbers are its own, and it finds its own objects.
                model: Any = self._models[name]
                return model.from_config(config, custom_objects=self._custom)
            if name in self._classes:  # a layer: a part of another one, or its activation
                value = {**value, "config": self._with_objects(config, missed)}
                return self._from_config(self._classes[name], value["config"]) if key.endswith("activation") else value
        cls = find(name, self._custom)
        if not isinstance(cls, type) or module.partition(".")[0] in ("lamina", "keras"):
            return value  # a name of ours means ours
        config = self._with_objects(config, missed)
        return self._from_config(cls, config) if hasattr(cls, "from_config") else cls(**config)


def _refuse_layer(entry: dict[str, Any]) -> Any:
    raise LoadingError("A layer in a config is not in Lamina's words.", got=f"{entry.get('class_name')!r}"[:80])


def _refused(where: str, error: BaseException) -> LoadingError:
    return LoadingError(f"{where} cannot be made from its config.", got=f"{type(error).__name__}: {error}")


def _tell_own_training(entry: dict[str, Any], class_name: str, where: str) -> None:
    """Warn of methods of training that the class of a model has, and what was traced has not."""
    own = field(entry, "own_training", list, where, [])
    if own:
        names = ", ".join(f"{name}()" for name in own if isinstance(name, str))
        warn(
            printable(
                f"{where} is loaded without its class: it answers as it did, but its own {names} is not in the ",
                2 * QUOTED,
            )
            + "file, so fit() and evaluate() go the usual way. "
            + printable(f'load_model(..., custom_objects={{"{class_name}": ...}}) takes the class.')
        )
