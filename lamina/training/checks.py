"""Whether data fit a model and what it was compiled with: asked before the first step, so that no harm is done."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import StructureError
from lamina.losses.checks import check_targets

from .feed import Feed
from .naming import Outputs
from .objective import Objective
from .step import Step
from .steps import Steps


def check_data(model: Any, step: Step, feed: Feed, what: str) -> None:
    """Look at the data before anything is done with them: everything that is in memory, else the first batch.

    Args:
        what: who asks, for messages.

    Raises:
        StructureError: there is no data, or it has another structure than the model's inputs or outputs.
        ShapeError, DtypeError: an input or a target that does not fit; names it.
        ArgumentError: targets that a loss cannot take.
    """
    batch = feed.peek()
    if batch is None:
        raise StructureError(
            f"There is no data for {what}.", got="no batches", hint="a source that can be iterated anew"
        )
    if type(model).train_step is not Steps.train_step or type(model).test_step is not Steps.test_step:
        return  # what a batch means is the model's own business
    graph = model.graph
    if graph is None:
        return  # the first loss is checked before the first step of the optimizer
    x, y, _ = batch
    model.check_inputs(x)
    objective = step.know_shapes(Outputs.of_graph(graph), y, graph.outputs)
    _check_outputs(objective, graph, step, feed.source.sample() or batch)


def _check_outputs(objective: Objective, graph: Any, step: Step, batch: Any) -> None:
    _, y, weight = batch
    outputs = objective.outputs
    weights = outputs.spread_weights(weight)
    if step.class_weight is not None:
        step.class_weight.spread(outputs)
    for term, target, predicted, own in zip(
        objective.terms, outputs.spread_data(y, "y"), graph.outputs, weights, strict=True
    ):
        if term.loss is not None and isinstance(target, torch.Tensor):
            check_targets(term.loss, target, predicted.shape, term.name)
        if own is not None and target is not None and own.ndim and len(own) != len(target):
            raise StructureError(
                f"sample_weight of the output {term.name!r} has another number of rows than its targets.",
                got=f"{len(own)} weights, {len(target)} targets",
            )


