"""A model as a config, and made again from one: its graph, and the arguments of a class that takes more than that."""

from __future__ import annotations

from typing import Any

from lamina.graph import tree
from lamina.layers.base import Layer
from lamina.layers.given import Ends, Unsaid, config_of, given_of, leaves_arguments_out, with_new_layers
from lamina.layers.low_rank import adapters_in
from lamina.saving.classes import MODELS, init_arguments
from lamina.saving.config_reader import ConfigReader
from lamina.saving.config_writer import ConfigWriter
from lamina.saving.errors import LoadingError
from lamina.saving.fields import field, refuse_unknown
from lamina.saving.model_config import OF_A_GRAPH, graph_from_config, graph_to_config
from lamina.saving.plain_config import plain
from lamina.saving.values import decode, encode, no_word
from lamina.saving.weights import ties_by_hand

_GIVEN = "given"


def get_config(model: Any) -> dict[str, Any]:
    """Graph and layers' configs as plain data, and what else the class was made with; of a subclass that draws its
    graph itself, or has none, name, flags and the arguments of its ``__init__``.

    A tuple is a tuple. ``from_config`` takes it as it is, and after JSON, where tuples have become lists.

    Raises:
        NotImplementedError: an argument of a class without ``get_config`` that JSON has no word for.
    """
    config = model.write_config(ConfigWriter(MODELS))
    tied = ties_by_hand(model) if config is not None else None
    adapted = adapters_in(model) if config is not None else None
    by_hand = {key: found for key, found in (("adapters", adapted), ("tied", tied)) if found}
    result: dict[str, Any] = plain(config or model._flags()) | by_hand
    return result


def write_config(model: Any, writer: ConfigWriter) -> dict[str, Any] | None:
    """`get_config` within a larger model, whose writer knows the layers that are shared; None without a graph, or
    where the class draws it."""
    given = _beside_the_graph(model)
    if model.graph is None or not (model.made_by_graph or given is not None or _adds_to_config(model)):
        return None
    config = {"name": model.name, "trainable": model.trainable, **graph_to_config(model.graph, writer)}
    return config if given is None else {**config, _GIVEN: given}


def read_config(cls: Any, config: dict[str, Any], reader: ConfigReader) -> Any:
    """`from_config` within a larger model, whose reader knows the layers that are shared."""
    if "nodes" not in config:
        return Layer.from_config.__func__(cls, config)  # type: ignore[attr-defined]
    added = {} if cls in MODELS.values() else {key: config[key] for key in config if key not in OF_A_GRAPH}
    graph = {key: value for key, value in config.items() if key != _GIVEN and key not in added}
    inputs, outputs = graph_from_config(graph, reader)
    if _GIVEN in config and cls not in MODELS.values():
        model = _made(cls, config[_GIVEN], inputs, outputs)
    elif added:
        model = cls(inputs=inputs, outputs=outputs, name=config.get("name"), **added)
    else:
        model = cls(inputs, outputs, name=config.get("name"))
    # Without the setter, which reaches the layers: each of them has its own flag in its config.
    model._trainable = bool(config.get("trainable", True))
    return model


def remade(model: Any, inputs: Any, outputs: Any) -> Any:
    """Another model of the model's class, between other tensors; None where the class takes no graph.

    The class is given what it was given the first time.
    """
    if model.made_by_graph:
        return type(model)(inputs, outputs, name=model.name)
    given = _beside_the_graph(model)
    if given is None and _adds_to_config(model):
        cls, config = _class_of(model), model.get_config()
        added = {name: value for name, value in config.items() if name not in OF_A_GRAPH}
        return cls(inputs=inputs, outputs=outputs, name=model.name, **with_new_layers(added))
    return None if given is None else _made(type(model), given, inputs, outputs)


def remade_by_itself(model: Any) -> Any:
    """Another model of a class that draws its graph itself, from the same arguments; None where that is not known."""
    given, cls = given_of(model), _class_of(model)
    if given is None or given.drawn or cls in MODELS.values() or not leaves_arguments_out(cls):
        return None
    try:
        config = config_of(model)
    except NotImplementedError:
        return None
    return cls.from_config(config) if "nodes" not in config else None


def _class_of(model: Any) -> Any:
    return type(model)


def _beside_the_graph(model: Any) -> dict[str, Any] | None:
    """What the class of a graph was given, as JSON types, with words for the inputs and outputs; None where it was not
    given both, or something that JSON has no word for."""
    given = given_of(model)
    if given is None or not given.drawn or not leaves_arguments_out(_class_of(model)):
        return None
    if any(isinstance(leaf, Unsaid) for leaf in tree.leaves((given.args, given.kwargs))):
        return None
    kwargs = {name: value for name, value in given.kwargs.items() if name not in ("name", "trainable")}
    flags = {"name": model.name} if "name" in given.kwargs else {}
    return {"args": encode(given.args, _end), "kwargs": encode({**kwargs, **flags}, _end)}


def _adds_to_config(model: Any) -> bool:
    """Whether the class was given inputs and outputs, can be again by these names, and says by a ``get_config`` of its
    own what it takes beside them."""
    given, cls = given_of(model), _class_of(model)
    if given is None or not given.drawn or leaves_arguments_out(cls):
        return False
    _, named, takes_any = init_arguments(cls)
    return takes_any or {"inputs", "outputs"} <= set(named)


def _end(leaf: Any) -> Any:
    return {f"${leaf.word}": None} if isinstance(leaf, Ends) else no_word(leaf)


def _made(cls: Any, given: Any, inputs: Any, outputs: Any) -> Any:
    where = f"What {cls.__name__} was given"
    refuse_unknown(given, ("args", "kwargs"), where)
    tags = {"$inputs": lambda _: inputs, "$outputs": lambda _: outputs}
    args, kwargs = (field(given, key, kind, where) for key, kind in (("args", list), ("kwargs", dict)))
    try:
        return cls(*decode(args, tags), **decode(kwargs, tags))
    except TypeError as error:
        raise LoadingError(f"{where} does not make one.", got=str(error)[:200]) from error
