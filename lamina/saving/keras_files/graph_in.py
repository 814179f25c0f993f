"""The graph of a Keras Functional model, drawn again: its layers and operations called on each other's results."""

from __future__ import annotations

import heapq
import warnings
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from lamina.graph import Graph, LaminaError, Symbolic, tree
from lamina.graph.node import last_number
from lamina.layers import Layer, MultiHeadAttention
from lamina.mask_ends import end_masks, takes_masks_off
from lamina.saving.errors import BAD_CONFIG, LoadingError
from lamina.saving.fields import field, items
from lamina.saving.translations import Translations
from lamina.saving.values import dtype_of_name

from .masks_out import gives_its_argument
from .names import MODEL_NAMES
from .older.nodes import is_of_tf, read_old_node, with_states
from .older.tf_functions import TfFunction, function_of_layer
from .older.tf_graph import GraphOperation
from .operations import OPERATION_DEFAULTS, Operation, operations
from .order import Call, in_keras_order, in_order_of_running


class Reader(Protocol):
    """Makes the layers of a graph."""

    old: bool
    sorts_deep: bool
    told: Translations

    def layer(self, entry: dict[str, Any], where: str) -> Layer: ...


@dataclass(frozen=True)
class _Result:
    """In arguments, before they are drawn: a result of a call."""

    call: Call
    index: int


def read_graph(config: dict[str, Any], reader: Reader, where: str) -> tuple[Any, Any, list[Layer]]:
    """The symbolic inputs and outputs of a Functional model's config, and the layers as Keras orders them.

    Raises:
        LoadingError: malformed, a cycle, or a layer or operation that refuses what it is called with.
    """
    graph = GraphReader(config, reader, where)
    told = [graph.told(field_of(config, key, where)) for key in ("input_layers", "output_layers")]
    order = graph.layers_in_order(told[1])
    with warnings.catch_warnings():
        # Keras keeps the masks that it used as arguments of the calls.
        warnings.filterwarnings("ignore", message=".*drops the mask of its input")
        graph.draw(told[1])
    inputs, outputs = (graph.structure(structure) for structure in told)
    if reader.old:
        inputs, outputs = (
            found[0] if isinstance(found, list) and len(found) == 1 else found for found in (inputs, outputs)
        )
    return inputs, outputs, order


def field_of(config: dict[str, Any], key: str, where: str) -> Any:
    if type(config.get(key)) not in (list, dict):
        raise LoadingError(f"{where} does not tell its {key}.", got=f"{config.get(key)!r}"[:80])
    return config[key]


class GraphReader:
    def __init__(self, config: dict[str, Any], reader: Reader, where: str) -> None:
        self._where = where
        self._reader = reader
        self._ops: dict[str, Any] = {}
        self._configs: dict[str, dict[str, Any]] = {}
        self._calls: dict[Call, tuple[Any, Any]] = {}
        self._results: dict[Call, list[Any]] = {}
        self._old_models: set[str] = set()
        self._models: set[str] = set()
        self._old = False
        entries = items(field(config, "layers", list, where), dict, where)
        for entry in entries:
            self._take(entry, reader)
        for entry in entries:
            name = self._name(entry)
            for i, node in enumerate(field(entry, "inbound_nodes", list, f"{where}, {name!r:.80},", [])):
                self._calls[name, i] = self._arguments(node, name)

    def _name(self, entry: dict[str, Any]) -> str:
        config = entry.get("config")
        default = config.get("name") if isinstance(config, dict) else None
        result: str = field(entry, "name", str, f"{self._where}, a layer,", default)
        return result

    def _take(self, entry: dict[str, Any], reader: Reader) -> None:
        name = self._name(entry)
        class_name = field(entry, "class_name", str, f"{self._where}, {name!r:.80},")
        if name in self._ops:
            raise LoadingError(f"{self._where} has two layers of one name.", got=repr(name)[:80])
        if not reader.old and _is_operation(entry, class_name):  # which no Keras had before 3
            self._ops[name] = _operation(class_name, name)
            self._configs[name] = field(entry, "config", dict, f"The operation {name!r:.80}")
            return
        if is_of_tf(class_name):
            config = field(entry, "config", dict, f"The layer {name!r:.80}")
            found = self._ops[name] = function_of_layer(class_name, config, name)
            self._configs[name] = {}
            reader.told.add("translated", f"{class_name} -> {found.name}, a function", name)
            return
        layer = self._ops[name] = reader.layer(entry, self._where)
        if layer.is_input:
            self._results[name, 0] = [layer.take()]
        if class_name in MODEL_NAMES:
            self._old_models.add(name)
        if class_name in ("Functional", "Model"):
            self._models.add(name)

    def layers_in_order(self, outputs: Any) -> list[Layer]:
        """The layers that the outputs need, as Keras orders them when it draws this config.

        Where dicts lie within dicts, that hangs on what Keras ran on; then it is seen from the order of the entries.
        """

        def names(deep: bool) -> list[str]:
            reads = {call: _calls_in(arguments, deep) for call, arguments in self._calls.items()}
            return in_keras_order(_calls_in(outputs, deep), reads)

        found = names(self._reader.sorts_deep)
        if self._reader.sorts_deep and found != (listed := [name for name in self._ops if name in set(found)]):
            other = names(False)
            if other == listed:
                found, self._reader.sorts_deep = other, False
        return [layer for layer in map(self._ops.get, found) if isinstance(layer, Layer)]

    # -- arguments

    def _arguments(self, node: Any, name: str) -> tuple[Any, Any]:
        where = f"A call of {name!r:.80}"
        if isinstance(node, list):
            self._old = True
            return self._old_arguments(node, name, where)
        if type(node) is not dict:
            raise LoadingError(f"{where} is malformed.", got=f"{node!r}"[:80])
        return (
            [self._value(item, where) for item in field(node, "args", list, where, [])],
            {key: self._value(item, where) for key, item in field(node, "kwargs", dict, where, {}).items()},
        )

    def _old_arguments(self, node: list[Any], name: str, where: str) -> tuple[Any, Any]:
        """``[[layer, call, result, kwargs], ...]``, as Keras 2 writes."""
        found = read_old_node(node, self._ops.keys(), lambda item: self._old_reference(item, where), where)
        args = found.args
        # A function of TensorFlow's takes a list of one as such.
        if isinstance(args, list) and len(args) == 1 and not isinstance(self._ops[name], TfFunction):
            args = args[0]
        return [args], {key: self._old_value(value, where) for key, value in found.kwargs.items()}

    def _old_reference(self, item: list[Any], where: str) -> _Result:
        result = self._reference(item, where)
        # In Keras 2, the first call of a nested model is that of its own making.
        first = 1 if result.call[0] in self._old_models else 0
        return _Result((result.call[0], result.call[1] - first), result.index)

    def _old_value(self, value: Any, where: str) -> Any:
        if isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and value[0] in self._ops:
            return self._old_reference(value[:3], where)
        if isinstance(value, list):
            return [self._old_value(item, where) for item in value]
        if isinstance(value, dict):
            return ... if value.get("class_name") == "__ellipsis__" else self._old_items(value, where)
        return value

    def _old_items(self, value: dict[str, Any], where: str) -> Any:
        if value.get("class_name") == "TensorShape":
            return value.get("items")
        return {key: self._old_value(item, where) for key, item in value.items()}

    def _reference(self, item: Any, where: str) -> _Result:
        if type(item) is not list or [type(part) for part in item] != [str, int, int] or item[0] not in self._ops:
            raise LoadingError(
                f"{where} points to nothing.", got=f"{item!r}"[:80], expected="[layer, number of the call, result]"
            )
        return _Result((item[0], item[1]), item[2])

    def _value(self, value: Any, where: str) -> Any:
        if isinstance(value, list):
            return [self._value(item, where) for item in value]
        if not isinstance(value, dict):
            return value
        if "class_name" not in value:
            return {key: self._value(item, where) for key, item in value.items()}
        kind, config = value["class_name"], field(value, "config", dict, where)
        if kind == "__keras_tensor__":
            return self._reference(config.get("keras_history"), where)
        if kind == "__slice__":
            return slice(*(self._value(config.get(part), where) for part in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return ...
        if kind in ("__numpy__", "__tensor__"):
            return _constant(config, where)
        raise LoadingError(
            f"{where} has an argument that Lamina does not know.", got=f"{kind!r}"[:80], expected="numbers and tensors"
        )

    # -- drawing

    def draw(self, outputs: Any) -> None:
        """Draw the calls as Keras runs them, each as soon as the results that it needs are there.

        Args:
            outputs: see `told`; calls that they do not need come last.
        """
        reads = {call: _calls_in(arguments, self._reader.sorts_deep) for call, arguments in self._calls.items()}
        running = in_order_of_running(_calls_in(outputs, self._reader.sorts_deep), reads)
        ranks = {call: rank for rank, call in enumerate(dict.fromkeys([*running, *self._calls]))}
        needs = {call: set(_calls_in(arguments)) - self._results.keys() for call, arguments in self._calls.items()}
        waiting: dict[Call, list[Call]] = defaultdict(list)
        for call, needed in needs.items():
            for other in needed:
                waiting[other].append(call)
        ready = sorted((ranks[call], call) for call, needed in needs.items() if not needed)
        while ready:
            call = heapq.heappop(ready)[1]
            self._results[call] = self._draw(call)
            for other in waiting[call]:
                needs[other].discard(call)
                if not needs[other]:
                    heapq.heappush(ready, (ranks[other], other))
        stuck = [name for name, _ in self._calls if (name, _) not in self._results]
        if stuck:
            raise LoadingError(
                f"{self._where} has calls that wait for each other, or for what is not there.",
                got=", ".join(map(repr, stuck))[:200],
            )

    def _draw(self, call: Call) -> list[Any]:
        name = call[0]
        args, kwargs = self._filled(self._calls[call])
        thing = self._ops[name]
        try:
            if isinstance(thing, (Operation, TfFunction, GraphOperation)):
                if not any(isinstance(leaf, Symbolic) for leaf in tree.leaves((args, kwargs))):
                    # It would be computed here and now, as large as the file says.
                    raise LoadingError(f"The operation {name!r:.80} is called on no tensor of the model.")
                before = last_number()
                result = _call_operation(thing, self._configs[name], args, kwargs)
                _end_masks(result, before)
            else:
                if self._old:
                    named = kwargs
                    args, kwargs = with_states(thing, args, kwargs)
                    if kwargs is not named:
                        self._reader.told.add("translated", "states behind the sequence -> initial_state", name)
                result = thing(*args, **_wanted(thing, kwargs))
                if not self._old:
                    _end_masks_of_layer(thing, result)
        except (LaminaError, *BAD_CONFIG) as error:
            if isinstance(error, LoadingError):
                raise
            raise LoadingError(
                f"The call of {name!r} cannot be drawn again.", got=f"{type(error).__name__}: {error}"[:500]
            ) from error
        return list(tree.leaves_in_order(result, self._reader.sorts_deep))

    def _filled(self, value: Any) -> Any:
        if isinstance(value, _Result):
            return self.result(value)
        if isinstance(value, (list, tuple)):
            return type(value)(self._filled(item) for item in value)
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        return value

    def result(self, result: _Result) -> Symbolic:
        found = self._results.get(result.call, [])
        if not 0 <= result.index < len(found) or not isinstance(found[result.index], Symbolic):
            raise LoadingError(f"{self._where} points to a result that is not there.", got=f"{result!r}"[:120])
        made: Symbolic = found[result.index]
        return made

    def told(self, value: Any) -> Any:
        """Inputs or outputs in their structure, each leaf a `_Result`; it is told as ``[layer, call, result]``."""
        if isinstance(value, dict):
            return {key: self.told(item) for key, item in value.items()}
        if not isinstance(value, list):
            raise LoadingError(f"{self._where} tells its inputs and outputs oddly.", got=f"{value!r}"[:80])
        if len(value) == 3 and isinstance(value[0], str):
            found = self._reference(value, self._where)
            name, call = found.call
            models = self._old_models if self._old else self._models
            return _Result((name, call - (name in models)), found.index)
        return [self.told(item) for item in value]

    def structure(self, told: Any) -> Any:
        """What `told` gave, with the symbolic tensors that were drawn in the places of results."""
        if isinstance(told, dict):
            return {key: self.structure(item) for key, item in told.items()}
        return self.result(told) if isinstance(told, _Result) else [self.structure(item) for item in told]


def _is_operation(entry: dict[str, Any], class_name: str) -> bool:
    """Where no module is told, as in a ``.h5``, a layer is known by its word on being trained: "Add" is both."""
    if entry.get("module") is not None:
        return str(entry["module"]).startswith(("keras.src.ops.", "keras.ops."))
    config = entry.get("config")
    return class_name in operations() and isinstance(config, dict) and "trainable" not in config


def _operation(class_name: str, name: str) -> Operation:
    found = operations().get(class_name)
    if found is None:
        raise LoadingError(
            f"The operation {name!r} is one that Lamina does not have.",
            got=repr(class_name)[:80],
            expected=", ".join(sorted(operations())),
        )
    return found


def _call_operation(operation: Any, config: dict[str, Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    named = dict(kwargs)
    for key, value in config.items():
        if key == "name" or (key in OPERATION_DEFAULTS and value == OPERATION_DEFAULTS[key]):
            continue
        if key in named:
            raise LoadingError("An operation has an argument twice.", got=repr(key)[:80])
        named[key] = _as_tuple(value)
    return operation.call(args, named)


def _end_masks(result: Any, before: int) -> None:
    """An operation of Keras' passes on no masks, unlike a layer: only what gives its very argument keeps what is on it.

    Args:
        before: nodes with higher numbers were drawn by the operation.
    """
    for leaf in tree.leaves(result):
        if isinstance(leaf, Symbolic) and leaf.node.number > before and not gives_its_argument(leaf.node):
            leaf.node.ends_masks, leaf.node.masks[leaf.index] = True, None


def _end_masks_of_layer(layer: Layer, result: Any) -> None:
    """Keras' attention takes the masks off what it is called on, and so does a model that calls it on its inputs."""
    graph = getattr(layer, "graph", None)
    if takes_masks_off(graph) if isinstance(graph, Graph) else isinstance(layer, MultiHeadAttention):
        node = next(leaf.node for leaf in tree.leaves(result) if isinstance(leaf, Symbolic))
        node.ends_masks = True
        end_masks(node, node.outputs, node.args, node.kwargs)


def _as_tuple(value: Any) -> Any:
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value


def _wanted(layer: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name that say something.

    Keras keeps ``training=False`` where that is no more than the default of the layer's call, and then lets the call
    of the model decide.
    """
    takes = layer._facts.signature.parameters
    kept = {}
    for key, value in kwargs.items():
        if value is None and key not in takes:
            continue
        if key == "query_mask" and isinstance(layer, MultiHeadAttention):
            continue  # Keras' layer reads the mask on its query in its place
        if key == "training" and (value is None or (value is False and takes_false_by_default(takes))):
            continue
        kept[key] = value
    return kept


def takes_false_by_default(parameters: Any) -> bool:
    return "training" not in parameters or parameters["training"].default is False


def _calls_in(value: Any, deep: bool = True) -> list[Call]:
    """The calls whose results stand in arguments or outputs, in Keras' order; see `leaves_in_order`."""
    return [leaf.call for leaf in tree.leaves_in_order(value, deep) if isinstance(leaf, _Result)]


def _constant(config: dict[str, Any], where: str) -> torch.Tensor:
    dtype = dtype_of_name(field(config, "dtype", str, where))
    try:
        return torch.tensor(config.get("value"), dtype=dtype, device="cpu")
    except BAD_CONFIG as error:
        raise LoadingError(f"{where} holds a constant that is none.", got=f"{error}"[:120]) from error
