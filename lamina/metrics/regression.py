"""Metrics on numbers: the losses of the same names as running means, root mean square, cosine and R²."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina import losses
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.losses.shapes import paired, weight_for

from .base import Metric
from .measure import Measure
from .reduction import at_least_float32, counting
from .variable import MetricVariable

_SUMS = ("squared_sum", "sum", "total_mse", "count")


class MeanSquaredError(Measure):
    """mean((y_true - y_pred)²).

    >>> MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]])
    tensor(0.5000)
    """

    direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


def _squared_error(y_true: Any, y_pred: Any) -> Tensor:
    y_true, y_pred = paired(y_true, y_pred, "root_mean_squared_error")
    result: Tensor = (y_true - y_pred).square()
    return result


class RootMeanSquaredError(Measure):
    """sqrt(mean((y_true - y_pred)²)), the root taken over everything since the last reset.

    >>> RootMeanSquaredError()([[0.0, 0.0]], [[2.0, 2.0]])
    tensor(2.)
    """

    direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(_squared_error, name, dtype)

    def result(self) -> Tensor:
        root: Tensor = super().result().sqrt()
        return root


class MeanAbsoluteError(Measure):
    """mean(|y_true - y_pred|).

    >>> MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 1.0]])
    tensor(0.5000)
    """

    direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(Measure):
    """100 * mean(|y_true - y_pred| / |y_true|), in percent.

    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])
    tensor(37.5000)
    """

    direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(Measure):
    """mean((log(1 + y_true) - log(1 + y_pred))²).

    >>> MeanSquaredLogarithmicError()([[0.0]], [[1.0]])
    tensor(0.4805)
    """

    direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(Measure):
    """mean(log(cosh(y_pred - y_true))).

    >>> LogCoshError()([[0.0]], [[100.0]])
    tensor(99.3069)
    """

    direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Cosine of the angle between y_true and y_pred along `axis`: 1 is the same direction (the loss has minus that)."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(Measure):
    """Cosine of the angle between targets and predictions: from -1 to 1, the best.

    Args:
        axis: the axis along which a vector lies.

    >>> CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]])
    tensor(1.)
    """

    direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


class R2Score(Metric):
    """1 - sum((y_true - y_pred)²) / sum((y_true - mean)²), the share of the variance that is explained; at most 1.

    Args:
        class_aggregation: "uniform_average" of the columns, "variance_weighted_average", or None for one score each.
        num_regressors: number of independent variables for the adjusted score, 0 for the plain one.

    >>> R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
    tensor(0.5714)
    """

    squared_sum: MetricVariable
    sum: MetricVariable
    total_mse: MetricVariable
    count: MetricVariable

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in ("uniform_average", "variance_weighted_average", None):
            raise ArgumentError(
                "R2Score cannot aggregate columns this way.",
                got=f"class_aggregation={class_aggregation!r}",
                expected="'uniform_average', 'variance_weighted_average' or None",
            )
        if num_regressors < 0:
            raise ArgumentError("R2Score counts regressors.", got=f"num_regressors={num_regressors}", expected=">= 0")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        # Without a column until the first batch tells how many there are.
        for name in _SUMS:
            setattr(self, name, self.add_variable((0,), name=name))

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Take a batch into account: targets and predictions (B, F); weights and mask (B,) or (B, F)."""
        y_true, y_pred = paired(y_true, at_least_float32(y_pred), self.name)
        known = self.count.numel()
        if y_true.ndim != 2 or (known and known != y_true.shape[1]):
            got, due = str(tuple(y_true.shape)), f"(B, {known or 'F'})"
            raise ShapeError("R2Score takes one row per sample.", got=got, expected=due)
        y_true, y_pred = y_true.to(self._dtype), y_pred.to(self._dtype)
        if not known:
            for name in _SUMS:
                getattr(self, name).hold(torch.zeros(y_true.shape[1]))
        if mask is not None:
            mask = weight_for(mask, y_true, "mask").to(torch.bool).expand_as(y_true)
            y_true, y_pred = torch.where(mask, y_true, 0.0), torch.where(mask, y_pred, 0.0)
        weight = counting(y_true, sample_weight, mask, self._dtype)
        weight = torch.ones_like(y_true) if weight is None else weight.expand_as(y_true)
        self.sum.assign_add((y_true * weight).sum(0))
        self.squared_sum.assign_add((y_true.square() * weight).sum(0))
        self.total_mse.assign_add(((y_true - y_pred).square() * weight).sum(0))
        self.count.assign_add(weight.sum(0))
        self.num_samples.assign_add(y_true.numel() if mask is None else mask.sum())

    def result(self) -> Tensor:
        if not self.count.numel():
            return torch.zeros(())
        total = self.squared_sum - self.sum.square() / self.count
        scores = 1.0 - self.total_mse / total
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        if not self.num_regressors:
            return scores
        # With no more samples than regressors the adjusted score does not exist; then it is the plain one.
        freedom = self.num_samples.to(scores.device) - self.num_regressors - 1.0
        adjusted = 1.0 - (1.0 - scores) * (freedom + self.num_regressors) / torch.where(freedom > 0, freedom, 1.0)
        return torch.where(freedom > 0, adjusted, scores)

    def get_config(self) -> dict[str, Any]:
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}
