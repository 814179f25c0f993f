"""Walking a graph back from its outputs, by a stack: depth costs no recursion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lamina.sizes import tree

from .errors import GraphError
from .node import Node, Symbolic

Key = tuple[int, int]


def key_of(symbolic: Symbolic) -> Key:
    """What a symbolic is the handle of: a node and which of its results."""
    return id(symbolic.node), symbolic.index


def sorted_nodes(outputs: Iterable[Symbolic], stop: set[Key]) -> list[Node]:
    """The nodes that ``outputs`` need, each after those that it needs itself, not going beyond ``stop``."""
    return walk(outputs, stop)[0]


def walk(outputs: Iterable[Symbolic], stop: set[Key], by_keys: bool = False) -> tuple[list[Node], list[Node]]:
    """The nodes that ``outputs`` need, not going beyond ``stop``, in two orders.

    ``by_keys``: take what a call has by name or in dicts in the order of the keys, not as it was written.

    Returns:
        Each node after those that it needs itself; and in the order in which a walk from the outputs first meets them.

    Raises:
        GraphError: a node needs its own result.
    """
    done: dict[Node, bool] = {}  # False while a node's inputs are being walked
    order: list[Node] = []
    stack = [s.node for s in reversed(list(outputs)) if key_of(s) not in stop]
    while stack:
        node = stack[-1]
        if done.get(node):
            stack.pop()
            continue
        if node in done:  # all its inputs are in place
            done[node] = True
            order.append(stack.pop())
            continue
        done[node] = False
        for symbolic in reversed(_by_keys(node) if by_keys else node.inputs):
            if key_of(symbolic) in stop or done.get(symbolic.node):
                continue
            if symbolic.node in done:
                raise GraphError(
                    "The graph has a cycle: a node needs its own result.",
                    got=f"{symbolic.node.label}, {symbolic.node.source}\n{node.label}, {node.source}",
                    hint="an iteration inside one Layer's call(), or the layer called again on its own output",
                )
            stack.append(symbolic.node)
    return order, list(done)


def reached(outputs: Iterable[Symbolic], candidates: Iterable[Symbolic]) -> set[Key]:
    """The keys of those candidates that the outputs depend on."""
    outputs = list(outputs)
    stop = {key_of(s) for s in candidates}
    found = {key_of(s) for s in outputs}
    for node in sorted_nodes(outputs, stop):
        found.update(key_of(s) for s in node.inputs)
    return found & stop


def _by_keys(node: Node) -> Sequence[Symbolic]:
    if len(node.inputs) < 2:
        return node.inputs
    return [leaf for leaf in tree.leaves_in_order((node.args, node.kwargs)) if isinstance(leaf, Symbolic)]
