"""Weights that the gradient does not reach, though an output with a loss hangs on them: a ``detach()`` on the way."""

from __future__ import annotations

from typing import Any

from lamina.graph import tree
from lamina.graph.node import Symbolic
from lamina.layers import Layer

from .said import Said

_SHOWN = 4


def tell_of_unreached(said: Said, model: Any, terms: list[Any], joint: bool, reached: set[int]) -> None:
    """Warn of weights that are trained and have no gradient after the first step.

    In a graph, weights that only outputs without a loss hang on have none on purpose. Where there is no graph, nobody
    knows what the outputs hang on: all are taken for due if each output has a loss.

    Args:
        terms: one for each output: ``loss``.
        joint: whether there is a loss of all outputs together.
        reached: ids of the weights that have a gradient.
    """
    with_loss = [joint or term.loss is not None for term in terms]
    due: set[int] | None = None
    if model.graph is not None:
        outputs = model.graph.outputs
        due = _weights_behind([tensor for tensor, has in zip(outputs, with_loss, strict=True) if has])
    elif not all(with_loss):
        return
    lost = [
        name.replace(".", "/")
        for name, weight in model.named_parameters()
        if weight.requires_grad and id(weight) not in reached and (due is None or id(weight) in due)
    ]
    if lost:
        more = f", ... ({len(lost)} in all)" if len(lost) > _SHOWN else ""
        said.once(
            "unreached",
            f"No gradient comes to {', '.join(lost[:_SHOWN])}{more} of {model.label}: they are not trained. Try no "
            "detach(), numpy(), argmax or torch.no_grad() in the call of a layer after them, and using each weight in "
            "its layer's call; trainable = False where they are to stay as they are.",
            here=True,
        )


def _weights_behind(outputs: list[Any]) -> set[int]:
    """The ids of the weights of the layers that tensors of a graph hang on.

    Of a layer with several results all must be asked for: which of its weights make which result nobody knows.
    """
    asked: dict[Any, set[int]] = {}
    seen: set[Any] = set()
    waiting = list(outputs)
    while waiting:
        tensor = waiting.pop()
        dtype = getattr(tensor, "dtype", None)
        if not isinstance(tensor, Symbolic) or dtype is None or not (dtype.is_floating_point or dtype.is_complex):
            continue  # what decides, as the predicate of a cond, has no gradient on purpose
        op = tensor.node.op
        drawn = isinstance(op, Layer) and getattr(op, "is_drawn", False)
        if (tensor.node, tensor.index) in seen:
            continue
        seen.add((tensor.node, tensor.index))
        waiting += tree.leaves((tensor.node.args, tensor.node.kwargs))
        if drawn:  # a model within, of which this is one output
            waiting.append(op.graph.outputs[tensor.index])  # type: ignore[attr-defined]
        elif isinstance(op, Layer):
            asked.setdefault(tensor.node, set()).add(tensor.index)
    whole = [node.op for node, results in asked.items() if len(results) == len(node.specs)]
    return {id(weight) for layer in whole for weight in layer.parameters()}
