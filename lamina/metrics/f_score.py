"""F-scores: precision and recall in one number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.config import epsilon
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.losses.shapes import paired

from .base import Metric
from .reduction import at_least_float32, counting
from .variable import MetricVariable

_COUNTED = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


class FBetaScore(Metric):
    """(1 + beta²) * precision * recall / (beta² * precision + recall), from 0 to 1.

    Args:
        average: None for one score per class, "micro" over all answers, "macro" for the mean of the classes,
            "weighted" for their mean by number of targets.
        beta: how much more recall counts than precision; > 0.
        threshold: predictions above it are positive; None: the largest of each row is.

    >>> y_true, y_pred = [[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred)
    tensor([0.3846, 0.9091, 0.8333])
    """

    true_positives: MetricVariable
    false_positives: MetricVariable
    false_negatives: MetricVariable
    intermediate_weights: MetricVariable

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in (None, "micro", "macro", "weighted"):
            expected = "None, 'micro', 'macro' or 'weighted'"
            raise ArgumentError("F-scores cannot be averaged this way.", got=f"average={average!r}", expected=expected)
        numbers = all(isinstance(x, (int, float)) for x in (beta, 0 if threshold is None else threshold))
        if not numbers or beta <= 0 or (threshold is not None and not 0 < threshold <= 1):
            got = f"beta={beta!r}, threshold={threshold!r}"
            raise ArgumentError(
                "This F-score does not exist.", got=got, expected="beta > 0, threshold in (0, 1] or None"
            )
        self.average, self.beta, self.threshold = average, beta, threshold
        # Without a column until the first batch tells how many classes there are.
        for count in _COUNTED:
            setattr(self, count, self.add_variable(() if average == "micro" else (0,), name=count))

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account: targets 0 or 1, and predictions, (B, C); weights and mask (B,) or (B, C)."""
        y_true, y_pred = paired(y_true, at_least_float32(y_pred), self.name)
        known = self.true_positives.numel()
        per_class = self.average != "micro"
        if y_pred.ndim != 2 or (per_class and known and known != y_pred.shape[1]):
            got, due = str(tuple(y_pred.shape)), f"(B, {known if per_class and known else 'C'})"
            raise ShapeError(f"{self.name} takes one column per class.", got=got, expected=due)
        if not known:
            for count in _COUNTED:
                getattr(self, count).hold(torch.zeros(y_pred.shape[1]))
        if self.threshold is None:
            said_yes = (y_pred >= y_pred.amax(-1, keepdim=True)) & (y_pred.abs() > 1e-9)
        else:
            said_yes = y_pred > self.threshold
        said_yes, y_true = said_yes.to(self._dtype), y_true.to(self._dtype)
        weight = counting(y_pred, sample_weight, mask, self._dtype)
        wrong_yes, wrong_no = said_yes * (1.0 - y_true), (1.0 - said_yes) * y_true
        for name, value in zip(_COUNTED, (said_yes * y_true, wrong_yes, wrong_no, y_true), strict=True):
            weighted = value if weight is None else value * weight
            getattr(self, name).assign_add(weighted.sum() if self.average == "micro" else weighted.sum(0))

    def result(self) -> Tensor:
        if not self.true_positives.numel():
            return torch.zeros(())
        precision = self.true_positives / (self.true_positives + self.false_positives + epsilon())
        recall = self.true_positives / (self.true_positives + self.false_negatives + epsilon())
        scores: Tensor = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + epsilon())
        if self.average == "weighted":
            result: Tensor = (scores * self.intermediate_weights / (self.intermediate_weights.sum() + epsilon())).sum()
            return result
        return scores if self.average is None else scores.mean()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall), from 0 to 1.

    Args:
        average: None for one score per class, "micro", "macro" or "weighted"; see `FBetaScore`.
        threshold: predictions above it are positive; None: the largest of each row is.

    >>> F1Score(average="micro", threshold=0.5)([[1, 1], [1, 0]], [[0.2, 0.6], [0.9, 0.1]])
    tensor(0.8000)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {key: value for key, value in super().get_config().items() if key != "beta"}
