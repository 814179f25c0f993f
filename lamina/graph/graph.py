"""Graph: the part of what was drawn that leads from some symbolic tensors to others. A model is this, as data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import torch

from lamina.mask_ends import end_masks
from lamina.operations import function_name
from lamina.sizes import tree

from .errors import GraphError, StructureError
from .node import Node, Symbolic, is_input_node, short_name
from .operation import Held, Operation
from .records import from_records, to_records
from .symbolic import SymbolicTensor, record
from .walk import key_of, sorted_nodes, walk


class Graph:
    """A checked, ordered, named graph between declared inputs and outputs. Never changes.

    Args:
        inputs: symbolic tensors in any nesting of list, tuple and dict. They need not be `Input`s: any symbolic
            tensor cuts the graph there.
        outputs: the same. Both structures are kept as declared, in their order.
        part: it is within a larger graph: an input may lead nowhere, and None may stand among the outputs.

    Attributes:
        inputs, outputs: the symbolic tensors, flat, in declared order.
        input_structure, output_structure: as declared.
        nodes: every node, each after those it needs.
        modules: name -> layer or constant, in order of first use; the names are unique and are the keys of
            ``state_dict``.
        input_names, output_names: unique names, flat, in declared order.

    Raises:
        GraphError: an output depends on an undeclared input; a name given twice; a cycle.
        StructureError: something else than symbolic tensors among inputs or outputs.

    >>> from lamina.layers import Input
    >>> x = Input((3,), name="x")
    >>> graph = Graph(x, {"y": x * 2})
    >>> [graph.name_of(node) for node in graph.nodes], graph.output_names
    (['x', 'mul'], ['y'])
    """

    def __init__(self, inputs: Any, outputs: Any, part: bool = False) -> None:
        self.part = part
        self.input_structure = tree.copied(inputs)  # what the caller does to a list or dict later is not ours
        self.output_structure = tree.copied(outputs)
        self.inputs = _symbolic_leaves(inputs, "inputs")
        self.outputs = _symbolic_leaves(outputs, "outputs", none_too=part)
        self._input_keys = {key_of(t): i for i, t in enumerate(self.inputs)}
        _refuse_repeated_inputs(self.inputs)
        if not self.outputs:
            raise StructureError("A model needs at least one output.", got="an empty structure")
        declared = {} if part else dict.fromkeys(t.node for t in self.inputs if is_input_node(t.node))
        cuts = {key for key, t in zip(self._input_keys, self.inputs, strict=True) if t.node not in declared}
        needed = sorted_nodes(self.outputs, cuts)
        self.nodes = [*declared, *(node for node in needed if node not in declared)]
        self._refuse_undeclared_inputs()
        self._names, self.modules = _names_of(self.nodes)
        self.input_names = _unique(_leaf_name(path, t, self._names) for path, t in tree.paths(inputs))
        given = ((path, t) for path, t in tree.paths(outputs) if t is not None)
        self.output_names = _unique(_leaf_name(path, t, self._names) for path, t in given)

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes: {', '.join(self.input_names)} -> {', '.join(self.output_names)}>"

    # -- reading

    def name_of(self, node: Node) -> str:
        """The node's unique name here: the layer's, ``name:1`` for its second call, ``tanh_2`` for functions."""
        return self._names[node]

    def node(self, name: str) -> Node:
        """The node of that name."""
        found = next((node for node, its_name in self._names.items() if its_name == name), None)
        if found is not None:
            return found
        raise GraphError(f"No node is called {name!r}.", expected=", ".join(self._names.values()))

    def input_index(self, tensor: Symbolic) -> int | None:
        """Which declared input this is, or None."""
        return self._input_keys.get(key_of(tensor))

    @cached_property  # a graph never changes
    def layers(self) -> tuple[Any, ...]:
        """Distinct layers in Keras' order: by distance from the outputs, then as a walk from the outputs meets them.

        Keras takes what stands in a dict, and arguments by name, in the order of the keys.

        A layer that is called several times stands where its farthest call stands, and so do the calls before it.
        """
        distance: dict[int, int] = {}
        before: dict[Node, int] = {}
        for node in reversed(self.nodes):
            own = max(before.get(node, 0), distance.get(id(node.op), 0))
            if isinstance(node.op, Operation):
                distance[id(node.op)] = own
            for symbolic in node.inputs:
                before[symbolic.node] = max(before.get(symbolic.node, 0), own + 1)
        cuts = {key for key, t in zip(self._input_keys, self.inputs, strict=True) if t.node not in self._names}
        outputs = (t for t in tree.leaves_in_order(self.output_structure) if t is not None)
        met = walk(outputs, cuts, by_keys=True)[1]
        layers = {id(node.op): node.op for node in reversed(met) if id(node.op) in distance}
        first_met = {id(node.op): i for i, node in reversed(list(enumerate(met)))}
        return tuple(sorted(layers.values(), key=lambda op: (-distance[id(op)], first_met[id(op)])))

    # -- new graphs from this one

    def between(self, inputs: Any, outputs: Any) -> Graph:
        """The part that leads from ``inputs`` to ``outputs``: symbolic tensors, or names of nodes."""

        def find(leaf: Any) -> Any:
            return self.node(leaf).handle(0) if isinstance(leaf, str) else leaf

        return Graph(tree.map_leaves(find, inputs), tree.map_leaves(find, outputs))

    def rebuild(self, apply: Apply | None = None, inputs: Any = None) -> Graph:
        """Draw the graph again, from other inputs or with other operations.

        Args:
            apply: called for each node with the node and its new arguments; returns the result that takes its place.
                By default the same operation is called again.
            inputs: symbolic tensors in the structure of the declared inputs; by default the same inputs.
        """
        apply = apply or call_again
        new_inputs = self.input_structure if inputs is None else inputs
        new: dict[tuple[int, int], Any] = dict(zip(self._input_keys, tree.leaves(new_inputs), strict=True))

        def renewed(leaf: Any) -> Any:
            return new[key_of(leaf)] if isinstance(leaf, Symbolic) else leaf

        for node in sorted(self.nodes, key=lambda node: node.number):  # as it was drawn: `end_masks` goes by that
            if is_input_node(node):
                continue
            args, kwargs = tree.map_leaves(renewed, (node.args, node.kwargs))
            flat = [leaf for leaf in tree.leaves(apply(node, args, kwargs)) if isinstance(leaf, Symbolic)]
            if len(flat) != len(node.specs):
                said = f"What takes the place of {self.name_of(node)!r} returns another number of tensors."
                raise GraphError(said, got=str(len(flat)), expected=str(len(node.specs)))
            for i, tensor in enumerate(flat):
                new.setdefault((id(node), i), tensor)
            if node.ends_masks:
                end_masks(node, flat, args, kwargs)
        return Graph(new_inputs, tree.map_leaves(renewed, self.output_structure), part=self.part)

    def replace(self, name: str, op: Callable[..., Any]) -> Graph:
        """A graph in which ``op`` stands where the node ``name`` stood. All other layers are shared."""
        target = self.node(name)
        return self.rebuild(
            lambda node, args, kwargs: op(*args, **kwargs) if node is target else call_again(node, args, kwargs)
        )

    def insert_after(self, name: str, op: Callable[..., Any]) -> Graph:
        """A graph in which everything that read the node ``name`` reads ``op`` of it instead."""
        target = self.node(name)

        def apply(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            result = call_again(node, args, kwargs)
            return op(result) if node is target else result

        return self.rebuild(apply)

    def same_as(self, other: Graph) -> bool:
        """Whether both graphs wire the same kinds of operations, with the same plain arguments, in the same way."""
        return _wiring(self) == _wiring(other)

    # Copies go through a flat list, so that no recursion follows the depth of the graph.

    def detached(self) -> Graph:
        """The same layers on nodes of its own: what lies before the inputs is not held."""
        return _graph_from_records(self._records(), self.part)

    def _records(self) -> Any:
        return to_records(self.nodes, self.input_structure, self.output_structure)

    def __reduce__(self) -> tuple[Any, ...]:
        return _graph_from_records, (self._records(), self.part)

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        return _graph_from_records(copy.deepcopy(self._records(), memo), self.part)

    # -- checks

    def _refuse_undeclared_inputs(self) -> None:
        for node in self.nodes:
            if is_input_node(node) and all(self.input_index(t) is None for t in node.outputs):
                readers = [n for n in self.nodes if any(s.node is node for s in n.inputs)]
                way = f", read by {readers[0].label}, {readers[0].source}" if readers else ""
                raise GraphError(
                    f"The outputs depend on the input {node.op.name!r}, which is not among the inputs.",  # type: ignore[attr-defined]
                    got="inputs " + ", ".join(f"{t.name!r} from {t.node.source}" for t in self.inputs),
                    expected=f"also {node.op.name!r} from {node.source}{way}",  # type: ignore[attr-defined]
                    hint="add it to the inputs, or start from a tensor after it; it is Model(inputs, outputs)",
                )

    def unused_inputs(self) -> list[SymbolicTensor]:
        """Inputs that lead to no output: a call is given them and leaves them alone."""
        used = {key_of(s) for node in self.nodes for s in node.inputs} | {key_of(t) for t in self.outputs}
        return [tensor for tensor in self.inputs if key_of(tensor) not in used]


Apply = Callable[[Node, tuple[Any, ...], dict[str, Any]], Any]


def call_again(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The node's own operation on other arguments."""
    if isinstance(node.op, torch.nn.Module):
        return node.op(*args, **kwargs)
    return record(node.op, args, kwargs)


def _graph_from_records(records: Any, part: bool) -> Graph:
    return Graph(*from_records(records), part=part)


def _symbolic_leaves(structure: Any, what: str, none_too: bool = False) -> list[SymbolicTensor]:
    for path, leaf in tree.paths(structure):
        if not isinstance(leaf, SymbolicTensor) and not (none_too and leaf is None):
            place = "".join(f"[{step!r}]" for step in path)
            hint = "Input(shape) for inputs; what layers return when called on them for outputs"
            if isinstance(leaf, torch.nn.Module):
                hint = f"call it: {type(leaf).__name__}(...)(x)"
                hint += f"; of a model that was drawn, model.{what[:-1]}" if hasattr(leaf, "graph") else ""
            raise StructureError(
                f"The {what}{place} of a model must be symbolic tensors.",
                got=f"{type(leaf).__name__}: {str(leaf)[:80]}",
                hint=hint,
            )
    return [leaf for leaf in tree.leaves(structure) if leaf is not None]


def _refuse_repeated_inputs(inputs: list[SymbolicTensor]) -> None:
    seen = set()
    for tensor in inputs:
        if key_of(tensor) in seen:
            raise GraphError(f"The input {tensor.name!r} stands twice among the inputs.", got=f"{tensor}")
        seen.add(key_of(tensor))


def _leaf_name(path: tuple[Any, ...], tensor: SymbolicTensor, names: dict[Node, str]) -> str:
    """Where the user named the place (a dict key), that name; else the name of the layer that makes the tensor."""
    if any(isinstance(step, str) for step in path):
        return ".".join(map(str, path))
    node = tensor.node
    while isinstance(node.op, Operation) and node.op.passes_on:
        node = node.args[0].node
    name = names.get(node) or tensor.name
    return name.replace(":", "_")


def _unique(names: Iterable[str]) -> list[str]:
    taken: dict[str, int] = {}
    return [_free(name, taken) for name in names]


def _free(name: str, taken: dict[str, int]) -> str:
    """``name``, or the first of ``name_1``, ``name_2``, ... that is not taken; takes it."""
    free = name
    while free in taken:
        free = f"{name}_{taken[name]}"
        taken[name] += 1
    taken[free] = 1
    return free


def _names_of(nodes: list[Node]) -> tuple[dict[Node, str], dict[str, torch.nn.Module]]:
    """A unique name for every node and every module. Names that people gave come first, whatever the order."""
    owner: dict[int, str] = _given_names(nodes)
    taken = dict.fromkeys(owner.values(), 1)
    calls: dict[str, int] = {}
    names: dict[Node, str] = {}
    modules: dict[str, torch.nn.Module] = {}
    for node in nodes:
        op = node.op
        is_module = isinstance(op, torch.nn.Module)
        name = owner.get(id(op)) if is_module else None
        if name is None:
            name = _free(short_name(op).strip("_"), taken)
            if is_module:
                owner[id(op)] = name
        if isinstance(op, torch.nn.Module) and not is_input_node(node):
            modules.setdefault(name, op)
        calls[name] = calls.get(name, 0) + 1
        names[node] = name if calls[name] == 1 else f"{name}:{calls[name] - 1}"
        for leaf in tree.leaves((node.args, node.kwargs)):
            if isinstance(leaf, Held) and id(leaf) not in owner:
                owner[id(leaf)] = _free(f"{name}_{leaf.role}", taken)
                modules[owner[id(leaf)]] = leaf
    return names, modules


def _given_names(nodes: list[Node]) -> dict[int, str]:
    """id(layer) -> name, for layers that people named themselves."""
    owner: dict[int, str] = {}
    first: dict[str, Node] = {}
    for node in nodes:
        op = node.op
        if id(op) in owner or not isinstance(op, Operation) or op.auto_named:
            continue
        if op.name in first:
            if isinstance(getattr(op, "graph", None), Graph):  # a pretrained model built twice: the second is renamed
                continue
            other = first[op.name]
            raise GraphError(
                f"Two layers are both called {op.name!r}.",
                got=f"{type(other.op).__name__}, {other.source}\n{type(op).__name__}, {node.source}",
                expected="each name once in a model: names are the keys of its weights",
                hint=f'name="{op.name}_2" for one of them, or no name at all',
            )
        first[op.name] = node
        owner[id(op)] = op.name
    return owner


def _wiring(graph: Graph) -> list[Any]:
    place = {id(node): i for i, node in enumerate(graph.nodes)}

    def stand_in(leaf: Any) -> Any:
        if isinstance(leaf, Symbolic):
            index = graph.input_index(leaf)
            return ("input", index) if index is not None else ("node", place[id(leaf.node)], leaf.index)
        return type(leaf).__name__ if isinstance(leaf, torch.nn.Module) else repr(leaf)

    def kind(node: Node) -> str:
        return type(node.op).__name__ if isinstance(node.op, torch.nn.Module) else function_name(node.op)

    rows: list[Any] = [
        (kind(node), tree.map_leaves(stand_in, (node.args, node.kwargs)), node.specs) for node in graph.nodes
    ]
    return [*rows, tree.map_leaves(stand_in, graph.output_structure)]
