"""A model from what Keras' files say of it: ``config.json`` of Keras 3, ``model_config`` of Keras 2.

Classes come from closed tables by exact name, or from the caller's custom objects. Nothing is imported.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from lamina.custom_objects import custom_object_scope, find
from lamina.dtype_policies import DTypePolicy
from lamina.graph import LaminaError
from lamina.layers import RNN, Layer
from lamina.layers.of_applications import KERAS_MODULES
from lamina.layers.preprocessing.augmentation.base import PictureLayer
from lamina.layers.preprocessing.index_lookup import IndexLookup
from lamina.saving.classes import (
    Classes,
    Missed,
    init_arguments,
    is_for_training,
    layer_classes,
    takes,
    tell_missed,
    without_absent,
)
from lamina.saving.errors import BAD_CONFIG, LoadingError, not_made
from lamina.saving.fields import field, items
from lamina.saving.hooks import overrides
from lamina.saving.objects_in import objects_of
from lamina.saving.translations import Translations

from .graph_in import read_graph
from .names import DROPPED, MEANINGLESS, MODEL_NAMES, NO_SUCH_WEIGHT, RENAMED
from .older import TODAY, Version, in_todays_words, safe_name, safe_names
from .older.merges import sequential_of_merge
from .older.told import tell_of_entry
from .operations import operations

MAX_LAYERS = 100_000

# What the base class takes, so every layer does.
_BASE_ARGUMENTS = ("name", "trainable", "dtype", "activity_regularizer", "autocast")
# What all layers of a family take, though most do not list it.
_INHERITED: tuple[tuple[type, tuple[str, ...]], ...] = (
    (RNN, ("unroll", "zero_output_for_mask")),
    (PictureLayer, ("data_format", "bounding_box_format")),
    (IndexLookup, ("vocabulary_size", "has_input_vocabulary")),
)

# Dtypes that PyTorch hardly computes with -> those that hold their values, as in Keras on PyTorch.
_WITHOUT_SIGN = {"uint16": "int32", "uint32": "int64"}

# What the config of a graph, or of a list of layers, says; the rest is for the class.
_OF_A_GRAPH = ("name", "trainable", "layers", "input_layers", "output_layers")
_OF_A_LIST = ("name", "trainable", "dtype", "layers", "build_input_shape")

# Where the config of a layer holds another layer; elsewhere the same word may mean something else ("Identity").
_PLACES_OF_LAYERS = ("layer", "backward_layer", "cell", "cells")


class KerasConfigReader:
    """Makes the models and layers that Keras wrote.

    Args:
        custom_objects: name -> class or function of the caller's, for what is not Keras' own.
        models: class name -> class of Lamina's models.
        version: of the Keras that wrote the config.
        told: keeps what is read as something else than it stands there.
    """

    def __init__(
        self,
        custom_objects: Mapping[str, Any] | None,
        models: Classes,
        version: Version = TODAY,
        told: Translations | None = None,
    ) -> None:
        self.told = Translations() if told is None else told
        self._custom = dict(custom_objects or {})
        self._models = models
        self._left = MAX_LAYERS
        self._shared: dict[int, Layer] = {}
        self.old = version.old
        self._corners = version.aligns_corners
        self.renamed: dict[str, str] = {}
        """Name in the file -> name of the layer, where that could not stay."""
        self.orders: dict[int, list[Layer]] = {}
        """By the id of a model: its layers as Keras orders them, which counts an operation of its own as one step."""
        self.has_weights = False
        """Whether a file brings the weights: then what is for training only may be missing."""
        self.sorts_deep = True
        """Whether who wrote the file sorts dicts within dicts; Keras on PyTorch does not."""

    @property
    def remarks(self) -> list[str]:
        """What was read as something else than the file says, a line each."""
        names = [f"{old!r:.80} is {new!r:.80}" for old, new in self.renamed.items()]
        more = f", and {len(names) - 10} more" if len(names) > 10 else ""
        return [
            f"the names of layers that hold '/' or '.', which no layer here can: {', '.join(names[:10])}{more}"
        ] * bool(names)

    def model(self, entry: Any, where: str) -> Any:
        """The model of the outermost entry, without weights' values.

        Raises:
            LoadingError: no model, or a layer, operation or argument that Lamina does not know.
        """
        if type(entry) is not dict or not isinstance(entry.get("class_name"), str):
            raise LoadingError(f"{where} tells no model.", got=f"{entry!r}"[:80], expected='{"class_name", "config"}')
        self.renamed = safe_names(entry)
        for old, new in self.renamed.items():
            self.told.add("renamed", f"{old} -> {new}")
        made = self.layer(entry, where)
        if not isinstance(made, self._models["Model"]):
            raise LoadingError(f"{where} tells a layer, not a model.", got=entry["class_name"])
        return made

    def layer(self, entry: dict[str, Any], where: str) -> Layer:
        """The layer, or nested model, of an entry: new, or the one made before where the entry says so."""
        number = field(entry, "shared_object_id", int, where, -1)
        if number not in self._shared:
            made = self._made(entry, where)
            if number == -1:
                return made
            self._shared[number] = made
        return self._shared[number]

    def _made(self, entry: dict[str, Any], where: str) -> Layer:
        self._left -= 1
        if self._left < 0:
            raise LoadingError(f"{where} holds more layers than any model has.", expected=f"at most {MAX_LAYERS}")
        class_name = field(entry, "class_name", str, where)
        if class_name == "Sequential" and isinstance(entry.get("config"), list):  # before Keras 2.2.3
            entry = {**entry, "config": {"layers": entry["config"]}}
        config = field(entry, "config", dict, where)
        name = config.get("name", entry.get("name", "?"))
        where = f'{class_name} "{name}"'[:120]
        if isinstance(name, str) and safe_name(name) != name:
            config = {**config, "name": self.renamed.get(name) or safe_name(name)}
        custom = self._custom_class(entry)
        try:
            if custom is not None:
                return self._made_by_yours(custom, config, entry, where)
            if class_name in MODEL_NAMES:
                return self._nested(class_name, config, where)
            if self.old:
                old = class_name, config
                class_name, config = in_todays_words(class_name, config, where)
                if self._corners and class_name == "UpSampling2D" and config.get("interpolation") == "bilinear":
                    class_name = "CornerUpSampling2D"
                    config = {key: value for key, value in config.items() if key != "interpolation"}
                tell_of_entry(self.told, old, (class_name, config), str(config.get("name", name)))
            cls = self._class(class_name, where)
            return self._made_by(cls, self._arguments(cls, config, where))
        except LoadingError:
            raise
        except (LaminaError, *BAD_CONFIG) as error:
            raise not_made(where, error) from error

    # -- classes

    def _class(self, name: str, where: str) -> Any:
        found = layer_classes().get(name)
        if found is None:
            near = difflib.get_close_matches(name, (*layer_classes(), *operations()))
            raise LoadingError(
                f"{where} cannot be read: Lamina has no layer of that name, and no class is imported by name.",
                expected="the exact name of a layer" + (f", such as {', '.join(near)}" if near else ""),
                hint=f'load_model(..., custom_objects={{"{name.rpartition(">")[2]}": ...}}), if it is your own',
            )
        return found

    def _custom_class(self, entry: dict[str, Any]) -> Any:
        """The caller's class for an entry that is not Keras' own; None where a name of ours is meant."""
        class_name, module = entry["class_name"], entry.get("module")
        known = class_name in layer_classes() or class_name in MODEL_NAMES
        if known and (module is None or str(module).partition(".")[0] in ("keras", "tf_keras")):
            # A file without modules may mean a layer of the user's that is called as one of the applications'.
            mine = find(class_name, self._custom) if module is None and class_name in KERAS_MODULES else None
            return mine if isinstance(mine, type) and issubclass(mine, Layer) else None
        keras_own = (f"lamina>{class_name}",) if str(module).partition(".")[0] == "keras" else ()  # Distiller
        for name in (entry.get("registered_name"), class_name, *keras_own):
            found = find(name, self._custom) if isinstance(name, str) else None
            if isinstance(found, type) and issubclass(found, Layer):
                return found
        if known:
            raise LoadingError(
                f"The class {class_name!r} of {str(module)!r:.80} is not Keras' own, and no class is imported by name.",
                hint=f'load_model(..., custom_objects={{"{class_name}": {class_name}}})',
            )
        return None

    def _made_by(self, cls: Any, config: dict[str, Any]) -> Layer:
        given = {"custom_objects": self._custom} if takes(cls.from_config, "custom_objects") else {}
        result = cls.from_config(config, **given)
        if not isinstance(result, Layer):
            raise LoadingError(f"{cls.__name__}.from_config made no layer.", got=type(result).__name__)
        return result

    def _made_by_yours(self, cls: Any, config: dict[str, Any], entry: dict[str, Any], where: str) -> Layer:
        """By a class of the caller's: as a graph or list of layers where that is what it says, else from its config."""
        drawn = issubclass(cls, self._models["Model"]) and not overrides(cls, "from_config")
        if drawn and "input_layers" in config:
            result: Any = self._drawn(cls, config, where)
        elif drawn and issubclass(cls, self._models["Sequential"]) and "layers" in config:
            result = self._sequential(config, where, cls)
        else:
            plain = self.old or overrides(cls, "from_config")
            result = self._made_by(cls, config if plain else self._with_objects(cls, config))
        build = entry.get("build_config")
        if isinstance(build, dict) and not result.built and getattr(result, "graph", None) is None:
            result.build_from_config(build)
        return result  # type: ignore[no-any-return]

    def _drawn(self, cls: Any, config: dict[str, Any], where: str) -> Any:
        """A model of a class that is a graph, with what the class takes beside it."""
        inputs, outputs, order = read_graph(config, self, where)
        more = {key: value for key, value in config.items() if key not in _OF_A_GRAPH}
        model = cls(inputs=inputs, outputs=outputs, name=config.get("name"), **self._objects(more))
        self.orders[id(model)] = order
        if config.get("trainable") is False:
            model.trainable = False
        return model

    def _with_objects(self, cls: Any, config: dict[str, Any]) -> dict[str, Any]:
        """The config with objects where a class that has no ``from_config`` of its own was given objects, and without
        what the base class says of arguments that the class does not take."""
        _, named, takes_any = init_arguments(cls)
        found = {
            key: value
            for key, value in self._objects(config).items()
            if takes_any or key in named or key not in _BASE_ARGUMENTS
        }
        policy = found.get("dtype")
        return {**found, "dtype": policy.name} if isinstance(policy, DTypePolicy) else found

    def _objects(self, config: dict[str, Any]) -> Any:
        with custom_object_scope(self._custom):
            return objects_of(config, lambda entry: self.layer(entry, "A layer in a config"))

    # -- models

    def first_of(self, entries: list[dict[str, Any]], where: str) -> list[Any]:
        """The layers of a Sequential model's entries, its input before them."""
        first = self.first_input(entries[0], where) if entries else None
        return [*([first] if first is not None else []), *(self.layer(entry, where) for entry in entries)]

    def _nested(self, class_name: str, config: dict[str, Any], where: str) -> Layer:
        name = config.get("name")
        if class_name == "Sequential" or "input_layers" not in config:
            model = self._sequential(config, where)
        else:
            inputs, outputs, order = read_graph(config, self, where)
            model = self._models["Model"](inputs, outputs, name=name)
            self.orders[id(model)] = order
        if config.get("trainable") is False:
            model.trainable = False
        return model  # type: ignore[no-any-return]

    def _sequential(self, config: dict[str, Any], where: str, cls: Any = None) -> Any:
        entries = items(field(config, "layers", list, where), dict, where)
        if entries and entries[0].get("class_name") == "Merge":
            inputs, outputs = sequential_of_merge(entries, self, where)
            return self._models["Model"](inputs, outputs, name=config.get("name"))
        more = {} if cls is None else self._objects({k: v for k, v in config.items() if k not in _OF_A_LIST})
        model: Any = (cls or self._models["Sequential"])(name=config.get("name"), **more)
        first = entries[0] if entries else {}
        if (first_input := self.first_input(first, where)) is not None:
            model.add(first_input)
        for entry in entries:
            model.add(self.layer(entry, where))
        shape = config.get("build_input_shape")
        if model.graph is None and isinstance(shape, list) and entries:
            model.build(tuple(shape))
        return model

    def first_input(self, entry: dict[str, Any], where: str) -> Any:
        """The input that the entry of a first layer tells beside its own arguments; None where it tells none."""
        config = entry.get("config")
        shape = config.get("batch_input_shape") if isinstance(config, dict) else None
        if shape is None or not isinstance(config, dict) or entry.get("class_name") == "InputLayer":
            return None
        dtype = config.get("dtype") if entry.get("class_name") == "Embedding" else None
        name = str(config.get("name", ""))
        self.told.add("translated", "batch_input_shape -> an Input before it", self.renamed.get(name, name))
        return self._class("InputLayer", where)(batch_shape=shape, dtype=config.get("input_dtype") or dtype)

    # -- the arguments of a layer

    def _arguments(self, cls: type, config: dict[str, Any], where: str) -> dict[str, Any]:
        """The config as our class takes it: every key is an argument of it, or says nothing."""
        if cls.__name__ == "Lambda":
            config = self._lambda(config, where)
            config = {key: value for key, value in config.items() if key not in _OF_CODE}
        if cls.__name__ == "Bidirectional":
            parts = [key for key in ("layer", "backward_layer") if key in config]
            config = {**config, **{key: _without_zeros(config[key]) for key in parts}}
        _, named, _ = init_arguments(cls)
        arguments: dict[str, Any] = {}
        missed: list[Missed] = []
        for told, value in config.items():
            key = RENAMED.get((cls.__name__, told), told)
            if key != told:
                self.told.add("translated", f"{told} -> {key}", str(config.get("name", "")))
            if key in named or key in _BASE_ARGUMENTS or _takes_unnamed(cls, key):
                arguments[key] = self._value(key, value, where)
                if self.has_weights:
                    arguments[key] = without_absent(_by_module(key, arguments[key]), key, self._custom, missed)
            elif not _says_nothing(cls.__name__, key, value):
                raise LoadingError(
                    f"{where} has an argument that Lamina's {cls.__name__} does not have.",
                    got=f"{key}={value!r}"[:120],
                    expected=", ".join(named),
                )
        tell_missed(where, missed)
        for one in missed:
            self.told.add("left out", f"{one.key} {one.name}", str(config.get("name", "")))
        axis = arguments.get("axis")
        if cls.__name__ == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
            arguments["axis"] = axis[0]
        if cls.__name__ == "InputLayer":
            arguments["sparse"] = arguments["ragged"] = None
            dtype = arguments.get("dtype")
            if str(dtype) in _WITHOUT_SIGN:
                arguments["dtype"] = _WITHOUT_SIGN[str(dtype)]
                self.told.add("translated", f"dtype: {dtype} -> {arguments['dtype']}", str(arguments.get("name", "")))
        return arguments

    def _value(self, key: str, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self._value(key, item, where) for item in value]
        if not isinstance(value, dict):
            return value
        if "class_name" not in value:
            return {name: self._value(key, item, where) for name, item in value.items()}
        return self._object(key, value, where)

    def _object(self, key: str, value: dict[str, Any], where: str) -> Any:
        """What ``{"class_name", "config"}`` within a config stands for."""
        name, config = value["class_name"], value.get("config")
        if name in ("__numpy__", "__tensor__") and isinstance(config, dict) and _is_numbers(config.get("value")):
            return config["value"]
        if not isinstance(name, str) or name.startswith("__"):
            raise LoadingError(
                f"{where} holds code or a value that no layer of Lamina's takes.",
                got=f"{key}: {name!r}"[:80],
                expected="plain numbers, strings, lists, and objects of Lamina's by name",
                hint="a subclass of Layer with call() and get_config(), handed over in custom_objects"
                if name == "__lambda__"
                else None,
            )
        of_layers = str(value.get("module")) in ("keras.layers", "keras.models")
        if key in _PLACES_OF_LAYERS or of_layers or name in ("Functional", "Sequential"):
            return self.layer(value, where)
        if name == "function":
            found = find(config, self._custom) if isinstance(config, str) else None
            return config if found is None and _is_keras(value) else found if found is not None else value
        custom = None if _is_keras(value) else find(str(value.get("registered_name") or name), self._custom)
        if isinstance(custom, type) and isinstance(config, dict):
            make = getattr(custom, "from_config", None)
            return make(config) if make else custom(**config)
        kept = {k: self._value(k, v, where) for k, v in (config or {}).items()} if isinstance(config, dict) else config
        return {"class_name": name, "config": kept, **({"module": value["module"]} if value.get("module") else {})}

    def _lambda(self, config: dict[str, Any], where: str) -> dict[str, Any]:
        """A Lambda by the caller's function for it; bytecode in a file is never run."""
        config = dict(config)
        own = self._function_of(config.get("name"))
        for argument in ("function", "output_shape", "mask"):
            value = config.get(argument)
            if isinstance(value, dict) and value.get("class_name") == "function":
                value = value.get("config")
            code = argument == "function" or isinstance(value, (dict, str)) or _holds_text(value)
            if value is None or not code:
                continue
            found = self._function_of(value)
            if own is not None and argument != "mask":  # what it gives is seen when it is drawn
                found = own if argument == "function" else _NOTHING
            if found is None:
                raise _not_run(config.get("name"), argument, value, where)
            config[argument] = None if found is _NOTHING else found
        return config

    def _function_of(self, name: Any) -> Any:
        """The caller's function of this name; None where there is none."""
        found = find(name, self._custom) if isinstance(name, str) else None
        return found if callable(found) and not isinstance(found, type) else None


_NOTHING = object()
# What Keras tells of a Lambda's code; the code comes from the caller.
_OF_CODE = ("function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module")


def _not_run(name: Any, argument: str, value: Any, where: str) -> LoadingError:
    return LoadingError(
        f"{where} holds a function of its own, as bytecode or by name, and nothing of a file is run.",
        got=f"{argument}={value!r}"[:100],
        expected="a function that you hand over, by the name of the layer or of the function",
        hint=f'load_model(..., custom_objects={{"{value if isinstance(value, str) else name}": function}})'[:160],
    )


def _without_zeros(entry: Any) -> Any:
    """Bidirectional, here as there, itself sets that masked steps give zeros."""
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        return entry
    kept = {key: value for key, value in entry["config"].items() if key != "zero_output_for_mask"}
    return {**entry, "config": kept}


def _holds_text(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, str) for item in value)


def _is_numbers(value: Any) -> bool:
    """Whether an array is a number, or lists of numbers."""
    if isinstance(value, list):
        return all(map(_is_numbers, value))
    return isinstance(value, (bool, int, float))


def _is_keras(value: dict[str, Any]) -> bool:
    return str(value.get("module", "keras")).partition(".")[0] in ("keras", "tf_keras", "builtins", "None")


def _by_module(key: str, value: Any) -> Any:
    """A function within a config as one that is not Keras' own: what is for training has none of Keras'."""
    is_function = is_for_training(key) and isinstance(value, dict) and value.get("class_name") == "function"
    return {**value, "module": value.get("registered_name") or "unknown"} if is_function else value


def _takes_unnamed(cls: type, key: str) -> bool:
    """Whether a class takes an argument that its signature does not name."""
    return any(key in further and issubclass(cls, base) for base, further in _INHERITED)


def _says_nothing(class_name: str, key: str, value: Any) -> bool:
    if key in DROPPED:
        return True
    if key in NO_SUCH_WEIGHT:
        return class_name.startswith(("Depthwise", "Separable"))
    return any(value is known or (value == known and type(value) is type(known)) for known in MEANINGLESS.get(key, ()))
