"""A graph as JSON types, and the graph drawn again from them, by calling the same layers and functions."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import (
    Constant,
    GraphError,
    LaminaError,
    Node,
    Source,
    Symbolic,
    SymbolicTensor,
    TensorSpec,
    record,
    tree,
)
from lamina.graph.graph import Graph
from lamina.graph.node import is_input_node
from lamina.graph.walk import key_of
from lamina.mask_ends import end_masks
from lamina.ops.body import Closure, placeholder
from lamina.sizes.world import example_shapes, merged_shape

from .config_reader import ConfigReader
from .config_writer import ConfigWriter
from .errors import BAD_CONFIG, LoadingError, SavingError
from .fields import field, items, position, refuse_unknown
from .functions import function_of_name, name_of_function
from .limits import refuse_excess, refuse_excess_of
from .values import decode, dtype_of_name, encode, name_of_dtype, no_word

# More than any model has, fewer than it takes to keep a machine busy.
_MAX_NODES = 100_000
_MAX_NAME = 1_000

_GRAPH_KEYS = ("name", "trainable", "layers", "constants", "bodies", "nodes", "inputs", "outputs", "adapters", "tied")
OF_A_GRAPH = (*_GRAPH_KEYS, "given")
"""What the config of a model that is a graph says; the rest is for its class."""
_NODE_KEYS = ("name", "layer", "function", "input", "args", "kwargs", "masks", "ends_masks", "source")


def graph_to_config(graph: Graph, writer: ConfigWriter) -> dict[str, Any]:
    """The graph as JSON types: ``layers`` and ``constants``, each once; ``nodes``, each after those it needs; and
    ``inputs`` and ``outputs`` in their structure. ``{"$node": [i, k]}`` is the k-th result of the i-th node.

    Raises:
        SavingError: a node calls a function, or has an argument, that a file has no word for; names the node.
    """
    return _GraphWriter(graph, writer).write()


def graph_from_config(config: dict[str, Any], reader: ConfigReader) -> tuple[Any, Any]:
    """The symbolic inputs and outputs of a graph drawn anew.

    Raises:
        LoadingError: the config is malformed, or a layer or function refuses what it is called with.
    """
    return _GraphReader(config, reader).read()


class _GraphWriter:
    def __init__(self, graph: Graph, writer: ConfigWriter) -> None:
        self.graph = graph
        self.writer = writer
        self.layers: list[Any] = []
        self.constants: list[Any] = []
        self.bodies: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._places: dict[tuple[int, int], list[int]] = {}

    def write(self) -> dict[str, Any]:
        cut = [t for t in self.graph.inputs if not is_input_node(t.node)]
        for i, tensor in enumerate(cut):
            self._places[key_of(tensor)] = [i, 0]
        calls = sorted(self.graph.nodes, key=lambda node: node.number)  # as drawn, which `end_masks` goes by
        for i, node in enumerate(calls, start=len(cut)):
            for k in range(len(node.specs)):
                self._places.setdefault((id(node), k), [i, k])
        nodes = [self._cut_input(tensor) for tensor in cut] + [self._node(node) for node in calls]
        inputs = self._structure(self.graph.input_structure, "inputs")
        outputs = self._structure(self.graph.output_structure, "outputs")
        bodies = {"bodies": self.bodies} if self.bodies else {}
        return {
            "layers": self.layers, "constants": self.constants, **bodies, "nodes": nodes,
            "inputs": inputs, "outputs": outputs,
        }  # fmt: skip

    def _cut_input(self, tensor: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {"shape": list(tensor.shape), "dtype": name_of_dtype(tensor.dtype)}
        examples = tuple(tensor.example(k).shape for k in (0, 1))
        if examples != example_shapes(tensor.shape):
            facts["examples"] = [list(example) for example in examples]
        return {"name": tensor.name, "input": facts, "source": _source(tensor.node)}

    def _node(self, node: Node) -> dict[str, Any]:
        name = self.graph.name_of(node)
        entry: dict[str, Any] = {"name": name}
        try:
            if isinstance(node.op, torch.nn.Module):
                entry["layer"] = self._index(node.op, self.layers, self.writer.layer)
            else:
                entry["function"] = _function_name(node.op, name)
            entry |= self._arguments(node, name)
        except LaminaError as error:
            error.where = error.where or str(node.source)
            raise
        masks = [self._places.get(key_of(m)) if m is not None else None for m in node.masks]
        if any(masks) or node.ends_masks:
            entry["masks"] = masks
        if node.ends_masks and "layer" in entry:
            entry["ends_masks"] = True
        return {**entry, "source": _source(node)}

    def _arguments(self, node: Node, name: str) -> dict[str, Any]:
        try:
            return {"args": encode(list(node.args), self._leaf), "kwargs": encode(node.kwargs, self._leaf)}
        except SavingError as error:
            error.headline = f"The node {name!r} cannot be saved: a file has no word for an argument of {node.label}."
            error.hint = "a subclass of Layer whose call() uses the value, with get_config()"
            raise

    def _structure(self, structure: Any, what: str) -> Any:
        try:
            return encode(structure, self._leaf)
        except SavingError as error:
            error.headline = f"The {what} of the model have a structure that a file has no word for."
            error.hint = "lists, tuples and dicts of symbolic tensors"
            raise

    def _index(self, thing: Any, entries: list[Any], write: Callable[[Any], Any]) -> int:
        if id(thing) not in self._numbers:
            entry = write(thing)
            self._numbers[id(thing)] = len(entries)
            entries.append(entry)
        return self._numbers[id(thing)]

    def _leaf(self, leaf: Any) -> Any:
        if isinstance(leaf, Symbolic):
            return {"$node": self._places[key_of(leaf)]}
        if isinstance(leaf, Constant):
            return {"$constant": self._index(leaf, self.constants, self.writer.constant)}
        if isinstance(leaf, Closure):
            number = self._index(leaf.body, self.bodies, lambda body: self.writer.body(body, graph_to_config))
            return {"$closure": [number, encode(list(leaf.captures), self._leaf)]}
        return no_word(leaf)


def _function_name(function: Any, node_name: str) -> str:
    name = name_of_function(function)
    if name is None:
        raise SavingError(
            f"The node {node_name!r} cannot be saved: it calls a function that a file has no word for.",
            got=repr(function),
            expected="a public function of PyTorch, a method of torch.Tensor, or a Python operator",
            hint="a subclass of Layer whose call() calls it, with get_config()",
        )
    return name


def _source(node: Node) -> list[Any]:
    # The file's name without its folder: where the author's disk keeps it is nobody's business.
    return [os.path.basename(node.source.file), node.source.line]


class _GraphReader:
    def __init__(self, config: dict[str, Any], reader: ConfigReader) -> None:
        where = "The config of a graph"
        refuse_unknown(config, _GRAPH_KEYS, where)
        self.config = config
        self.entries = items(field(config, "nodes", list, where), dict, where)
        if len(self.entries) > _MAX_NODES:
            raise LoadingError(f"{where} has too many nodes.", got=str(len(self.entries)), expected=f"<= {_MAX_NODES}")
        self.layers = [reader.layer(entry) for entry in field(config, "layers", list, where)]
        self.constants = [reader.constant(entry) for entry in field(config, "constants", list, where)]
        self.bodies = [reader.body(entry, graph_from_config) for entry in field(config, "bodies", list, where, [])]
        self.nodes: list[Node] = []
        self._tags = {"$node": self._result, "$constant": self._constant, "$closure": self._closure}

    def read(self) -> tuple[Any, Any]:
        with warnings.catch_warnings():
            # Said when the user drew the graph, and the masks that were used are edges of it.
            warnings.filterwarnings("ignore", message=".*drops the mask of its input")
            for i, entry in enumerate(self.entries):
                self.nodes.append(self._draw(entry, f"Node {i}"))
        for node, entry in zip(self.nodes, self.entries, strict=True):
            self._restore_masks(node, field(entry, "masks", list, "A node", []))
        for body in self.bodies:
            body.fixed = False
        return tuple(decode(self.config.get(key), self._tags) for key in ("inputs", "outputs"))

    def _result(self, content: Any) -> Symbolic:
        if type(content) is not list or len(content) != 2:
            raise LoadingError(
                "A reference to a node is malformed.", got=f"{content!r}"[:80], expected="[node, result]"
            )
        node = self.nodes[position(content[0], len(self.nodes), "A reference to a node")]
        return node.handle(position(content[1], len(node.specs), "A reference to a node's result"))

    def _constant(self, content: Any) -> Constant:
        return self.constants[position(content, len(self.constants), "A reference to a constant")]

    def _closure(self, content: Any) -> Closure:
        where = "A reference to a function in a graph"
        if type(content) is not list or len(content) != 2 or type(content[1]) is not list:
            raise LoadingError(f"{where} is malformed.", got=f"{content!r}"[:80], expected="[function, captures]")
        body = self.bodies[position(content[0], len(self.bodies), where)]
        captures = tuple(decode(item, self._tags) for item in content[1])
        if not all(isinstance(leaf, SymbolicTensor) for leaf in captures):
            raise LoadingError(f"{where} holds something else than tensors.", got=f"{content!r}"[:80])
        return Closure(body, captures)

    def _draw(self, entry: dict[str, Any], where: str) -> Node:
        refuse_unknown(entry, _NODE_KEYS, where)
        name = field(entry, "name", str, where)
        if len(name) > _MAX_NAME:
            raise LoadingError(f"{where} has a name of {len(name)} letters.", expected=f"at most {_MAX_NAME}")
        where = f"{where}, {name!r},"
        kinds = [key for key in ("layer", "function", "input") if key in entry]
        if len(kinds) != 1:
            raise LoadingError(
                f"{where} must be one of layer, function and input.", got=", ".join(kinds) or "none of them"
            )
        if kinds == ["input"]:
            node = _cut_node(entry, where)
        else:
            args = decode(field(entry, "args", list, where), self._tags)
            kwargs = decode(field(entry, "kwargs", dict, where), self._tags)
            node = self._call(entry, args, kwargs, where)
        if "layer" in entry and field(entry, "ends_masks", bool, where, False):
            node.ends_masks = True
            end_masks(node, node.outputs, node.args, node.kwargs)
        if "function" in entry and not any(field(entry, "masks", list, where, [True])):
            node.ends_masks, node.masks = True, [None] * len(node.specs)  # before anything is called on it
        file, line = field(entry, "source", list, where, ["<unknown>", 0])
        node.source = Source(str(file), line if type(line) is int else 0)
        return node

    def _call(self, entry: dict[str, Any], args: list[Any], kwargs: dict[str, Any], where: str) -> Node:
        try:
            if "layer" in entry:
                layer = self.layers[position(entry["layer"], len(self.layers), where)]
                if layer.is_input:
                    made: Node = layer.take().node
                    return made
                if not any(isinstance(leaf, Symbolic) for leaf in tree.leaves((args, kwargs))):
                    raise GraphError("A layer in a graph is called on results of the graph.")  # else it would compute
                # As the user called it, with tensors: their shapes may say how the layer is built.
                args, kwargs = tree.map_leaves(lambda v: v.value if isinstance(v, Constant) else v, (args, kwargs))
                result = layer(*args, **kwargs)
            else:
                if not any(isinstance(leaf, (Symbolic, Constant)) for leaf in tree.leaves((args, kwargs))):
                    raise GraphError("A function in a graph is called on results of the graph.")
                name = field(entry, "function", str, where)
                function = function_of_name(name)
                refuse_excess(name, args, kwargs)
                result = record(function, tuple(args), kwargs)
                refuse_excess_of(result)
        except LoadingError:
            raise
        except BAD_CONFIG as error:
            raise LoadingError(f"{where} cannot be drawn again.", got=f"{type(error).__name__}: {error}") from error
        found = next((leaf for leaf in tree.leaves(result) if isinstance(leaf, Symbolic)), None)
        if found is None:
            raise LoadingError(f"{where} gives no tensor.", got=f"{type(result).__name__}")
        return found.node

    def _restore_masks(self, node: Node, masks: list[Any]) -> None:
        """The layers have drawn their masks anew; those that the graph uses are the same edges again."""
        for k, mask in enumerate(masks[: len(node.masks)]):
            if mask is not None:
                node.masks[k] = self._result(mask)
                if not isinstance(node.masks[k], SymbolicTensor):
                    raise LoadingError("A mask in a graph is no tensor.", got=f"{mask!r}"[:80])


def _cut_node(entry: dict[str, Any], where: str) -> Node:
    facts = field(entry, "input", dict, where)
    shape = field(facts, "shape", list, where)
    items([size for size in shape if size is not None], int, where)
    examples = example_shapes(tuple(shape))
    if "examples" in facts:
        given = items(field(facts, "examples", list, where), list, where)
        sizes = [tuple(items(example, int, where)) for example in given]
        if [len(example) for example in sizes] != [len(shape)] * 2 or min((0, *sizes[0], *sizes[1])) < 0:
            raise LoadingError(f"{where} has examples that do not belong to its shape.", got=f"{facts!r}"[:120])
        examples = sizes[0], sizes[1]
        if merged_shape(examples) != tuple(shape):
            raise LoadingError(f"{where} has examples that do not belong to its shape.", got=f"{facts!r}"[:120])
    spec = TensorSpec(examples, dtype_of_name(field(facts, "dtype", str, where)))
    return placeholder(field(entry, "name", str, where), spec, Source("<unknown>", 0)).node
