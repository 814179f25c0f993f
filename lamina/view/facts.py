"""Facts: a model as plain rows, one per call in its graph. Summary and picture read these, so they always agree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from lamina.graph import Constant, Graph, Node, Symbolic, SymbolicTensor, tree
from lamina.graph.dtypes import name_of
from lamina.graph.node import is_input_node
from lamina.graph.walk import Key, key_of
from lamina.layers.inferred import map_shapes
from lamina.layers.last_call import built_shapes, last_batch, part_shapes
from lamina.layers.merging.elementwise import Subtract
from lamina.ops.body import Body, Closure

from .calls import origins, said_of
from .families import family_of
from .hints import config_of, hint_of

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A result of a row; ``shape`` is None for a number that only run time tells."""

    shape: Shape | None
    dtype: str


@dataclass(frozen=True, slots=True)
class Wire:
    """What a row reads: result ``output`` of row ``row``; ``mask``: it is the mask of something; ``letter``: what the
    row's kind or hint calls it, where one must know which of several it is."""

    row: int
    output: int
    mask: bool = False
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Tap:
    """A declared input or output of the model: result ``output`` of row ``row``, and its name."""

    name: str
    row: int
    output: int


@dataclass(frozen=True, slots=True)
class Row:
    """One call of a layer, a nested model or a function.

    Attributes:
        name: unique in the model: ``encoder:1`` is the second call of ``encoder``.
        layer_name: what is called: the same for all calls of one layer.
        kind: the class, or the function as its user wrote it: ``Conv2D``, ``torch.relu``, ``2 − x``.
        family: what sort of thing it is, see `families.FAMILIES`.
        hint: its main settings in a few words: ``64, 3×3, /2``.
        activation: the name of its activation, where it has one.
        inputs, outputs: what it reads, each once, and gives; ``outputs`` is None where nothing is known of them.
        feeds: for a nested model, what each of its inputs is given, in its order; None for what is no result of a row.
        weights: all weights under it.
        call, calls: which call of its layer this is, from 1, and of how many.
        trainable: whether its weights train; None for what has none.
        built: whether its weights exist yet.
        config: its main arguments.
        source: the user's line, ``train.py:41``.
        inner: the nested model itself.
        op: what is called: the layer; for a function, the node.
        auxiliary: it only computes masks that layers hand on by themselves.
        times: how many rows like it, one behind the other, it stands for.
        block: the rows that come so often, where that is more than one.
    """

    name: str
    layer_name: str
    kind: str
    family: str
    hint: str
    inputs: tuple[Wire, ...]
    outputs: tuple[Tensor, ...] | None
    weights: tuple[torch.Tensor, ...] = ()
    activation: str | None = None
    call: int = 1
    calls: int = 1
    trainable: bool | None = None
    built: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    source: str | None = None
    feeds: tuple[Wire | None, ...] = ()
    inner: Any = None
    op: Any = None
    auxiliary: bool = False
    times: int = 1
    block: Facts | None = None

    @property
    def params(self) -> int:
        return count(self.weights)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be known of a model: its rows in the order in which they run, and its ends.

    ``wired`` is False for a subclassed model: it has no graph, the rows are its children and read nothing. Facts of a
    part of a model read ``entries`` tensors from outside, the first as row -1, the second as row -2, and lines lead out
    of them at ``exits``. ``times``: how many such models, one behind the other, these stand for.
    """

    name: str
    kind: str
    rows: list[Row]
    inputs: list[Tap]
    outputs: list[Tap]
    weights: tuple[torch.Tensor, ...]
    wired: bool
    entries: int = 0
    exits: list[Tap] = field(default_factory=list)
    times: int = 1

    @property
    def is_chain(self) -> bool:
        """Whether every row reads just what the row before gives."""
        return not self.wired or all(
            tuple(wire.row for wire in row.inputs) == ((i - 1,) if i else ()) for i, row in enumerate(self.rows)
        )


def describe(model: torch.nn.Module) -> Facts:
    """The facts of a model: of its graph, or of its children where it has none."""
    graph = getattr(model, "graph", None)
    name = getattr(model, "name", None) or type(model).__name__.lower()
    weights = tuple(weights_of(model))
    if graph is None:
        kind = getattr(model, "kind", None) or type(model).__name__
        return Facts(name, kind, _child_rows(model), [], [], weights, wired=False)
    reader = _Reader(graph)
    inputs = [reader.tap(n, t) for n, t in zip(graph.input_names, graph.inputs, strict=True)]
    outputs = [reader.tap(n, t) for n, t in zip(graph.output_names, graph.outputs, strict=True)]
    return Facts(name, type(model).__name__, reader.rows, inputs, outputs, weights, wired=True)


def weights_of(module: Any) -> list[torch.Tensor]:
    """All weights under a module, each once: Keras' list of them for a layer, parameters for any other module."""
    weights = module.weights if hasattr(module, "weights") and hasattr(module, "trainable_weights") else None
    if isinstance(module, Body):
        weights = [weight for part in module.children() for weight in weights_of(part)]
    found = list(module.parameters()) if not isinstance(weights, list) else weights
    return list({id(w): w for w in found}.values())


def count(weights: Iterable[torch.Tensor]) -> int:
    """Number of values in all of them."""
    return sum(w.numel() for w in weights)


class _Reader:
    """Turns a graph into rows."""

    def __init__(self, graph: Graph) -> None:
        self.rows: list[Row] = []
        self._at: dict[Key, tuple[int, int]] = {}
        self._calls: dict[int, int] = {}
        self._count: dict[int, int] = {}
        for node in graph.nodes:
            self._count[id(node.op)] = self._count.get(id(node.op), 0) + 1
        self._masks = {key_of(m) for node in graph.nodes for m in node.masks if m is not None}
        self._auxiliary = _auxiliary(graph)
        self._made = origins(graph.nodes)
        for name, tensor in zip(graph.input_names, graph.inputs, strict=True):
            if not is_input_node(tensor.node):
                self._add_cut(name, tensor)
        for node in graph.nodes:
            self._add(graph.name_of(node), node)

    def tap(self, name: str, tensor: Symbolic) -> Tap:
        return Tap(name, *self._at[key_of(tensor)])

    def _add_cut(self, name: str, tensor: SymbolicTensor) -> None:
        """A declared input that is some inner tensor of a larger graph."""
        self._at[key_of(tensor)] = (len(self.rows), 0)
        made_by = f"given instead of {tensor.name}" if tensor.name != name else ""
        row = Row(name, name, "Input", "input", made_by, (), (_tensor(tensor),), source=str(tensor.node.source))
        self.rows.append(row)

    def _add(self, name: str, node: Node) -> None:
        op: Any = node.op
        first = len(self.rows)
        bodies = [] if isinstance(op, torch.nn.Module) else self._add_bodies(name, node)
        for i, symbolic in enumerate(node.outputs):
            self._at.setdefault(key_of(symbolic), (len(self.rows), i))
        read = [self._wire(s) for s in (_read_outside(node) if bodies else node.inputs)]
        through = {wire for row in self.rows[first:] for wire in row.feeds}  # into a body, and out of it into the node
        inputs = (*(wire for wire in read if wire not in through), *bodies)
        outputs = tuple(_tensor(s) for s in node.outputs)
        if not isinstance(op, torch.nn.Module):
            said = said_of(node, self._made)
            letters = {self._wire(s): said.letters.get(key_of(s), "") for s in node.inputs}
            inputs = tuple(replace(wire, letter=letters.get(wire, "")) for wire in inputs)
            own = {"source": str(node.source), "op": node, "auxiliary": node in self._auxiliary}
            row = Row(name, name, said.kind, "function", said.hint, inputs, outputs, **own)  # type: ignore[arg-type]
            self.rows.append(row)
            return
        self._calls[id(op)] = self._calls.get(id(op), 0) + 1
        call, calls = self._calls[id(op)], self._count[id(op)]
        layer_name = name.rpartition(":")[0] if call > 1 else name
        feeds = tuple(self._wire(s) for s in _fed(op, node)) if getattr(op, "graph", None) is not None else ()
        facts = {"call": call, "calls": calls, "source": str(node.source), "feeds": feeds}
        row = _module_row(op, name, layer_name, inputs, outputs, **facts)
        if isinstance(op, Subtract) and len(inputs) == 2:
            row = replace(row, hint="a − b", inputs=tuple(map(_lettered, inputs, "ab")))
        self.rows.append(row)

    def _add_bodies(self, name: str, node: Node) -> list[Wire]:
        """A row for each branch or repeated part, which reads what it is given; the wires from them to the node."""
        wires = []
        given = [leaf for leaf in tree.leaves(_outside(node)) if isinstance(leaf, (Symbolic, Constant))]
        for closure in _closures(node):
            body = closure.body
            own = [None] * body.own + [self._wire(s) if isinstance(s, Symbolic) else None for s in given]
            feeds = (*own[len(own) - body.own :], *(self._wire(s) for s in closure.captures))
            read = tuple(dict.fromkeys(wire for wire in feeds if wire is not None))
            outputs = tuple(_tensor(s) for s in body.graph.outputs)
            wires += [Wire(len(self.rows), k) for k in range(len(outputs))]
            title = f"{name}_{body.role}"
            row = _module_row(body, title, title, read, outputs, feeds=feeds, source=str(node.source))
            self.rows.append(row)
        return wires

    def _wire(self, symbolic: Symbolic) -> Wire:
        return Wire(*self._at[key_of(symbolic)], key_of(symbolic) in self._masks)


def _lettered(wire: Wire, letter: str) -> Wire:
    return replace(wire, letter=letter)


def _auxiliary(graph: Graph) -> set[Node]:
    """The functions that only compute masks which a layer's ``compute_mask`` gave, so that nobody wrote them down."""
    made: dict[Key, bool] = {}
    for node in graph.nodes:
        given = {key_of(symbolic) for symbolic in node.inputs}
        for mask in node.masks:
            if mask is not None:
                made.setdefault(key_of(mask), key_of(mask) not in given)
    read = {key_of(tensor) for tensor in graph.outputs}  # as what it is, not as a mask
    found: set[Node] = set()
    for node in reversed(graph.nodes):
        is_layer = isinstance(node.op, torch.nn.Module)
        if not is_layer and not any((id(node), k) in read for k in range(len(node.specs))):
            found.add(node)
            continue
        read |= {key for key in map(key_of, node.inputs) if not (is_layer and made.get(key))}
    return found


def _closures_in(value: Any) -> list[Closure]:
    """The branches or repeated parts that an argument of a call is, or holds."""
    return [item for item in (value if type(value) is list else [value]) if isinstance(item, Closure)]


def _arguments(node: Node) -> tuple[Any, ...]:
    return (*node.args, *node.kwargs.values())


def _closures(node: Node) -> list[Closure]:
    return [closure for value in _arguments(node) for closure in _closures_in(value)]


def _outside(node: Node) -> list[Any]:
    """The arguments of a call that are no branches or repeated parts."""
    return [value for value in _arguments(node) if not _closures_in(value)]


def _read_outside(node: Node) -> list[Symbolic]:
    read = [leaf for leaf in tree.leaves(_outside(node)) if isinstance(leaf, Symbolic)]
    return list({key_of(symbolic): symbolic for symbolic in read}.values())


def _fed(model: Any, node: Node) -> list[Symbolic]:
    """What a nested model is called on, in the order of its own inputs: a dict is read by name."""
    given = node.args[0] if node.args else node.kwargs
    declared = model.graph.input_structure
    if isinstance(given, Mapping):
        keys = list(declared) if isinstance(declared, Mapping) else model.graph.input_names
        given = [given.get(key) for key in keys]
    return [leaf for leaf in tree.leaves(given) if isinstance(leaf, Symbolic)]


def _module_row(
    op: Any, name: str, layer_name: str, inputs: tuple[Wire, ...], outputs: tuple[Tensor, ...] | None, **facts: Any
) -> Row:
    config = config_of(op)
    weights = tuple(weights_of(op))
    wrapped = getattr(op, "module", None)
    activation = config.get("activation")
    return Row(
        name=name,
        layer_name=layer_name,
        kind=getattr(op, "kind", None) or type(wrapped if isinstance(wrapped, torch.nn.Module) else op).__name__,
        family=family_of(op),
        hint=hint_of(op, config),
        inputs=inputs,
        outputs=outputs,
        weights=weights,
        activation=activation if isinstance(activation, str) and activation != "linear" else None,
        trainable=any(w.requires_grad for w in weights) if weights else None,
        built=bool(getattr(op, "built", True)),
        config=config,
        inner=op if getattr(op, "graph", None) is not None or _wraps_several(op) else None,
        op=op,
        **facts,
    )


def _wraps_several(op: Any) -> bool:
    """Whether it stands for a module of PyTorch's that has parts."""
    wrapped = getattr(op, "module", None)
    return isinstance(wrapped, torch.nn.Module) and next(wrapped.children(), None) is not None


def _part_rows(wrapped: torch.nn.Module, shapes: Mapping[str, list[Shape]]) -> list[Row]:
    """A row for each module under this one that has weights of its own or no parts."""
    rows = []
    for path, part in wrapped.named_modules():
        if path and (next(part.children(), None) is None or next(part.parameters(recurse=False), None) is not None):
            outputs = tuple(Tensor(shape, "float32") for shape in shapes[path]) if path in shapes else None
            rows.append(_module_row(part, path, path, (), outputs))
    return rows


def _child_rows(model: torch.nn.Module) -> list[Row]:
    """A row for each child of a module without a graph, in the order in which they were assigned."""
    if _wraps_several(model) and [name for name, _ in model.named_children()] == ["module"]:
        return _part_rows(model.module, getattr(model, "inner_shapes", {}))  # type: ignore[arg-type]
    rows: list[Row] = []
    found, taken, batch = part_shapes(model), set[str](), last_batch(model)
    for attribute, child in _children(model):
        name = getattr(child, "name", None)
        name = _distinct(name if isinstance(name, str) else attribute, taken)
        drawn = getattr(child, "graph", None) is not None
        outputs = tuple(_tensor(t) for t in child.graph.outputs) if drawn else None
        shapes = found.get(id(child)) or _of_build(child)
        if shapes:
            dtype = name_of(getattr(child, "_torch_dtype", torch.float32))
            outputs = tuple(Tensor(_any_batch(shape, batch), dtype) for shape in shapes)
        rows.append(_module_row(child, name, name, (), outputs))
    return rows


def _any_batch(shape: Shape, batch: int | None) -> Shape:
    """The shape for any batch, as `repr` says it, where it begins with that of the last call."""
    return (None, *shape[1:]) if batch is not None and shape[:1] == (batch,) else shape


def _of_build(child: torch.nn.Module) -> list[Shape]:
    """What a layer makes of the shape that it was built for, where its call cannot be tried."""
    known = built_shapes(child, batch=False)
    found: list[Shape] = []
    if known is not None:
        map_shapes(found.append, known[1])
    return found


def _distinct(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken: layers of a model without a graph may be called alike."""
    number, free = 1, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _children(model: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    seen = set()
    for attribute, child in model.named_children():
        if id(child) not in seen:
            seen.add(id(child))
            yield attribute, child


def _tensor(symbolic: Symbolic) -> Tensor:
    if isinstance(symbolic, SymbolicTensor):
        return Tensor(tuple(symbolic.shape), name_of(symbolic.dtype))
    return Tensor(None, "int")
