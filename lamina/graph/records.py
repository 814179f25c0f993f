"""A graph as a flat list of nodes that name each other by position: what copies, pickles and files are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.sizes import tree
from lamina.sizes.world import ENDS, Shape, World

from .node import Leaf, Node, Symbolic, is_input_node
from .operation import Operation
from .source import Source
from .walk import key_of, sorted_nodes


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for the ``index``-th result of the ``node``-th record."""

    node: int
    index: int


@dataclass(slots=True)
class Placeholder:
    """Stands for the node behind an input that cuts through a larger graph, where that graph is not there."""

    name: str


@dataclass(slots=True)
class Record:
    """One node: the same facts, with `Ref` where the node has `Symbolic`."""

    op: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    specs: list[Any]
    template: Any
    masks: list[Any]
    source: Source
    worlds: tuple[World, World] = ENDS
    fixed: list[Shape] | None = None
    ends_masks: bool = False


def to_records(nodes: list[Node], inputs: Any, outputs: Any) -> tuple[list[Record], Any, Any]:
    """(records, input structure, output structure). Nodes that only make masks come along."""
    known = set(nodes)
    cut = [t for t in tree.leaves(inputs) if t.node not in known or not is_input_node(t.node)]
    masks = [m for node in nodes for m in node.masks if m is not None]
    extra = [n for n in sorted_nodes(masks, {key_of(t) for t in cut}) if n not in known]
    place: dict[tuple[int, int], Ref] = {key_of(t): Ref(i, 0) for i, t in enumerate(cut)}
    for i, node in enumerate([*nodes, *extra], start=len(cut)):
        for k in range(len(node.specs)):
            place.setdefault((id(node), k), Ref(i, k))

    def ref(leaf: Any) -> Any:
        return place[key_of(leaf)] if isinstance(leaf, Symbolic) else leaf

    records = [
        Record(Placeholder(t.name), (), {}, [t.node.specs[t.index].as_source()], Leaf(0), [None], t.node.source)
        for t in cut
    ]
    for node in (*nodes, *extra):
        args, kwargs = tree.map_leaves(ref, (node.args, node.kwargs))
        marks = [ref(m) if m is not None else None for m in node.masks]
        facts = (node.specs, node.template, marks, node.source, node.worlds, node.fixed, node.ends_masks)
        records.append(Record(node.op, args, kwargs, *facts))
    return records, tree.map_leaves(ref, inputs), tree.map_leaves(ref, outputs)


def from_records(stored: tuple[list[Record], Any, Any]) -> tuple[Any, Any]:
    """(input structure, output structure) of fresh nodes made from ``stored``; layers are told of their nodes."""
    records, inputs, outputs = stored
    nodes: list[Node] = [None] * len(records)  # type: ignore[list-item]

    def real(leaf: Any) -> Any:
        return nodes[leaf.node].handle(leaf.index) if isinstance(leaf, Ref) else leaf

    made: list[Any] = []  # keeps handles alive until the structures hold them
    for i in _making_order(records):
        r = records[i]
        args, kwargs = tree.map_leaves(real, (r.args, r.kwargs))
        nodes[i] = Node(r.op, args, kwargs, r.source)
        nodes[i].give(list(r.specs), r.template, r.worlds)
        nodes[i].fixed, nodes[i].ends_masks = r.fixed, r.ends_masks
        made.extend(nodes[i].outputs)
        if isinstance(r.op, Operation):
            r.op._note_node(nodes[i])
    for node, r in zip(nodes, records, strict=True):
        node.masks = [real(m) if m is not None else None for m in r.masks]
    return tree.map_leaves(real, inputs), tree.map_leaves(real, outputs)


def _making_order(records: list[Record]) -> list[int]:
    """Positions, each after those it refers to; in the list itself, nodes that only make masks stand last."""
    needs = [{leaf.node for leaf in tree.leaves((r.args, r.kwargs)) if isinstance(leaf, Ref)} for r in records]
    done: set[int] = set()
    order: list[int] = []
    stack = list(reversed(range(len(records))))
    while stack:
        i = stack[-1]
        missing = [j for j in needs[i] if j not in done] if i not in done else []
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if i not in done:
            done.add(i)
            order.append(i)
    return order
