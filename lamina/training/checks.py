"""Whether data fit a model and what it was compiled with: asked before the first step, so that no harm is done."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from lamina.graph import ArgumentError, LaminaError, ShapeError, StructureError
from lamina.losses.checks import check_targets

from .class_weights import ClassWeights
from .feed import Feed
from .lookups import check_lookups
from .naming import Outputs
from .objective import Objective
from .sense import (
    Said,
    tell_of_absent_classes,
    tell_of_captured,
    tell_of_endings,
    tell_of_inputs,
    tell_of_losses,
    tell_of_metrics,
    tell_of_negative_weights,
    tell_of_new_classes,
    tell_of_reach,
    tell_of_targets,
    tell_of_unused,
)
from .step import Step
from .steps import has_own


def check_data(
    model: Any, step: Step, feed: Feed, what: str, ends_on_nan: bool = False, split: tuple[Any, Any] | None = None
) -> None:
    """Look at the data before anything is done with them: everything that is in memory, else the first batch.

    Args:
        what: who asks, for messages.
        ends_on_nan: a loss that is no number ends the training in order, so that targets that are not finite are
            warned of and not refused.
        split: all targets to train on, and those that `validation_split` keeps.

    Raises:
        StructureError: there is no data, or it has another structure than the model's inputs or outputs.
        ShapeError, DtypeError: an input or a target that does not fit; names it.
        ArgumentError: targets that a loss cannot take.
    """
    try:
        _check(model, step, feed, what, ends_on_nan, split)
    except LaminaError as error:
        if what == "validation_data":
            error.where = f"{error.where} ({what})" if error.where else what
        raise


def _check(model: Any, step: Step, feed: Feed, what: str, ends_on_nan: bool, split: tuple[Any, Any] | None) -> None:
    batch = feed.peek()
    if batch is None:
        raise StructureError(
            f"There is no data for {what}.", got="no batches", hint="a source that can be iterated anew"
        )
    if has_own(model, "train_step") or has_own(model, "test_step"):
        return  # what a batch means is the model's own business
    graph = model.graph
    training = what in ("fit", "train_on_batch")
    if what == "fit" and step.said.asks("captured"):
        tell_of_captured(step.said, model)
        if not has_own(model, "compute_loss"):
            tell_of_unused(model)
    class_weight = step.class_weight if training else None
    seen = feed.source.sample() or batch
    check_outputs = partial(_check_outputs, said=step.said, class_weight=class_weight, y=seen[1], weight=seen[2],
                            ends_on_nan=ends_on_nan, split=split)  # fmt: skip
    if graph is None:  # its outputs are known when it has run, which is before the first step of the optimizer, too
        if not model.computes_own_loss:
            step.unchecked[training] = check_outputs
        if not what.endswith("_on_batch"):
            tell_of_inputs(step.said, model, seen[0], feed.length)
        return
    x, y, _ = batch
    model.check_inputs(x)
    check_lookups(model, seen[0])
    objective = step.know_shapes(Outputs.of_graph(graph), y, graph.outputs)
    check_outputs(objective, [t.shape for t in graph.outputs])
    if step.said.asks(f"heads {id(objective)}"):
        tell_of_losses(step.said, graph, objective.terms)
        tell_of_endings(step.said, graph, objective.terms)
        targets = objective.outputs.spread_data(seen[1], "y")
        if what == "fit" and seen[2] is None:
            tell_of_reach(step.said, graph, objective.terms, targets)
        tell_of_metrics(step.said, objective.terms, targets, [t.shape for t in graph.outputs])
    if not what.endswith("_on_batch"):  # a loop around it asks each time; the first loss that is NaN tells as well
        tell_of_inputs(step.said, model, seen[0], feed.length)


def _check_outputs(
    objective: Objective, predictions: list[Any], said: Said, class_weight: ClassWeights | None, y: Any, weight: Any,
    ends_on_nan: bool, split: tuple[Any, Any] | None,
) -> None:  # fmt: skip
    """Targets and weights against the shapes of the predictions they are for, (None, ...)."""
    outputs = objective.outputs
    targets, weights = outputs.spread_data(y, "y"), outputs.spread_weights(weight)
    tables = [None] * len(outputs) if class_weight is None else class_weight.spread(outputs)
    for term, predicted, target, own, table in zip(objective.terms, predictions, targets, weights, tables, strict=True):
        if term.loss is not None and isinstance(target, torch.Tensor):
            if ends_on_nan and tell_of_targets(said, term.name, target):
                target = target.to("meta")  # of such values nothing more is to be told, of their shape there is
            check_targets(term.loss, target, predicted, term.name)
        if own is not None and target is not None:
            _check_weights(term.name, own, target, predicted)
            tell_of_negative_weights(said, term.name, own)
        if table is not None and target is not None:
            _check_classes(term.name, target)
            tell_of_absent_classes(said, term.name, term.loss, table, predicted)
    if split is not None:
        parts = [outputs.spread_data(part, "y") for part in split]
        for term, trained, kept in zip(objective.terms, *parts, strict=True):
            tell_of_new_classes(said, term.name, term.loss, trained, kept)


def _check_weights(name: str, weight: torch.Tensor, target: torch.Tensor, predicted: tuple[int | None, ...]) -> None:
    """One weight per sample, or per step of the predictions (B, T, ...); all of them finite."""
    what = f"sample_weight of the output {name!r}"
    if weight.ndim and len(weight) != len(target):
        raise StructureError(
            f"{what} has another number of rows than its targets.",
            got=f"{len(weight)} weights, {len(target)} targets",
        )
    axes = zip(weight.shape[1:], predicted[1:], strict=False)
    if weight.ndim > len(predicted) or any(size not in (1, due) and due is not None for size, due in axes):
        raise ShapeError(
            f"{what} does not fit its predictions.",
            got=f"sample_weight {tuple(weight.shape)}, predictions {predicted}",
            expected="one weight per sample, (B,), or per step, (B, T), of predictions (B, T, ...)",
        )
    if weight.is_floating_point() and weight.device.type == "cpu" and not weight.isfinite().all():
        row = int((~weight.isfinite()).reshape(len(weight), -1).any(1).nonzero()[0]) if weight.ndim else 0
        raise ArgumentError(
            f"{what} holds values that are not finite.",
            got=f"{weight[row].tolist() if weight.ndim else weight.item()} in row {row}",
            expected="finite numbers; 0 for a row that is not to count",
        )


def _check_classes(name: str, target: torch.Tensor) -> None:
    """class_weight goes by class. A row of shares, as of soft labels, has one, the largest; a number may be none."""
    numbers = target.ndim == 1 or target.shape[-1:] == (1,)
    if not numbers or not target.is_floating_point() or target.device.type != "cpu":
        return
    broken = target != target.round()
    if broken.any():
        raise ArgumentError(
            f"class_weight of the output {name!r} needs targets that are classes.",
            got=f"a target of {target[broken][0].item():g}",
            expected="class numbers, or one-hot targets",
            hint="sample_weight= for weights of rows",
        )
