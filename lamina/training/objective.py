"""Objective: the losses and metrics of a model's outputs, and the running averages that are shown."""

from __future__ import annotations

from typing import Any

import torch

from lamina import losses, metrics
from lamina.graph import ArgumentError
from lamina.losses import Loss
from lamina.metrics import Metric

from .naming import Outputs


class Objective:
    """What is minimised and what is measured.

    Everything it accumulates stays on the device; only `logs` brings numbers to the host.

    Args:
        loss, loss_weights, metrics, weighted_metrics: as given to ``compile``, per output by name or position.
        outputs: the model's outputs.
        targets: shapes of targets and predictions of the first batch, one pair per output, which tell what
            "accuracy" means there; None for an output without targets.
    """

    def __init__(
        self,
        outputs: Outputs,
        loss: Any,
        loss_weights: Any,
        metrics_given: Any,
        weighted_metrics: Any,
        targets: list[tuple[torch.Size, torch.Size] | None],
    ) -> None:
        self.outputs = outputs
        self.losses = [
            _loss(name, given, shapes)
            for name, given, shapes in zip(outputs.names, outputs.spread(loss, "loss"), targets, strict=True)
        ]
        weights = outputs.spread(loss_weights, "loss_weights")
        self.weights = [1.0 if w is None else float(w) for w in weights]
        self.metrics = _metrics(outputs.spread(metrics_given, "metrics", several=True), targets)
        self.weighted_metrics = _metrics(outputs.spread(weighted_metrics, "weighted_metrics", several=True), targets)
        self.reset()

    def reset(self) -> None:
        """Forget what was accumulated, as at the start of an epoch."""
        self._rows = 0
        self._total: torch.Tensor | None = None
        self._each: list[torch.Tensor | None] = [None] * len(self.outputs)
        for metric in self.all_metrics():
            metric.reset_state()

    def all_metrics(self) -> list[Metric]:
        return [m for group in (*self.metrics, *self.weighted_metrics) for m in group]

    def loss(
        self,
        y_true: list[Any],
        y_pred: list[Any],
        sample_weight: list[Any],
        extra: list[torch.Tensor],
        masks: list[Any],
    ) -> torch.Tensor:
        """The weighted sum of the outputs' losses and of ``extra`` (regularizers, ``add_loss``); a scalar."""
        total: torch.Tensor | None = None
        self._last: list[torch.Tensor | None] = [None] * len(self.outputs)
        for i, loss in enumerate(self.losses):
            if loss is None:
                continue
            if y_true[i] is None:
                raise ArgumentError(
                    f"The output {self.outputs.names[i]!r} has a loss but no targets.",
                    hint="leave its loss out, or give its y",
                )
            value = loss(y_true[i], y_pred[i], sample_weight[i], masks[i])
            self._last[i] = value
            term = value if self.weights[i] == 1.0 else value * self.weights[i]
            total = term if total is None else total + term
        for term in extra:
            total = term if total is None else total + term
        if total is None:
            raise ArgumentError("There is nothing to minimise.", hint="compile(loss=...), or add_loss in a layer")
        return total

    @torch.no_grad()
    def track(
        self, total: torch.Tensor, rows: int, y_true: list[Any], y_pred: list[Any], sample_weight: list[Any]
    ) -> None:
        """Add a batch to the running averages."""
        self._rows += rows
        self._total = _accumulate(self._total, total, rows)
        if len(self.outputs) > 1:
            for i, value in enumerate(self._last):
                if value is not None:
                    self._each[i] = _accumulate(self._each[i], value, rows)
        for i, (plain, weighted) in enumerate(zip(self.metrics, self.weighted_metrics, strict=True)):
            if y_true[i] is None:
                continue
            for metric in plain:
                metric.update_state(y_true[i], y_pred[i].detach())
            for metric in weighted:
                metric.update_state(y_true[i], y_pred[i].detach(), sample_weight[i])

    def logs(self) -> dict[str, float]:
        """The averages so far, by the names that ``History`` has: loss, price_loss, price_accuracy, ..."""
        if self._total is None:
            return {}
        logs = {"loss": self._total / self._rows}
        several = len(self.outputs) > 1
        for name, value in zip(self.outputs.names, self._each, strict=True):
            if value is not None:
                logs[f"{name}_loss"] = value / self._rows
        for name, plain, weighted in zip(self.outputs.names, self.metrics, self.weighted_metrics, strict=True):
            for metric in (*plain, *weighted):
                key, k = (f"{name}_{metric.name}" if several else metric.name), 1
                while key in logs:
                    key, k = f"{key}_{k}", k + 1
                logs[key] = metric.result()
        return {key: _number(value) for key, value in logs.items()}


def _accumulate(total: torch.Tensor | None, value: torch.Tensor, rows: int) -> torch.Tensor:
    return value.detach() * rows if total is None else total.add_(value.detach(), alpha=rows)


def _number(value: Any) -> Any:
    value = torch.as_tensor(value)
    return float(value) if value.numel() == 1 else value.tolist()


def _loss(name: str, given: Any, shapes: tuple[torch.Size, torch.Size] | None) -> Loss | None:
    if given is None:
        return None
    if shapes is None:
        raise ArgumentError(f"The output {name!r} has a loss but no targets.", hint="leave its loss out, or give its y")
    return losses.resolve_loss(given, *shapes)


def _metrics(given: list[Any], targets: list[tuple[torch.Size, torch.Size] | None]) -> list[list[Metric]]:
    groups = []
    for entry, shapes in zip(given, targets, strict=True):
        entries = [] if entry is None else list(entry) if isinstance(entry, (list, tuple)) else [entry]
        groups.append([metrics.resolve_metric(m, *shapes) for m in entries] if shapes is not None else [])
    return groups
