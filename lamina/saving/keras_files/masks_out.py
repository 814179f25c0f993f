"""Where Keras would lose a mask that the graph has, once the graph is Keras' own.

In a graph of Lamina, a mask goes on through functions that keep positions; Keras' operations drop it. What a layer was
given as ``mask`` is written as an argument, which Keras honours too. What remains is told of here.
"""

from __future__ import annotations

from typing import Any

from lamina.graph import Graph, Node, Symbolic, tree
from lamina.graph.source import warn
from lamina.graph.walk import key_of
from lamina.layers import Layer, Maximum, Minimum, MultiHeadAttention, Multiply
from lamina.operations import OPERATIONS
from lamina.saving.errors import SavingError

_ALL = 'model.save("model.lamina") keeps all as it is'

_READ_FROM_TENSORS = (Maximum, Minimum, Multiply)
"""Keras' layers of these kinds take no ``mask``: they look for it on the tensors."""


def arguments_for_keras(node: Node) -> dict[str, Any]:
    """The arguments by name of a layer's call, without a mask that Keras' layer finds on its inputs by itself.

    Raises:
        SavingError: it is another mask, and Keras' layer takes none.
    """
    given = node.kwargs.get("mask")
    if given is None or not isinstance(node.op, _READ_FROM_TENSORS):
        return node.kwargs
    found = [getattr(leaf, "mask", None) for leaf in tree.leaves(_first(node))]
    if any(mine is not theirs for mine, theirs in zip(tree.leaves(given), found, strict=True)):
        raise SavingError(
            f"{node.op.label} cannot be written for Keras: it was called with a mask of its own.",
            expected="the masks that its inputs have",
            hint='model.save("model.lamina"), which holds everything',
        )
    return {key: value for key, value in node.kwargs.items() if key != "mask"}


def tell_lost_masks(graph: Graph) -> None:
    """Warn of outputs that have a mask here, and in Keras none: what a model predicts is the same.

    Raises:
        SavingError: a layer's numbers would change, as Keras' layer looks for a mask that is not there.
    """
    lost = _lost_in(graph)
    for tensor in graph.outputs:
        if key_of(tensor) in lost:
            warn(
                f"The output of {tensor.node.label} ({tensor.node.source}) has a mask, and in Keras it has none, as "
                "operations drop masks there: losses and metrics will count padded steps. Layers in place of functions "
                f"and operators keep masks (layers.Add, layers.Activation, ...); {_ALL}."
            )


def refuse_lost_masks(graph: Graph) -> None:
    """Refuse, or warn of, what computes something else in Keras, where it finds no mask on its inputs.

    Raises:
        SavingError: numbers of positions that are no padding would change.
    """
    lost = _lost_in(graph)
    for node in graph.nodes:
        first = [leaf for leaf in tree.leaves(_first(node)) if isinstance(leaf, Symbolic)]
        if not any(key_of(leaf) in lost for leaf in first):
            continue
        if isinstance(node.op, _READ_FROM_TENSORS) and node.kwargs.get("mask") is not None:
            raise SavingError(
                f"{node.op.label} cannot be written for Keras: it would find no mask on its inputs.",
                where=str(node.source),
                got="an input whose mask came through a function or an operator: Keras drops it there",
                expected="masks that come through layers only",
                hint=f"layers in place of functions (layers.Add, layers.Activation, ...), or {_ALL}",
            )
        if isinstance(node.op, MultiHeadAttention) and node.kwargs.get("query_mask") is not None:
            warn(
                f"{node.label} ({node.source}) will give other numbers at padded positions of its query in Keras, "
                "which looks for this mask on the query alone, and drops it in operations. Layers in place of "
                f"functions and operators keep masks (layers.Add, layers.Activation, ...); {_ALL}."
            )


def _lost_in(graph: Graph) -> set[tuple[int, int]]:
    """The results that have a mask here, and none in Keras."""
    lost: set[tuple[int, int]] = set()
    for node in graph.nodes:
        if _lost_by_layer(node, lost) if isinstance(node.op, Layer) else _lost_by_function(node, lost):
            lost |= {(id(node), i) for i, mask in enumerate(node.masks) if mask is not None}
    return lost


def _first(node: Node) -> Any:
    return node.args[0] if node.args else next(iter(node.kwargs.values()), None)


def _lost_by_layer(node: Node, lost: set[tuple[int, int]]) -> bool:
    inner = getattr(node.op, "graph", None)
    if isinstance(inner, Graph):
        without = _lost_in(inner)
        return any(key_of(tensor) in without for tensor in inner.outputs)
    if getattr(node.op, "_begins_masks", False) or arguments_for_keras(node).get("mask") is not None:
        return False
    return any(isinstance(leaf, Symbolic) and key_of(leaf) in lost for leaf in tree.leaves(_first(node)))


def _lost_by_function(node: Node, lost: set[tuple[int, int]]) -> bool:
    return not gives_its_argument(node) or any(key_of(symbolic) in lost for symbolic in node.inputs)


def gives_its_argument(node: Node) -> bool:
    """A cast to the dtype that a tensor has: it gives that tensor, so that in Keras too the mask stays on it."""
    first = node.args[0] if node.args else None
    if not OPERATIONS.of(node.op).casts or not isinstance(first, Symbolic):
        return False
    return first.node.specs[first.index] == node.specs[0]
