"""Layers and models of the user's classes as Keras writes them: where the class stands, its name, its config.

Whoever reads such an entry, Keras or Lamina, needs the class: registered, or handed over.
"""

from __future__ import annotations

import inspect
from typing import Any

from lamina.custom_objects import get_registered_name
from lamina.layers.given import Ends, given_of
from lamina.saving.classes import MODELS
from lamina.saving.config_check import config_for_init
from lamina.saving.config_writer import refuse_unless_made_again
from lamina.saving.errors import SavingError
from lamina.saving.hooks import build_config_of, overrides
from lamina.saving.model_config import OF_A_GRAPH

from .objects_out import Entry, Words, keras_words

# What Lamina's own get_config says of a model that is a graph or a list of layers; Keras says it in its words.
_OF_LAMINA = (*OF_A_GRAPH, "input")


def class_words(cls: Any) -> Entry:
    """How an entry says which class of the user's it is."""
    module, name, registered = keras_words(cls.__module__, cls.__name__, get_registered_name(cls))
    return {"module": module, "class_name": name, "registered_name": registered}


def custom_entry(layer: Any, name: str, words: Words) -> Entry:
    """The entry of a layer, or of a model that its class makes by itself.

    Raises:
        SavingError: its config does not make the same layer again, or holds what Keras has no word for.
    """
    config = words.encoded(config_for_init(layer))
    if "name" in config:
        config["name"] = name
    if layer.built:
        refuse_unless_made_again(layer, MODELS)
    build = words.encoded(build_config_of(layer)) if layer.built else None
    return {**class_words(type(layer)), "config": config} | ({"build_config": build} if build else {})


def beside_the_graph(model: Any, words: Words) -> Entry | None:
    """What the class of a graph is made with beside inputs and outputs, in Keras' words; None where the class draws its
    graph by itself.

    Raises:
        SavingError: Keras would not come by it.
    """
    cls = type(model)
    if overrides(model, "get_config"):
        config = model.get_config()
        if not {"nodes", "layers"} & config.keys():
            return None
        return {key: words.encoded(value, key) for key, value in config.items() if key not in _OF_LAMINA}
    if model.made_by_graph:
        return {}
    given = given_of(model)
    if given is None or not given.drawn:
        return None
    _refuse_if_keras_cannot(model)
    bound = inspect.signature(cls.__init__).bind(None, *given.args, **given.kwargs)
    found: Entry = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = bound.signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_POSITIONAL:
            _refuse_more_places(model, value)
        else:
            found |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
    more = {name: value for name, value in found.items() if name not in ("inputs", "outputs", "name", "trainable")}
    return {name: words.encoded(value, name) for name, value in more.items()}


def _refuse_if_keras_cannot(model: Any) -> None:
    """Keras makes a class again between inputs and outputs where its ``__init__`` is (inputs, outputs, name), or has
    ``*args`` and ``**kwargs``, and no other."""
    cls = type(model)
    spec = inspect.getfullargspec(inspect.unwrap(cls.__init__))
    open_to_all = spec.varargs == "args" and spec.varkw == "kwargs"
    if open_to_all or overrides(model, "from_config") or spec.args[1:] == ["inputs", "outputs", "name"]:
        return
    raise SavingError(
        f"{model.label} cannot be written for Keras: Keras does not make a graph again of a class with this __init__.",
        got=f"{cls.__name__}{inspect.signature(cls.__init__)}",
        expected="__init__(self, *args, ..., **kwargs), or a get_config() and from_config() of the class's own",
        hint='model.save("model.lamina")',
    )


def _refuse_more_places(model: Any, values: Any) -> None:
    if any(not isinstance(value, Ends) for value in values[:2]) or any(value is not None for value in values[3:]):
        raise SavingError(
            f"{model.label} cannot be written for Keras: it was given arguments by their place alone.",
            got=repr(values)[:120],
            hint=f"{type(model).__name__}(inputs, outputs, argument=...)",
        )


def lambda_entry(layer: Any, name: str, words: Words) -> Entry:
    """The entry of a Lambda by its function's name; bytecode is never written.

    Raises:
        SavingError: a function without a name.
    """
    parts = {"function": layer.function, "output_shape": layer.given_output_shape, "mask": layer.mask}
    flags = {"name": name, "trainable": layer.trainable, "dtype": layer.dtype_config()}
    config = {key: words.encoded(value, key) for key, value in {**flags, **parts, "arguments": layer.arguments}.items()}
    config = {key: value for key, value in config.items() if key != "mask" or value is not None}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}
