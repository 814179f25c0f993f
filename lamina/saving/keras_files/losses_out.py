"""Terms of the loss in a graph, which Keras 3 has no place for: its graphs hold what a model predicts, and no more."""

from __future__ import annotations

from lamina.graph import Graph, Node, Symbolic, tree
from lamina.layers import AddedLoss, Layer
from lamina.saving.errors import SavingError


def predicting(graph: Graph) -> list[Node]:
    """The nodes that the outputs and the inputs are, without those that only a term of `add_loss` needs."""
    needed: set[Node] = {tensor.node for tensor in [*graph.inputs, *graph.outputs]}
    for node in reversed(graph.nodes):
        if node in needed:
            read = tree.leaves(node.args[0]) if isinstance(node.op, AddedLoss) else node.inputs
            needed |= {leaf.node for leaf in read if isinstance(leaf, Symbolic)}
    return [node for node in graph.nodes if node in needed]


def left_out(graph: Graph) -> list[str]:
    """The terms, a line each.

    Raises:
        SavingError: weights would be left out with them.
    """
    terms = [(node.op.name, node.source) for node in graph.nodes if isinstance(node.op, AddedLoss)]
    kept = {id(node.op) for node in predicting(graph)} if terms else set()
    for node in graph.nodes if terms else []:
        if isinstance(node.op, Layer) and node.op.weights and id(node.op) not in kept:
            raise SavingError(
                f"{node.label} cannot be written for Keras: only a loss of add_loss needs it, and Keras has none.",
                where=str(node.source),
                hint='model.save("model.lamina"), which holds everything',
            )
    return [
        f"the loss {name!r} of add_loss ({source}), which Keras 3 has no place for; it predicts the same"
        for name, source in terms
    ]
