"""The best of one rate at which another is still good enough, over many thresholds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError

from .base import ratio
from .confusion import ConfusionMetric
from .thresholds import COUNTS, evenly_spread
from .variable import MetricVariable


class _Constrained(ConfusionMetric):
    """Base: the four counts at evenly spread thresholds, and the rate that must reach `value`."""

    true_positives: MetricVariable
    false_positives: MetricVariable
    true_negatives: MetricVariable
    false_negatives: MetricVariable

    direction = "up"
    counted = tuple((count, count) for count in COUNTS)
    argument = ""

    def __init__(self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any) -> None:
        who = type(self).__name__
        if not 0 <= value <= 1:
            raise ArgumentError(f"{who} takes a rate.", got=f"{self.argument}={value!r}", expected="in [0, 1]")
        if num_thresholds <= 0:
            got = f"num_thresholds={num_thresholds!r}"
            raise ArgumentError(f"{who} needs a threshold.", got=got, expected="an int > 0")
        super().__init__(evenly_spread(num_thresholds), None, class_id, name, dtype)
        self.value, self.num_thresholds = value, num_thresholds

    def _sensitivity(self) -> Tensor:
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    def _specificity(self) -> Tensor:
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)

    def _precision(self) -> Tensor:
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    def _best(self, rate: Tensor, where: Tensor) -> Tensor:
        return torch.where(where >= self.value, rate, 0.0).max()

    def get_config(self) -> dict[str, Any]:
        own = {"num_thresholds": self.num_thresholds, "class_id": self.class_id, self.argument: self.value}
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(_Constrained):
    """Largest TP / (TP + FN) at a threshold where TN / (TN + FP) is at least `specificity`.

    >>> SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    tensor(0.5000)
    """

    argument = "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Tensor:
        return self._best(self._sensitivity(), self._specificity())


class SpecificityAtSensitivity(_Constrained):
    """Largest TN / (TN + FP) at a threshold where TP / (TP + FN) is at least `sensitivity`.

    >>> SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    tensor(0.6667)
    """

    argument = "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Tensor:
        return self._best(self._specificity(), self._sensitivity())


class PrecisionAtRecall(_Constrained):
    """Largest TP / (TP + FP) at a threshold where TP / (TP + FN) is at least `recall`.

    >>> PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
    tensor(0.5000)
    """

    argument = "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Tensor:
        return self._best(self._precision(), self._sensitivity())


class RecallAtPrecision(_Constrained):
    """Largest TP / (TP + FN) at a threshold where TP / (TP + FP) is at least `precision`.

    >>> RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    tensor(0.5000)
    """

    argument = "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Tensor:
        return self._best(self._sensitivity(), self._precision())
