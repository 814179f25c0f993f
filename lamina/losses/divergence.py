"""Losses between distributions, and for counts."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from lamina.config import epsilon
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import paired


@at_users_line
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """sum(y_true * log(y_true / y_pred)) over the last axis, both clipped to [1e-7, 1]: (B, ..., C) -> (B, ...).

    >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
    tensor([0.1438])
    """
    y_true, y_pred = paired(y_true, y_pred, "kl_divergence")
    y_true, y_pred = y_true.clamp(epsilon(), 1.0), y_pred.clamp(epsilon(), 1.0)
    result: Tensor = (y_true * (y_true / y_pred).log()).sum(-1)
    return result


@at_users_line
def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """mean(y_pred - y_true * log(y_pred + 1e-7)) over the last axis: (B, ..., F) -> (B, ...).

    >>> poisson([[0.0, 2.0]], [[1.0, 1.0]])
    tensor([1.0000])
    """
    y_true, y_pred = paired(y_true, y_pred, "poisson")
    result: Tensor = (y_pred - y_true * (y_pred + epsilon()).log()).mean(-1)
    return result


class KLDivergence(Loss):
    """Kullback-Leibler divergence sum(y_true * log(y_true / y_pred)) of two distributions over C classes.

    >>> KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])
    tensor(0.1438)
    """

    takes = "shares"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return kl_divergence(y_true, y_pred)


class Poisson(Loss):
    """mean(y_pred - y_true * log(y_pred)): for counts, predictions being rates > 0.

    >>> Poisson()([[0.0, 2.0]], [[1.0, 1.0]])
    tensor(1.0000)
    """

    takes = "numbers"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return poisson(y_true, y_pred)
