"""Losses on numbers. F features: the last axis, over which each loss is a mean; (B, ..., F) -> (B, ...)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lamina.config import epsilon
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import paired


@at_users_line
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean((y_true - y_pred)²) over the last axis: (B, ..., F) -> (B, ...).

    >>> mean_squared_error([[0.0, 1.0]], [[1.0, 1.0]])
    tensor([0.5000])
    """
    y_true, y_pred = paired(y_true, y_pred, "mean_squared_error")
    return F.mse_loss(y_pred, y_true, reduction="none").mean(-1)


@at_users_line
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean(|y_true - y_pred|) over the last axis: (B, ..., F) -> (B, ...).

    >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 1.0]])
    tensor([0.5000])
    """
    y_true, y_pred = paired(y_true, y_pred, "mean_absolute_error")
    return F.l1_loss(y_pred, y_true, reduction="none").mean(-1)


@at_users_line
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)) over the last axis, in percent: (B, ..., F) -> (B, ...).

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]])
    tensor([37.5000])
    """
    y_true, y_pred = paired(y_true, y_pred, "mean_absolute_percentage_error")
    result: Tensor = 100.0 * ((y_true - y_pred) / y_true.abs().clamp(min=epsilon())).abs().mean(-1)
    return result


@at_users_line
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """mean((log(1 + y_pred) - log(1 + y_true))²) over the last axis, both raised to 1e-7: (B, ..., F) -> (B, ...).

    >>> mean_squared_logarithmic_error([[0.0]], [[math.e - 1.0]])
    tensor([1.0000])
    """
    y_true, y_pred = paired(y_true, y_pred, "mean_squared_logarithmic_error")
    difference = (y_pred.clamp(min=epsilon()) + 1.0).log() - (y_true.clamp(min=epsilon()) + 1.0).log()
    result: Tensor = difference.square().mean(-1)
    return result


@at_users_line
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Mean over the last axis of e²/2 where |e| <= delta, else delta * (|e| - delta/2), with e = y_pred - y_true.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]])
    tensor([1.5000])
    """
    y_true, y_pred = paired(y_true, y_pred, "huber")
    return F.huber_loss(y_pred, y_true, reduction="none", delta=delta).mean(-1)


@at_users_line
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """mean(log(cosh(y_pred - y_true))) over the last axis, computed without overflow: (B, ..., F) -> (B, ...).

    >>> log_cosh([[0.0]], [[100.0]])
    tensor([99.3069])
    """
    y_true, y_pred = paired(y_true, y_pred, "log_cosh")
    error = y_pred - y_true
    result: Tensor = (error + F.softplus(-2.0 * error) - math.log(2.0)).mean(-1)
    return result


def normalized(x: Tensor, axis: int) -> Tensor:
    """`x` divided by its length along `axis`; a zero vector stays zero, with a gradient that is a number."""
    result: Tensor = x / torch.linalg.vector_norm(x, dim=axis, keepdim=True).clamp(min=epsilon())
    return result


@at_users_line
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Minus the cosine of the angle between y_true and y_pred along `axis`: from -1 (same direction) to 1 (opposite).

    >>> cosine_similarity([[1.0, 0.0]], [[2.0, 0.0]])
    tensor([-1.])
    """
    y_true, y_pred = paired(y_true, y_pred, "cosine_similarity")
    return -(normalized(y_true, axis) * normalized(y_pred, axis)).sum(axis)


class MeanSquaredError(Loss):
    """mean((y_true - y_pred)²).

    >>> MeanSquaredError()([[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 2.0]])
    tensor(1.5000)
    """

    takes = "numbers"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_error(y_true, y_pred)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = paired(y_true, y_pred, self.name)
        return F.mse_loss(y_pred, y_true)


class MeanAbsoluteError(Loss):
    """mean(|y_true - y_pred|).

    >>> MeanAbsoluteError()([[0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 2.0]])
    tensor(1.)
    """

    takes = "numbers"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_error(y_true, y_pred)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = paired(y_true, y_pred, self.name)
        return F.l1_loss(y_pred, y_true)


class MeanAbsolutePercentageError(Loss):
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)), in percent.

    >>> MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [5.0]])
    tensor(37.5000)
    """

    takes = "numbers"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """mean((log(1 + y_true) - log(1 + y_pred))²), both raised to 1e-7: for targets over several orders of magnitude.

    >>> MeanSquaredLogarithmicError()([[0.0]], [[math.e - 1.0]])
    tensor(1.0000)
    """

    takes = "numbers"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_logarithmic_error(y_true, y_pred)


class Huber(Loss):
    """Squared up to an error of `delta`, linear beyond: e²/2, or delta * (|e| - delta/2).

    Args:
        delta: where the square ends, in units of the target; greater than 0.

    >>> Huber(delta=1.0)([[0.0], [0.0]], [[1.0], [3.0]])
    tensor(1.5000)
    """

    takes = "numbers"

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.delta = delta

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)

    def batch_mean(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        y_true, y_pred = paired(y_true, y_pred, self.name)
        return F.huber_loss(y_pred, y_true, delta=self.delta)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "delta": self.delta}


class LogCosh(Loss):
    """mean(log(cosh(y_pred - y_true))): about e²/2 for small errors, |e| - log(2) for large ones.

    >>> LogCosh()([[0.0]], [[100.0]])
    tensor(99.3069)
    """

    takes = "numbers"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return log_cosh(y_true, y_pred)


class CosineSimilarity(Loss):
    """Minus the cosine of the angle between targets and predictions: -1 is the best.

    Args:
        axis: the axis along which a vector lies.

    >>> CosineSimilarity()([[1.0, 0.0]], [[2.0, 0.0]])
    tensor(-1.)
    """

    takes = "numbers"

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return cosine_similarity(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
