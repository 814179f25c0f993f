"""A model as Keras 3 writes it: the ``config.json`` of a ``.keras`` file, which real Keras opens.

What Keras has no word for is refused, with the node and the user's line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from lamina.graph import Constant, Graph, LaminaError, Node, Symbolic, tree
from lamina.graph.node import Leaf, is_input_node
from lamina.graph.symbolic import SymbolicTensor
from lamina.graph.walk import key_of
from lamina.layers import AddedLoss, Lambda, Layer, TorchModule, older
from lamina.layers.of_applications import KERAS_MODULES
from lamina.naming import snake_case
from lamina.saving.classes import Classes, layer_classes
from lamina.saving.errors import SavingError
from lamina.saving.traced import Traced
from lamina.saving.values import name_of_dtype

from .custom_out import beside_the_graph, class_words, custom_entry, lambda_entry
from .losses_out import left_out, predicting
from .masks_out import arguments_for_keras, lost_in, refuse_lost_masks, tell_lost_masks
from .names import free_name, inner_sorted
from .objects_out import Words
from .operations import module_of_operation
from .operations_out import Call, NoWordError, call_of
from .order import in_keras_order

_FUNCTIONAL = "keras.src.models.functional"

# Arguments that Keras' layers of these classes refuse, and that say nothing of a layer without weights.
_NOT_KERAS = dict.fromkeys(("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), ("trainable",))


class KerasConfigWriter:
    """Writes models and layers as Keras' configs.

    Args:
        models: class name -> class of Lamina's models.
    """

    def __init__(self, models: Classes) -> None:
        self._models = models
        self._written: set[int] = set()
        self.orders: dict[int, list[Layer]] = {}
        """By the id of a model that was written: its layers as Keras orders them, once it has read this config."""
        self.left: list[str] = []
        """What could not be carried, a line each."""

    def model(self, model: Any) -> dict[str, Any]:
        """The entry of a model.

        Raises:
            SavingError: it holds what Keras has no word for; names the layer, or the node and its line.
        """
        if model.graph is not None:
            tell_lost_masks(model.graph)
        return self.layer(model, model.name)

    def layer(self, layer: Any, name: str) -> dict[str, Any]:
        """The entry of a layer, under the name that it has in its model."""
        self._refuse_shared(layer)
        cls = type(layer)
        if isinstance(layer, self._models["Model"]) and not isinstance(layer, Traced):
            return self._nested(layer, name)
        if isinstance(layer, Lambda):
            return lambda_entry(layer, name, self.words(layer))
        if isinstance(layer, (TorchModule, AddedLoss, Traced)) or cls.__name__ in older.__all__:
            raise SavingError(
                f"{layer.label} cannot be written for Keras: it has no such layer.",
                got=cls.__name__,
                expected="layers by Keras' names, yours with get_config(), and functions that Keras has as operations",
                hint='model.save("model.lamina"), which holds everything',
            )
        words = self.words(layer)
        if layer_classes().get(cls.__name__) is not cls:
            return custom_entry(layer, name, words)
        config = words.encoded(layer.get_config())
        for argument in _NOT_KERAS.get(cls.__name__, ()):
            config.pop(argument, None)
        module = KERAS_MODULES.get(cls.__name__, "keras.layers")
        entry = {"module": module, "class_name": cls.__name__, "config": {**config, "name": name}}
        return {**entry, "registered_name": None}

    def words(self, layer: Any) -> Words:
        """Writes what stands in the layer's config."""
        return Words(layer, lambda part: self.layer(part, part.name))

    def _refuse_shared(self, layer: Any) -> None:
        if id(layer) in self._written:
            raise SavingError(
                f"{layer.label} cannot be written for Keras: it lies in two models of one file.",
                expected="layers shared within one model: Keras cannot open its own files of this kind",
                hint='model.save("model.lamina")',
            )
        self._written.add(id(layer))

    def _nested(self, model: Any, name: str) -> dict[str, Any]:
        words, own = self.words(model), type(model) not in self._models.values()
        of_layers: Any = self._models["Sequential"]
        if isinstance(model, of_layers) and (not own or model.made_by_graph):
            return self._sequential(model, name, words, own)
        more = beside_the_graph(model, words) if own and model.graph is not None else {}
        if model.graph is None or more is None:
            if not own:
                raise SavingError(
                    f"{model.label} cannot be written for Keras: it is defined by code, not by a graph.",
                    got=type(model).__name__,
                    expected="Model(inputs, outputs), Sequential, or a class of yours that can be made from its config",
                    hint='model.save("model.lamina"), or the same layers in a graph',
                )
            self._note_order(model)
            return custom_entry(model, name, words)
        refuse_lost_masks(model.graph)
        graph = _GraphWriter(model.graph, self)
        config = {"name": name, "trainable": model.trainable, **graph.write(), **more}
        self.orders[id(model)] = graph.order
        self.left += left_out(model.graph)
        entry = {"module": _FUNCTIONAL, "class_name": "Functional", "registered_name": "Functional", "config": config}
        return {**entry, **(class_words(type(model)) if own else {}), "build_config": {"input_shape": None}}

    def _note_order(self, model: Any) -> None:
        """The order of layers of a model whose class draws its graph: as if the graph were written."""
        if model.graph is None:
            return
        graph = _GraphWriter(model.graph, other := KerasConfigWriter(self._models))
        try:
            graph.write()
        except LaminaError:
            return  # a node that Keras has no word for: its class draws it, and orders its layers by itself
        self.orders |= {id(model): graph.order, **other.orders}

    def _sequential(self, model: Any, name: str, words: Words, own: bool) -> dict[str, Any]:
        entries: list[Any] = []
        used: set[str] = set()
        if model.graph is not None:
            refuse_lost_masks(model.graph)
        start = model._start.node.op if model._start is not None else None
        for layer in [start, *model.layers] if start is not None else model.layers:
            own_name = free_name(layer.name, used)
            entries.append(_input_entry(layer, own_name) if layer.is_input else self.layer(layer, own_name))
        config: dict[str, Any] = {"name": name, "trainable": model.trainable, "layers": entries}
        if start is not None:
            config["build_input_shape"] = list(start.batch_shape)
        entry = {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": config}
        if not own:
            return entry
        return {**entry, **class_words(type(model)), "config": {**config, **(beside_the_graph(model, words) or {})}}


class _GraphWriter:
    def __init__(self, graph: Graph, writer: KerasConfigWriter) -> None:
        self._graph = graph
        self._writer = writer
        self._used: set[str] = set()
        self._lost = lost_in(graph)
        self._entries: dict[int, dict[str, Any]] = {}
        self._calls: dict[int, tuple[str, int]] = {}
        self._ours: dict[tuple[int, int], tuple[str, int, int]] = {}
        self.order: list[Layer] = []
        """Once it is written: the layers, as Keras orders them."""

    def write(self) -> dict[str, Any]:
        for tensor in self._graph.inputs:
            if not is_input_node(tensor.node):
                self._cut(tensor)
        names = {id(node.op): self._graph.name_of(node) for node in self._graph.nodes if is_input_node(node)}
        names |= {id(module): name for name, module in self._graph.modules.items()}
        self._names = {key: free_name(name.replace("/", "_"), self._used) for key, name in names.items()}
        for node in predicting(self._graph):
            if not self._is_given(node):
                self._node(node)
        self._sort()
        return {
            "layers": list(self._entries.values()),
            "input_layers": self._structure(self._graph.input_structure),
            "output_layers": self._structure(self._graph.output_structure),
        }

    def _sort(self) -> None:
        """Bring the entries into Keras' order, in which it numbers the weights too."""
        reads = {
            (entry["name"], i): list(_tensors_in([call["args"], call["kwargs"]]))
            for entry in self._entries.values()
            for i, call in enumerate(entry["inbound_nodes"])
        }
        outputs = [self._place(tensor)[:2] for tensor in tree.leaves_in_order(self._graph.output_structure)]
        place = {name: i for i, name in enumerate(in_keras_order(outputs, reads))}
        last = len(place)  # what no output needs, and Keras leaves out
        self._entries = dict(sorted(self._entries.items(), key=lambda item: place.get(item[1]["name"], last)))
        layers = {id(module): module for module in self._graph.modules.values() if isinstance(module, Layer)}
        self.order = [layers[key] for key in self._entries if key in layers]

    def _is_given(self, node: Node) -> bool:
        return all((id(node), k) in self._ours for k in range(len(node.specs)))

    def _cut(self, tensor: Any) -> None:
        """A model that begins in the middle of a larger graph begins with an Input."""
        name = free_name(snake_case(tensor.name.replace("/", "_").replace(":", "_")), self._used)
        config = {"batch_shape": list(tensor.shape), "dtype": name_of_dtype(tensor.dtype), "name": name}
        self._entries[id(tensor)] = _entry_of_input(config)
        self._ours[key_of(tensor)] = (name, 0, 0)

    def _node(self, node: Node) -> None:
        try:
            if isinstance(node.op, Layer) and node.op.is_input:
                name = self._names[id(node.op)]
                self._entries[id(node.op)] = _input_entry(node.op, name)
                self._give(node, (name, 0))
            elif isinstance(node.op, AddedLoss):
                self._pass_on(node)
            elif isinstance(node.op, Layer):
                self._layer(node, node.op)
            else:
                self._function(node)
        except LaminaError as error:
            error.where = error.where or str(node.source)
            raise

    def _layer(self, node: Node, layer: Layer) -> None:
        name = self._names[id(layer)]
        if id(layer) not in self._entries:
            entry = self._writer.layer(layer, name)
            self._entries[id(layer)] = {**entry, "name": name, "inbound_nodes": []}
        calls = self._entries[id(layer)]["inbound_nodes"]
        arguments = {"args": list(node.args), "kwargs": arguments_for_keras(node, self._lost)}
        calls.append({key: inner_sorted(self._value(value)) for key, value in arguments.items()})
        self._give(node, (name, len(calls) - 1))

    def _pass_on(self, node: Node) -> None:
        """What a node of `add_loss` gives is what it was given first."""
        given = [leaf for leaf in tree.leaves(node.args[0]) if isinstance(leaf, Symbolic)]
        self._ours |= {(id(node), i): self._place(symbolic) for i, symbolic in enumerate(given)}

    def _function(self, node: Node) -> None:
        try:
            if isinstance(node.op, torch.nn.Module):
                raise NoWordError("Keras has no PyTorch modules.")
            if node.op is torch.Tensor.new_full:
                self._refuse_lone(node)
            call: Call = call_of(node.op, list(node.args), dict(node.kwargs), node.output)
            args, kwargs = self._value(list(call.args)), self._value(call.kwargs or {})
        except NoWordError as error:
            raise SavingError(
                f"The node {self._graph.name_of(node)!r} cannot be written for Keras: it calls {node.label}.",
                got=error.headline,
                expected="layers and functions that Keras has too",
                hint='lamina.ops by Keras\' names, or model.save("model.lamina")',
            ) from error
        name = free_name(snake_case(call.class_name), self._used)
        self._entries[id(node)] = {
            "module": module_of_operation(call.class_name),
            "class_name": call.class_name,
            "config": {"name": name, **Words(name, _no_layer).encoded(call.config)},
            "registered_name": call.class_name,
            "name": name,
            "inbound_nodes": [{"args": args, "kwargs": kwargs}],
        }
        self._give(node, (name, 0), call.results)

    def _refuse_lone(self, node: Node) -> None:
        """A number made a tensor gets the shape of the tensor that it stands beside.

        That changes nothing where what it is used with has this shape.
        """
        made, shape = key_of(node.output), _examples(node.inputs[0])
        for other in self._graph.nodes:
            if made not in [key_of(symbolic) for symbolic in other.inputs]:
                continue
            if not any(_examples(symbolic) == shape for symbolic in other.inputs if key_of(symbolic) != made):
                raise NoWordError("Keras makes no tensor of one number of its own.")
        if made in [key_of(output) for output in self._graph.outputs]:
            raise NoWordError("Keras makes no tensor of one number of its own.")

    def _give(self, node: Node, call: tuple[str, int], results: int | None = None) -> None:
        """Number the results as Keras does: by place in the result, a dict's by sorted keys; the first few only."""
        for place, leaf in enumerate(tree.leaves_in_order(node.template)):
            if isinstance(leaf, Leaf) and (results is None or place < results):
                self._ours[id(node), leaf.index] = (*call, place)

    # -- values

    def _value(self, value: Any) -> Any:
        if isinstance(value, Symbolic):
            return self._tensor(value)
        if isinstance(value, Constant):
            return _constant(value)
        if isinstance(value, (list, tuple)):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        if isinstance(value, slice):
            parts = {"start": value.start, "stop": value.stop, "step": value.step}
            return {"class_name": "__slice__", "config": {key: self._value(item) for key, item in parts.items()}}
        if value is ...:
            return {"class_name": "__ellipsis__", "config": {}}
        if isinstance(value, torch.dtype):
            return name_of_dtype(value)
        if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
            return value
        raise NoWordError(f"Keras has no word for the argument {value!r:.80} of type {type(value).__name__}.")

    def _tensor(self, tensor: Symbolic) -> dict[str, Any]:
        if not isinstance(tensor, SymbolicTensor):
            raise NoWordError("Keras has no sizes of axes as arguments: they are known when the model runs.")
        facts = {"shape": list(tensor.shape), "dtype": name_of_dtype(tensor.dtype)}
        return {
            "class_name": "__keras_tensor__",
            "config": {**facts, "keras_history": list(self._place(tensor))},
        }

    def _place(self, tensor: Symbolic) -> tuple[str, int, int]:
        found = self._ours.get(key_of(tensor))
        if found is None:
            raise NoWordError("Keras' operation does not give this result.", got=str(tensor))
        return found

    def _structure(self, structure: Any) -> Any:
        def leaf(value: Any) -> Any:
            if not isinstance(value, SymbolicTensor):
                raise SavingError("The outputs of a Keras model are tensors.", got=f"{value!r}"[:80])
            name, call, place = self._place(value)
            model = isinstance(value.node.op, self._writer._models["Model"])
            functional = model and not isinstance(value.node.op, self._writer._models["Sequential"])
            return [name, call + functional, place]

        return inner_sorted(_as_lists(tree.map_leaves(lambda v: _Told(leaf(v)), structure)))


def _tensors_in(value: Any) -> Iterator[tuple[str, int]]:
    """The calls whose results stand in written arguments, as Keras flattens these: a dict's by its sorted keys."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        name, call, _ = value["config"]["keras_history"]
        yield name, call
    elif isinstance(value, dict) and "class_name" not in value:
        for key in sorted(value):
            yield from _tensors_in(value[key])
    elif isinstance(value, list):
        for item in value:
            yield from _tensors_in(item)


def _examples(symbolic: Symbolic) -> tuple[Any, Any]:
    return getattr(symbolic.example(0), "shape", ()), getattr(symbolic.example(1), "shape", ())


def _no_layer(layer: Layer) -> dict[str, Any]:
    raise NoWordError(f"An operation of Keras takes no layer: {layer.label}.")


class _Told:
    def __init__(self, value: list[Any]) -> None:
        self.value = value


def _as_lists(value: Any) -> Any:
    if isinstance(value, _Told):
        return value.value
    if isinstance(value, dict):
        return {key: _as_lists(item) for key, item in value.items()}
    return [_as_lists(item) for item in value]


def _input_entry(layer: Any, name: str) -> dict[str, Any]:
    return _entry_of_input({**layer.get_config(), "name": name})


def _entry_of_input(config: dict[str, Any]) -> dict[str, Any]:
    config = {**config, "batch_shape": list(config["batch_shape"]), "sparse": False, "ragged": False}
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": config,
        "registered_name": None,
        "name": config["name"],
        "inbound_nodes": [],
    }


def _constant(constant: Constant) -> dict[str, Any]:
    value: torch.Tensor = constant.value
    if isinstance(value, torch.nn.Parameter):
        raise NoWordError("Keras has no bare parameter in a graph, only weights of layers.")
    try:
        array = value.detach().cpu().numpy()
    except TypeError as error:
        raise NoWordError(f"Keras has no constant of {value.dtype}.") from error
    if not np.isfinite(array).all():
        raise NoWordError("JSON has no infinite constants.")
    if array.ndim == 0:
        return {"class_name": "__tensor__", "config": {"value": array.item(), "dtype": str(array.dtype)}}
    return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": str(array.dtype)}}
