"""Counts of right and wrong answers, precision and recall."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError

from .base import Metric, ratio
from .thresholds import answers, checked_thresholds
from .variable import MetricVariable

# Below every prediction: what is not among the top k is set to it, and a top-k metric compares with it.
_LOWEST = -1e10


class ConfusionMetric(Metric):
    """Base: keeps some of the four counts of a confusion matrix for each threshold.

    Args:
        thresholds: a number or several in [0, 1]; None for 0.5 (with `top_k`: everything among the top k is positive).
        top_k: look at the k largest predictions along the last axis only, the others are negative.
        class_id: look at this place of the last axis only.
    """

    counted: tuple[tuple[str, str], ...] = ()
    """Pairs: attribute that holds the variable, and which of the four counts it is."""

    def __init__(self, thresholds: Any, top_k: int | None, class_id: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(dtype, name)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        default = 0.5 if top_k is None else _LOWEST
        self._thresholds = checked_thresholds(type(self).__name__, thresholds, default)
        for attribute, _ in self.counted:
            setattr(self, attribute, self.add_variable((len(self._thresholds),), name=attribute))

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, in the order given."""
        return self._thresholds.values

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account.

        Args:
            y_true: targets, 0 or 1 (with several classes one-hot), (B, ...).
            y_pred: probabilities, (B, ...).
            sample_weight: number, (B,), or the shape of `y_pred`.
            mask: (B,), or the shape of `y_pred`, True where an answer counts.
        """
        y_true, y_pred, weight = answers(self.name, y_true, y_pred, sample_weight, mask, self._dtype)
        if self.top_k is not None:
            best = y_pred.topk(self.top_k, dim=-1)
            y_pred = torch.full_like(y_pred, _LOWEST).scatter(-1, best.indices, best.values)
        if self.class_id is not None:
            if y_pred.ndim < 2:
                got = f"class_id={self.class_id}, predictions {tuple(y_pred.shape)}"
                raise ArgumentError(f"{self.name} has no classes to choose from.", got=got, expected="(B, C)")
            y_true, y_pred = y_true[..., self.class_id], y_pred[..., self.class_id]
            weight = None if weight is None else weight[..., self.class_id]
        flat = None if weight is None else weight.flatten()
        counts = self._thresholds.count(y_true.flatten(), y_pred.flatten(), flat)
        for attribute, count in self.counted:
            getattr(self, attribute).assign_add(counts[count])

    def _each(self, values: Tensor) -> Tensor:
        """One value per threshold; a scalar for one threshold."""
        return values[0].clone() if len(self._thresholds) == 1 else values.clone()


class _Count(ConfusionMetric):
    """One of the four counts."""

    accumulator: MetricVariable

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, None, None, name, dtype)

    def result(self) -> Tensor:
        return self._each(self.accumulator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(_Count):
    """Number of targets 1 with a prediction above the threshold.

    >>> TruePositives()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
    tensor(2.)
    """

    counted = (("accumulator", "true_positives"),)


class TrueNegatives(_Count):
    """Number of targets 0 with a prediction not above the threshold.

    >>> TrueNegatives()([0, 1, 0, 0], [1.0, 1.0, 0.0, 0.0])
    tensor(2.)
    """

    counted = (("accumulator", "true_negatives"),)


class FalsePositives(_Count):
    """Number of targets 0 with a prediction above the threshold.

    >>> FalsePositives()([0, 1, 0, 0], [0.0, 0.0, 1.0, 1.0])
    tensor(2.)
    """

    counted = (("accumulator", "false_positives"),)


class FalseNegatives(_Count):
    """Number of targets 1 with a prediction not above the threshold.

    >>> FalseNegatives()([0, 1, 1, 1], [0.0, 1.0, 0.0, 0.0])
    tensor(2.)
    """

    counted = (("accumulator", "false_negatives"),)


class Precision(ConfusionMetric):
    """TP / (TP + FP): which share of the positive answers is right; 0 if there is none.

    Args:
        thresholds: a number or several in [0, 1]; None for 0.5.
        top_k: only the k largest predictions of a row are positive.
        class_id: only this class.

    >>> Precision()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
    tensor(0.6667)
    """

    true_positives: MetricVariable
    false_positives: MetricVariable

    direction = "up"
    counted = (("true_positives", "true_positives"), ("false_positives", "false_positives"))

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._each(ratio(self.true_positives, self.true_positives + self.false_positives))

    def get_config(self) -> dict[str, Any]:
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}


class Recall(ConfusionMetric):
    """TP / (TP + FN): which share of the targets 1 is found; 0 if there is none.

    Args:
        thresholds: a number or several in [0, 1]; None for 0.5.
        top_k: only the k largest predictions of a row are positive.
        class_id: only this class.

    >>> Recall()([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0])
    tensor(0.6667)
    """

    true_positives: MetricVariable
    false_negatives: MetricVariable

    direction = "up"
    counted = (("true_positives", "true_positives"), ("false_negatives", "false_negatives"))

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, top_k, class_id, name, dtype)

    def result(self) -> Tensor:
        return self._each(ratio(self.true_positives, self.true_positives + self.false_negatives))

    def get_config(self) -> dict[str, Any]:
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().get_config(), **own}
