"""Step: what happens to one batch. How a step is executed is decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import StructureError, tree
from lamina.layers.weights import Weights

from .arrays import Batch
from .naming import Outputs
from .objective import Objective


class Step:
    """Forward, losses, backward, optimizer, metrics. Nothing here waits for the device.

    The model owns its step, so the step is handed the model at each call and keeps no hold on it.

    Args:
        optimizer: has ``apply(grads, parameters)``.
        compiled: loss, loss_weights, metrics, weighted_metrics as given to ``compile``.
    """

    def __init__(self, optimizer: Any, compiled: dict[str, Any]) -> None:
        self.optimizer = optimizer
        self.compiled = compiled
        self.objective: Objective | None = None
        self.class_weight: Any = None
        self._parameters: list[torch.nn.Parameter] | None = None
        self._losing: list[Weights] | None = None

    def begin_epoch(self) -> None:
        """Forget the running averages, and look anew at which weights are trained and regularized."""
        if self.objective is not None:
            self.objective.reset()
        self._parameters = self._losing = None

    def logs(self) -> dict[str, Any]:
        return self.objective.logs() if self.objective is not None else {}

    def train(self, model: Any, forward: Callable[[Any], Any], batch: Batch) -> None:
        """One step of the optimizer.

        Args:
            model: in the mode (training or inference) that the loop has set.
            forward: calls the model.
        """
        total = self._loss(model, forward, batch)
        parameters = self._parameters or self._look_at_weights(model)
        total.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.optimizer.apply([p.grad for p in parameters], parameters)
        for parameter in parameters:
            parameter.grad = None

    def test(self, model: Any, forward: Callable[[Any], Any], batch: Batch) -> None:
        """Losses and metrics only."""
        self._loss(model, forward, batch)

    def _loss(self, model: Any, forward: Callable[[Any], Any], batch: Batch) -> torch.Tensor:
        x, y, weight = batch
        losing = self._losing if self._losing is not None else self._find_losing_parts(model)
        for layer in losing:
            layer._losses = []
        y_pred = forward(x)
        flat = [y_pred] if isinstance(y_pred, torch.Tensor) else list(tree.leaves(y_pred))
        objective = self.objective or self._make_objective(model, y_pred, flat, y)
        targets = objective.outputs.spread_data(y, "y")
        weights = self._sample_weights(objective.outputs, weight, targets)
        if self._parameters is None:
            self._look_at_weights(model)
        extra = [w.regularizer(w) for w in self._regularized]  # type: ignore[attr-defined]
        extra += [term for layer in losing for term in layer._losses]
        total = objective.loss(targets, flat, weights, extra, [None] * len(flat))
        if total.ndim:
            total = total.mean()
        objective.track(total, flat[0].shape[0] if flat[0].ndim else 1, targets, flat, weights)
        return total

    def _make_objective(self, model: Any, y_pred: Any, flat: list[torch.Tensor], y: Any) -> Objective:
        outputs = Outputs.of(model, y_pred)
        targets = outputs.spread_data(y, "y")
        shapes = [(t.shape, p.shape) if t is not None else None for t, p in zip(targets, flat, strict=True)]
        given = self.compiled
        self.objective = Objective(
            outputs, given["loss"], given["loss_weights"], given["metrics"], given["weighted_metrics"], shapes
        )
        return self.objective

    def _look_at_weights(self, model: Any) -> list[torch.nn.Parameter]:
        every = list(model.parameters())
        if hasattr(self.optimizer, "build"):
            self.optimizer.build(every)
        self._parameters = [p for p in every if p.requires_grad]
        self._regularized = [p for p in self._parameters if getattr(p, "regularizer", None) is not None]
        return self._parameters

    def _find_losing_parts(self, model: Any) -> list[Weights]:
        self._losing = model.losing_parts()
        return self._losing

    def _sample_weights(self, outputs: Outputs, given: Any, targets: list[Any]) -> list[Any]:
        if given is not None and not isinstance(given, (dict, list, tuple)):
            weights = [given] * len(outputs)
        else:
            weights = outputs.spread_data(given, "sample_weight")
        if self.class_weight is None:
            return weights
        per_class = self.class_weight
        if all(isinstance(v, (int, float)) for v in per_class.values()):
            if len(outputs) > 1:
                raise StructureError(
                    "class_weight is for one output, but the model has several.",
                    expected=f"a dict by output name: {outputs.names}",
                )
            per_class = {outputs.names[0]: per_class}
        for i, table in enumerate(outputs.spread(per_class, "class_weight")):
            if table is not None:
                by_class = class_weights(targets[i], table)
                weights[i] = by_class if weights[i] is None else weights[i] * by_class
        return weights


def class_weights(target: torch.Tensor, table: dict[int, float]) -> torch.Tensor:
    """The weight of each row from the weight of its class; classes the table leaves out have weight 1.

    >>> class_weights(torch.tensor([0, 1, 1]), {1: 5.0})
    tensor([1., 5., 5.])
    """
    classes = target.argmax(-1) if target.ndim > 1 and target.shape[-1] > 1 else target
    if classes.ndim > 1:
        classes = classes.squeeze(-1)
    most = max([*table, int(classes.max())])
    weights = torch.tensor([float(table.get(c, 1.0)) for c in range(most + 1)], device=target.device)
    return weights[classes.long()]
