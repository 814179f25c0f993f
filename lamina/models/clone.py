"""clone_model: the same architecture with layers and weights of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from lamina.custom_objects import custom_object_scope
from lamina.devices import current_device, limited_memory, memory_of_host
from lamina.graph import (
    ArgumentError,
    Constant,
    Graph,
    LaminaError,
    Node,
    StructureError,
    SymbolicTensor,
    TensorSpec,
    record,
    tree,
)
from lamina.graph.node import is_input_node
from lamina.layers import Input, InputLayer, Lambda, Layer, TorchModule
from lamina.layers.given import config_of
from lamina.layers.low_rank import adapters_in, add_adapters
from lamina.ops.body import Body, placeholder
from lamina.optimizers import Optimizer
from lamina.saving.classes import layer_classes
from lamina.saving.config_check import objects_within
from lamina.saving.config_reader import ConfigReader
from lamina.saving.config_writer import ConfigWriter
from lamina.saving.hooks import overrides
from lamina.saving.objects_out import object_to_config
from lamina.saving.traced import Traced
from lamina.saving.values import decode, encode
from lamina.saving.weights import freeze, frozen, state_of, tie, ties
from lamina.tracebacks import door
from lamina.training.trainer import Trainer

from .configs import remade, remade_by_itself
from .editing import without_found_masks
from .files import MODEL_CLASSES
from .model import Model
from .sequential import Sequential


@door
def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """A model of the same architecture whose layers are new and whose weights are drawn anew.

    Nothing is shared with ``model``, at any depth, and what is shared within it is shared within the clone: a layer
    called twice stays one layer, also where one call lies inside a nested model. Frozen weights stay frozen. Constants,
    and layers that have no config to be made from (`TorchModule`, `Lambda`, traced ones), are copied with their values.

    A compiled model's clone is compiled as it is, with an optimizer of its own that has made no step.

    Args:
        model: drawn as a graph, or a `Sequential`; one that is defined by its ``call`` is made again from its config.
        input_tensors: symbolic tensors for the clone to begin with, in the structure of the inputs or in their order;
            new `Input`s by default.
        clone_function: makes the new layer for a layer; by default from its config. Not called for inputs, and for
            nested models only where ``recursive`` is False.
        call_function: ``fn(layer, *args, **kwargs)`` calls a new layer; may put others before or after it. Not for
            `Sequential`.
        recursive: clone the layers of nested models by ``clone_function`` too. Without one they always are.

    Raises:
        ArgumentError: a layer that has no complete config; functions or inputs for a model defined by its ``call``,
            whose layers nobody knows.
        StructureError: ``input_tensors`` that do not match the inputs.

    >>> import torch
    >>> from lamina.layers import Dense
    >>> x = Input((3,))
    >>> model = Model(x, Dense(2)(x))
    >>> clone = clone_model(model)
    >>> [a.shape == b.shape for a, b in zip(clone.weights, model.weights)], clone.weights[0] is model.weights[0]
    ([True, True], False)
    """
    if not isinstance(model, Model):
        raise ArgumentError("clone_model clones models.", got=type(model).__name__, hint="a layer: copy.deepcopy")
    of_code = model.graph is None and not isinstance(model, Sequential)
    if of_code and (clone_function, call_function, input_tensors) != (None, None, None):
        raise ArgumentError(
            "Only models that are drawn as a graph are cloned by a function, or for other inputs.",
            got=model.label,
            hint="clone_model(model), which makes it again from its get_config",
        )
    cloner = _Cloner(clone_function, call_function, recursive)
    with limited_memory(memory_of_host()):  # what a layer says of itself may be as wrong as a file
        clone: Model = cloner.of_code(model) if of_code else cloner.model(model, input_tensors)
    _compile_as(clone, model)
    if clone_function is None:
        add_adapters(clone, adapters_in(model))
        tie(clone, ties(state_of(model)))
        freeze(clone, frozen(model))
    return clone


class _Cloner:
    """Clones layers, each once."""

    def __init__(
        self, clone_function: Callable[[Any], Any] | None, call_function: Callable[..., Any] | None, recursive: bool
    ) -> None:
        self.clone_function = clone_function
        self._calls_otherwise = call_function is not None
        self.call_function = call_function or (lambda layer, *args, **kwargs: layer(*args, **kwargs))
        self.recursive = recursive or clone_function is None
        self._clones: dict[int, Any] = {}
        self._copies: dict[int, Any] = {}

    def model(self, model: Model, input_tensors: Any = None) -> Any:
        if isinstance(model, Sequential):
            return self._sequential(model, input_tensors)
        assert model.graph is not None
        by_itself = self._by_itself(model, input_tensors)
        if by_itself is not None:
            return by_itself
        graph = model.graph.rebuild(self._call, self._inputs(model.graph, input_tensors))
        ends = graph.input_structure, graph.output_structure
        return self._named(remade(model, *ends) or Model(*ends, name=model.name), model)

    def of_code(self, model: Model) -> Any:
        """The clone of a model defined by its ``call``: built as this one is, by a call on the same shapes."""
        clone = self._layer(model)
        if model.built and not clone.built and model._first_call is not None:
            args, kwargs = tree.map_leaves(_zeros, model._first_call)
            with torch.no_grad():
                clone(*args, **kwargs)
        return clone

    def _by_itself(self, model: Model, input_tensors: Any) -> Any:
        """The clone of a model whose class draws its graph, where that makes the same one; else None."""
        if input_tensors is not None or self.clone_function is not None or self._calls_otherwise:
            return None
        made = remade_by_itself(model)
        if made is None or made.graph is None or model.graph is None or not made.graph.same_as(model.graph):
            return None
        return self._named(made, model)

    def _sequential(self, model: Sequential, input_tensors: Any) -> Any:
        by_itself = self._by_itself(model, input_tensors)
        if by_itself is not None:
            return by_itself
        tensors = list(tree.leaves(input_tensors)) if input_tensors is not None else []
        if input_tensors is None and model.graph is not None:
            tensors = [_new_input(model.inputs[0])]
        elif tensors and not (len(tensors) == 1 and isinstance(tensors[0], SymbolicTensor)):
            raise StructureError("A Sequential has one input.", got=tree.describe(input_tensors))
        # A chain begins with an Input of its own; another symbolic tensor tells what it is like.
        start = [t if is_input_node(t.node) else Input(batch_shape=t.shape, dtype=t.dtype) for t in tensors]
        cls = type(model) if model.made_by_graph else Sequential
        return self._named(cls([*start, *map(self._layer, model.layers)], name=model.name), model)

    def _inputs(self, graph: Graph, input_tensors: Any) -> Any:
        if input_tensors is None:
            return tree.map_leaves(_new_input, graph.input_structure)
        tensors = list(tree.leaves(input_tensors))
        if len(tensors) != len(graph.inputs) or not all(isinstance(t, SymbolicTensor) for t in tensors):
            raise StructureError(
                f"clone_model needs a symbolic tensor for each of {len(graph.inputs)} inputs.",
                got=tree.describe(input_tensors),
                expected=tree.describe(graph.input_structure),
                hint="Input(...) for each",
            )
        return tree.pack_like(graph.input_structure, iter(tensors))

    def _call(self, node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        args, kwargs = tree.map_leaves(self._constant, (args, without_found_masks(node, kwargs)))
        if isinstance(node.op, torch.nn.Module):
            return self.call_function(self._layer(node.op), *args, **kwargs)
        return record(node.op, args, kwargs)

    def _constant(self, leaf: Any) -> Any:
        if isinstance(leaf, Body):
            return self._once(leaf, self._body)
        # One memo for all: constants that hold the same parameter hold the same copy of it.
        return self._once(leaf, lambda c: copy.deepcopy(c, self._copies)) if isinstance(leaf, Constant) else leaf

    def _body(self, body: Body) -> Body:
        inputs = tuple(placeholder(t.name, _spec(t), t.node.source) for t in body.graph.inputs)
        return Body(body.role, body.graph.rebuild(self._call, inputs), body.own)

    def _layer(self, layer: Any) -> Any:
        return self._once(layer, self._clone)

    def _once(self, thing: Any, clone: Callable[[Any], Any]) -> Any:
        if id(thing) not in self._clones:
            self._clones[id(thing)] = clone(thing)
        return self._clones[id(thing)]

    def _clone(self, layer: Any) -> Any:
        if self.recursive and isinstance(layer, Model) and (layer.graph is not None or isinstance(layer, Sequential)):
            return self.model(layer)
        return self.clone_function(layer) if self.clone_function is not None else self._named(_made_anew(layer), layer)

    def _named(self, clone: Layer, layer: Layer) -> Layer:
        """The clone under the layer's name, made up where that was; and with its flag, which a model has for itself."""
        if layer.auto_named:
            clone.auto_named, clone._name, clone._settled = True, layer.name, layer._settled
        if isinstance(layer, Model):
            clone._trainable = layer.trainable
        return clone


def _zeros(leaf: Any) -> Any:
    return torch.zeros(leaf.shape, dtype=leaf.dtype, device=current_device()) if torch.is_tensor(leaf) else leaf


def _compile_as(clone: Model, model: Model) -> None:
    """Compile a clone as the model is. PyTorch's optimizers hold the weights of one model, so they are left out."""
    optimizer = getattr(model, "optimizer", None)
    own = type(model).compile is not Trainer.compile
    if model._compiled is None or own or not isinstance(optimizer, Optimizer):
        return
    clone.compile(
        type(optimizer).from_config(optimizer.get_config()),
        **copy.deepcopy(model._compiled),
        run_eagerly=model.run_eagerly,
        steps_per_execution=model.steps_per_execution,
        jit_compile=model.jit_compile,
        auto_scale_loss=False,
    )


def _made_anew(layer: Layer) -> Any:
    if isinstance(layer, (Lambda, TorchModule, Traced)):
        return copy.deepcopy(layer)
    try:
        if layer_classes().get(type(layer).__name__) is not type(layer) and overrides(layer, "from_config"):
            with custom_object_scope(objects_within(layer)):
                return type(layer).from_config(decode(encode(config_of(layer), object_to_config)))
        entry = ConfigWriter(MODEL_CLASSES).layer(layer)
        return ConfigReader(objects_within(layer), MODEL_CLASSES).layer(entry)
    except (TypeError, NotImplementedError, RecursionError, LaminaError) as error:
        raise ArgumentError(
            f"{layer.label} cannot be cloned: its class cannot be made from its get_config().",
            got=str(error),
            hint="get_config with all arguments of __init__; or clone_function=copy.deepcopy, which copies weights too",
        ) from error


def _new_input(tensor: SymbolicTensor) -> SymbolicTensor:
    """An input like this one, under its name."""
    layer: Any = tensor.node.op
    if isinstance(layer, InputLayer):
        new = InputLayer.from_config(layer.get_config())
        new.auto_named, new._settled = layer.auto_named, layer._settled
        result: SymbolicTensor = new.take()
        return result
    return placeholder(tensor.name, _spec(tensor), tensor.node.source)


def _spec(tensor: SymbolicTensor) -> TensorSpec:
    spec: Any = tensor.node.specs[tensor.index]
    known: TensorSpec = spec
    return known
