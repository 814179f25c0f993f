"""Metrics that a training keeps by itself: the running mean of a loss, and one output's metric by its public name."""

from __future__ import annotations

from typing import Any

import torch

from lamina.metrics import Mean, Metric

from .naming import Outputs


class LossTracker(Mean):
    """Mean of a loss over rows: each batch counts by its number of rows.

    >>> tracker = LossTracker("loss")
    >>> tracker.track(torch.tensor(1.0), rows=3)
    >>> tracker.track(torch.tensor(5.0), rows=1)
    >>> tracker.result()
    tensor(2.)
    """

    direction = "down"

    def __init__(self, name: str | None = "loss", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.touched = False

    def track(self, value: torch.Tensor, rows: int) -> None:
        """Add a batch, without waiting for its device. Called under ``torch.no_grad``."""
        if not self.touched:
            self.touched = True
            self.total.to_device_of(value)
            self.count.to_device_of(value)
        self.total.add_(value.detach(), alpha=rows)
        self.count.add_(rows)

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        self.touched = True
        super().update_state(values, sample_weight)

    def reset_state(self) -> None:
        self.touched = False
        super().reset_state()


class OutputMetric(Metric):
    """A metric of one output among several, called like what it is logged as; takes all targets and predictions.

    So a training step of a user's own can say ``metric.update_state(y, y_pred)`` of each, as for a single output.

    Args:
        metric: the metric itself.
        outputs: all outputs.
        place: which of them it belongs to.
        name: e.g. ``price_mae``.
    """

    def __init__(self, metric: Any, outputs: Outputs, place: int, name: str) -> None:
        super().__init__(name=name)
        self.metric, self.outputs, self.place = metric, outputs, place
        self.direction = getattr(metric, "direction", None)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        target = self.outputs.spread_data(y_true, "y")[self.place]
        if target is None:
            return
        weight = self.outputs.spread_weights(sample_weight)[self.place]
        self.metric.update_state(target, self.outputs.flat(y_pred)[self.place], sample_weight=weight)

    def reset_state(self) -> None:
        self.metric.reset_state()

    def result(self) -> Any:
        return self.metric.result()
