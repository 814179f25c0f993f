"""`AUC`: the area under a curve that a threshold draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.config import epsilon
from lamina.graph.errors import ArgumentError, ShapeError

from .base import Metric, ratio
from .thresholds import COUNTS, Thresholds, answers, evenly_spread
from .variable import MetricVariable

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "majoring", "minoring")


class AUC(Metric):
    """Area under the ROC curve (or another one), as a sum over thresholds.

    Args:
        num_thresholds: evenly spread from 0 to 1; the more, the closer to the exact area.
        curve: "ROC" (true against false positive rate), "PR" (precision against recall), "PRGAIN" (both as gains).
        summation_method: "interpolation" (for PR: that of Davis and Goadrich), "minoring" or "majoring" step functions.
        thresholds: own thresholds in (0, 1), instead of `num_thresholds`.
        multi_label: the area of each of F columns for itself, then their mean. Otherwise all answers go together.
        num_labels: F, if it is to be checked before the first batch.
        label_weights: (F,) weights of the columns.
        from_logits: predictions are logits.

    >>> AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
    tensor(0.7500)
    """

    true_positives: MetricVariable
    false_positives: MetricVariable
    true_negatives: MetricVariable
    false_negatives: MetricVariable

    direction = "up"

    def __init__(
        self,
        num_thresholds: int | None = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.curve = _one_of("curve", curve.upper(), _CURVES)
        self.summation_method = _one_of("summation_method", summation_method.lower(), _METHODS)
        number = 200 if num_thresholds is None else num_thresholds
        inner = evenly_spread(number)[1:-1] if thresholds is None else sorted(thresholds)
        if number <= 1 or any(not 0 <= value <= 1 for value in inner):
            got = f"num_thresholds={num_thresholds}, thresholds={thresholds}"
            raise ArgumentError("AUC needs thresholds.", got=got, expected="at least 2, in [0, 1]")
        if num_labels and not multi_label:
            raise ArgumentError("AUC has labels only with multi_label=True.", got=f"num_labels={num_labels}")
        # The first and last are outside [0, 1]: at them everything is positive, or nothing.
        self._thresholds = Thresholds([-epsilon(), *inner, 1.0 + epsilon()])
        self._own_thresholds = None if thresholds is None else inner
        self.num_thresholds, self.multi_label, self.num_labels = len(self._thresholds), multi_label, num_labels
        self.label_weights = None if label_weights is None else torch.as_tensor(label_weights, dtype=self._dtype)
        self.from_logits = from_logits
        # Columns that are not known yet are none: the first batch tells their number.
        columns = (num_labels or 0,) if multi_label else ()
        for count in COUNTS:
            setattr(self, count, self.add_variable((len(self._thresholds), *columns), name=count))

    @property
    def thresholds(self) -> list[float]:
        """All thresholds, rising, with one below 0 and one above 1."""
        return self._thresholds.values

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account: targets 0 or 1, and predictions, (B, ...); multi_label: (B, F).

        `sample_weight` and `mask`, True where an answer counts, are (B,) or (B, ...).
        """
        y_true, y_pred, weight = answers(self.name, y_true, y_pred, sample_weight, mask, self._dtype)
        y_pred = y_pred.sigmoid() if self.from_logits else y_pred
        if self.multi_label:
            self._check_columns(y_pred)
        else:
            if self.label_weights is not None:
                columns = self.label_weights.to(y_pred.device)
                weight = columns.expand_as(y_pred) if weight is None else weight * columns
            y_true, y_pred = y_true.flatten(), y_pred.flatten()
            weight = None if weight is None else weight.flatten()
        for count, value in self._thresholds.count(y_true, y_pred, weight).items():
            getattr(self, count).assign_add(value)

    def _check_columns(self, y_pred: Tensor) -> None:
        known = self.true_positives.shape[1]
        if y_pred.ndim != 2 or (known and y_pred.shape[1] != known):
            got, due = str(tuple(y_pred.shape)), f"(B, {known or 'F'})"
            raise ShapeError("AUC with multi_label takes one column per label.", got=got, expected=due)
        if not known:
            for count in COUNTS:
                getattr(self, count).hold(torch.zeros(len(self._thresholds), y_pred.shape[1]))

    def result(self) -> Tensor:
        if not self.true_positives.numel():
            return torch.zeros(())
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(self._interpolated_precision())
        x, y = self._points()
        left, right = y[:-1], y[1:]
        heights = {
            "interpolation": (left + right) / 2.0,
            "minoring": torch.minimum(left, right),
            "majoring": torch.maximum(left, right),
        }[self.summation_method]
        return self._over_labels((x[:-1] - x[1:]) * heights)

    def _points(self) -> tuple[Tensor, Tensor]:
        """x and y of the curve at each threshold."""
        tp, fp, tn, fn = (getattr(self, count) for count in COUNTS)
        recall = ratio(tp, tp + fn)
        if self.curve == "ROC":
            return ratio(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, ratio(tp, tp + fp)
        odds = ratio(tp + fn, tn + fp)
        recall_gain = torch.where(tp == 0, 0.0, 1.0 - odds * ratio(fn, tp)).clamp(min=0.0)
        return recall_gain, torch.where(tp == 0, 1.0, 1.0 - odds * ratio(fp, tp))

    def _interpolated_precision(self) -> Tensor:
        """Area between thresholds when true positives, not precision, change along a line with all positives."""
        tp, fp, _, fn = (getattr(self, count) for count in COUNTS)
        positives = tp + fp
        gained = tp[:-1] - tp[1:]
        slope = ratio(gained, (positives[:-1] - positives[1:]).clamp(min=0.0))
        intercept = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        growth = torch.where(both, ratio(positives[:-1], positives[1:]), 1.0)
        return ratio(slope * (gained + intercept * growth.log()), (tp[1:] + fn[1:]).clamp(min=0.0))

    def _over_labels(self, areas: Tensor) -> Tensor:
        """Sum over thresholds, mean over labels."""
        area = areas.sum(0)
        if not self.multi_label:
            return area
        if self.label_weights is None:
            return area.mean()
        weights = self.label_weights.to(area.device)
        return ratio((area * weights).sum(), weights.sum())

    def get_config(self) -> dict[str, Any]:
        names = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "from_logits")
        own = {name: getattr(self, name) for name in names}
        own["label_weights"] = None if self.label_weights is None else self.label_weights.tolist()
        own |= {} if self._own_thresholds is None else {"thresholds": self._own_thresholds}
        return {**super().get_config(), **own}


def _one_of(argument: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ArgumentError(
            f"AUC does not know this {argument}.", got=repr(value), expected="one of " + ", ".join(known)
        )
    return value
