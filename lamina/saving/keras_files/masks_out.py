"""Where Keras would lose a mask that the graph has, once the graph is Keras' own.

In a graph of Lamina, a mask goes on through functions that keep positions; Keras' operations drop it. What a layer was
given as ``mask`` is written as an argument, which Keras honours too. What remains is told of here.
"""

from __future__ import annotations

from typing import Any

from lamina.graph import Graph, Node, Symbolic, tree
from lamina.graph.source import warn
from lamina.graph.walk import key_of, reached
from lamina.layers import Layer, Maximum, Minimum, MultiHeadAttention, Multiply
from lamina.operations import OPERATIONS
from lamina.saving.errors import SavingError

_ALL = 'model.save("model.lamina") keeps all as it is'

Lost = set[tuple[int, int]]

_READ_FROM_TENSORS = (Maximum, Minimum, Multiply)
"""Keras' layers of these kinds take no ``mask``: they look for it on the tensors."""


def arguments_for_keras(node: Node, lost: Lost) -> dict[str, Any]:
    """The arguments by name of a layer's call, without a mask that Keras' layer finds on its inputs by itself.

    So it is where the layer takes none, and where some of its inputs have one and others may bring one in a larger
    model: Keras' layer that is given a list does not look.

    Raises:
        SavingError: it is another mask, and Keras' layer takes none.
    """
    given = node.kwargs.get("mask")
    takes_none = isinstance(node.op, _READ_FROM_TENSORS)
    some = isinstance(given, list) and any(mask is None for mask in given)
    if given is None or not (takes_none or (some and not _reads_lost(node, lost))):
        return node.kwargs
    found = [getattr(leaf, "mask", None) for leaf in tree.leaves(_first(node))]
    if any(mine is not theirs for mine, theirs in zip(tree.leaves(given), found, strict=True)):
        if not takes_none:
            return node.kwargs
        raise SavingError(
            f"{node.label} cannot be written for Keras: it was called with a mask of its own.",
            expected="the masks that its inputs have",
            hint='model.save("model.lamina"), which holds everything',
        )
    return {key: value for key, value in node.kwargs.items() if key != "mask"}


def tell_lost_masks(graph: Graph) -> None:
    """Warn of outputs that have a mask here, and in Keras none: what a model predicts is the same.

    Raises:
        SavingError: a layer's numbers would change, as Keras' layer looks for a mask that is not there.
    """
    lost = lost_in(graph)
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
    lost = lost_in(graph)
    for node in graph.nodes:
        _refuse_lost_within(node)
        by_hand, found = node.kwargs.get("query_mask"), getattr(_first(node), "mask", None)
        if isinstance(node.op, MultiHeadAttention) and by_hand is not None and found is not by_hand:
            warn(
                f"{node.label} ({node.source}) will give other numbers at padded positions of its query in Keras, "
                f"which ignores query_mask and reads the mask on the query; {_ALL}."
            )
            continue
        if not _reads_lost(node, lost):
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


def _refuse_lost_within(node: Node) -> None:
    """The same of a model that is called with masks: there is no place for these in what is written of its graph."""
    inner = _graph_for_masks(node)
    if inner is None:
        return
    lost = lost_in(inner)
    brought = inner.inputs[len(node.op.graph.inputs) :]  # type: ignore[attr-defined]
    for call in inner.nodes:
        _refuse_lost_within(call)
        for owner, mask in _masked_arguments(call):
            if key_of(owner) in lost and owner.mask is mask and reached([mask], brought):
                raise SavingError(
                    f"{node.label} cannot be written for Keras: within it, {call.op.name!r} would find no mask.",  # type: ignore[attr-defined]
                    where=str(call.source),
                    got="a mask of the model's input that came through a function or an operator: Keras drops it there",
                    expected="masks that come through layers only",
                    hint=f"layers in place of functions (layers.Add, layers.Activation, ...), or {_ALL}",
                )


def _masked_arguments(node: Node) -> list[tuple[Any, Any]]:
    """(a tensor that a layer is called on, the mask that the call has for it)."""
    if not isinstance(node.op, Layer):
        return []
    facts = node.op._facts
    given = facts.signature.bind_partial(*node.args, **node.kwargs).arguments
    pairs: list[tuple[Any, Any]] = []
    for name, owner in facts.masks:
        if given.get(name) is not None and owner in given:
            pairs += zip(tree.leaves(given[owner]), tree.leaves(given[name]), strict=False)
    return [pair for pair in pairs if isinstance(pair[0], Symbolic) and isinstance(pair[1], Symbolic)]


def _graph_for_masks(node: Node) -> Graph | None:
    """What a nested model runs in this call, if that has masks."""
    drawn, mask = getattr(node.op, "_drawn", None), node.kwargs.get("mask")
    if drawn is None or not drawn.runs or mask is None:
        return None
    found: Graph = drawn.for_masks(_first(node), mask)[0].graph
    return found


def lost_in(graph: Graph) -> Lost:
    """The results that have a mask here, and none in Keras."""
    lost: Lost = set()
    for node in graph.nodes:
        if _lost_by_layer(node, lost) if isinstance(node.op, Layer) else _lost_by_function(node, lost):
            lost |= {(id(node), i) for i, mask in enumerate(node.masks) if mask is not None}
    return lost


def _reads_lost(node: Node, lost: Lost) -> bool:
    return any(isinstance(leaf, Symbolic) and key_of(leaf) in lost for leaf in tree.leaves(_first(node)))


def _first(node: Node) -> Any:
    return node.args[0] if node.args else next(iter(node.kwargs.values()), None)


def _lost_by_layer(node: Node, lost: Lost) -> bool:
    inner = _graph_for_masks(node) or getattr(node.op, "graph", None)
    if isinstance(inner, Graph):
        without = lost_in(inner)
        return any(key_of(tensor) in without for tensor in inner.outputs)
    if getattr(node.op, "_begins_masks", False) or arguments_for_keras(node, lost).get("mask") is not None:
        return False
    return _reads_lost(node, lost)


def _lost_by_function(node: Node, lost: Lost) -> bool:
    return not gives_its_argument(node) or any(key_of(symbolic) in lost for symbolic in node.inputs)


def gives_its_argument(node: Node) -> bool:
    """A cast to the dtype that a tensor has: it gives that tensor, so that in Keras too the mask stays on it."""
    first = node.args[0] if node.args else None
    if not OPERATIONS.of(node.op).casts or not isinstance(first, Symbolic):
        return False
    return first.node.specs[first.index] == node.specs[0]
