"""Losses that do not belong to what an output ends with: a softmax taken twice, probabilities that are none, ..."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from lamina import losses
from lamina.graph import tree

from .heads import Head, head_of
from .said import Said

_EITHER = (
    losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy, losses.CategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy, losses.SparseCategoricalCrossentropy,
)  # fmt: skip
_OF_PROBABILITIES = (losses.KLDivergence, losses.CategoricalGeneralizedCrossEntropy)
_TORCH: dict[Any, str] = {
    nn.CrossEntropyLoss: "logits", F.cross_entropy: "logits", nn.BCEWithLogitsLoss: "logits",
    F.binary_cross_entropy_with_logits: "logits", nn.BCELoss: "probabilities", F.binary_cross_entropy: "probabilities",
    nn.NLLLoss: "logarithms", F.nll_loss: "logarithms",
}  # fmt: skip
_FEWEST = 16  # values that tell something of a whole output


def taken(loss: Any) -> str | None:
    """What a loss takes predictions for: "logits", "probabilities" or "logarithms" of them; None where nobody knows.

    >>> taken(losses.BinaryCrossentropy(from_logits=True)), taken(losses.MeanSquaredError())
    ('logits', None)
    """
    if isinstance(loss, losses.TorchLoss):
        return _TORCH.get(type(loss.fn) if isinstance(loss.fn, nn.Module) else loss.fn)
    if type(loss) in _EITHER:
        return "logits" if getattr(loss, "from_logits", False) else "probabilities"
    return "probabilities" if type(loss) in _OF_PROBABILITIES else None


def tell_of_losses(said: Said, graph: Any, terms: list[Any]) -> None:
    """Warn of losses that do not belong to the heads of their outputs.

    Args:
        terms: one for each output of the graph: ``name`` and ``loss``.
    """
    for tensor, term in zip(graph.outputs, terms, strict=True):
        head = head_of(tensor)
        if head is None:
            continue
        if head.kind == "softmax" and head.classes == 1:
            said.once(
                f"one unit {term.name}",
                f"The output {term.name!r} ends with a softmax over a single unit ({head.node.label}, "
                f"{head.node.source}): it is 1 whatever comes in. Try activation='sigmoid' for a yes or no, or one "
                "unit for each class.",
            )
        elif term.loss is not None:
            text = _objection(head, term.loss)
            if text:
                said.once(f"head {term.name}", f"The output {term.name!r} ends with {head}, {text}")


def _objection(head: Head, loss: Any) -> str | None:
    name, takes = loss.name, taken(loss)
    squashed = head.kind in ("softmax", "sigmoid")
    of_torch = isinstance(loss, losses.TorchLoss)
    if takes == "logits" and squashed:
        fix = "a last layer without activation" if of_torch else "from_logits=False, or a last layer without activation"
        how = "takes logits" if of_torch else "has from_logits=True"
        return f"and its loss {name} {how}: the {head.kind} is taken twice, and little is learnt. Try {fix}."
    if takes == "logarithms" and head.kind != "log_softmax":
        return (
            f"and its loss {name} takes logarithms of probabilities. Try torch.log_softmax(x, 1) at the end, or "
            "nn.CrossEntropyLoss() on a last layer without activation."
        )
    if takes == "probabilities" and not squashed:
        fix = "nn.BCEWithLogitsLoss()" if of_torch else "from_logits=True in the loss"
        ending = "sigmoid" if "binary" in name or of_torch else "softmax"
        return (
            f"and its loss {name} takes probabilities: what lies outside [0, 1] is cut off and gives no gradient. Try "
            f"activation={ending!r} in the last layer, or {fix}."
        )
    return None


def tell_of_predictions(said: Said, terms: list[Any], y_pred: Any) -> None:
    """The same for a model without a graph, from what it has just returned; looks at values, so it is asked once."""
    for term, values in zip(terms, tree.leaves(y_pred), strict=False):
        takes = taken(term.loss) if term.loss is not None else None
        if takes is None or not isinstance(values, torch.Tensor) or not values.is_floating_point():
            continue
        values = values.detach().float()
        if values.ndim < 2 or values.numel() < _FEWEST:
            continue
        low, high = (bound.item() for bound in values.aminmax())
        if takes == "probabilities" and not -0.001 <= low <= high <= 1.001 and low == low and high == high:
            said.once(
                f"head {term.name}",
                f"The loss {term.loss.name} takes probabilities, but the output {term.name!r} has values from "
                f"{low:.3g} to {high:.3g}. Try a softmax or sigmoid at its end, or from_logits=True in the loss.",
            )
        elif takes == "logits" and low >= 0 and values.shape[-1] > 1 and _are_shares(values):
            said.once(
                f"head {term.name}",
                f"The loss {term.loss.name} takes logits, but the values of the output {term.name!r} are probabilities "
                "already: the softmax is taken twice, and little is learnt. Try from_logits=False, or no softmax at "
                "the end.",
            )


def _are_shares(values: torch.Tensor) -> bool:
    return bool(((values.sum(-1) - 1).abs() < 1e-3).all())
