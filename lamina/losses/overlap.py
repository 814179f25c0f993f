"""Losses on the overlap of two regions, for segmentation: 0 where prediction and target are the same region."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from lamina.config import epsilon
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import as_tensor, paired


@at_users_line
def dice(y_true: Any, y_pred: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + 1e-7), sums over `axis`.

    Args:
        y_true: targets in [0, 1], (B, ...).
        y_pred: probabilities in [0, 1], (B, ...).
        axis: axes of one region, such as (1, 2, 3) for (B, H, W, C); None: the whole batch is one region, a scalar.

    >>> dice([[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]], axis=1)
    tensor([0.3333])
    """
    y_true, y_pred = _same_rank(y_true, y_pred, "dice")
    overlap = _sum(y_true * y_pred, axis)
    return 1.0 - 2.0 * overlap / (_sum(y_true, axis) + _sum(y_pred, axis) + epsilon())


@at_users_line
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: int | Sequence[int] | None = None
) -> Tensor:
    """1 - hit / (hit + alpha * missed + beta * extra + 1e-7), for hit = sum(y p), missed = sum(y (1 - p)) and
    extra = sum((1 - y) p) over `axis`; alpha = beta = 0.5 is the Dice loss.

    Args:
        y_true: targets y in [0, 1], (B, ...).
        y_pred: probabilities p in [0, 1], (B, ...).
        alpha: price of what is missed, as in Keras' arithmetic (whose text calls it the price of false positives).
        beta: price of what is predicted beside the target.
        axis: axes of one region, such as (1, 2, 3) for (B, H, W, C); None: the whole batch is one region, a scalar.

    >>> tversky([[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]], alpha=1.0, axis=1)
    tensor([0.5000])
    """
    y_true, y_pred = _same_rank(y_true, y_pred, "tversky")
    hit = _sum(y_true * y_pred, axis)
    missed, extra = _sum(y_true * (1.0 - y_pred), axis), _sum((1.0 - y_true) * y_pred, axis)
    return 1.0 - hit / (hit + alpha * missed + beta * extra + epsilon())


def _same_rank(y_true: Any, y_pred: Any, what: str) -> tuple[Tensor, Tensor]:
    """A pair of the rank that the predictions have, since `axis` counts their axes: (B, H, W) fits (B, H, W, 1)."""
    y_true, y_pred = as_tensor(y_true), as_tensor(y_pred)
    if y_true.shape != y_pred.shape and y_true.numel() == y_pred.numel():
        if y_true.shape == y_pred.shape[:-1]:
            y_true = y_true.unsqueeze(-1)
        elif y_true.shape[:-1] == y_pred.shape:
            y_true = y_true.squeeze(-1)
    return paired(y_true, y_pred, what, "one-hot targets, one channel for each class that is predicted")


def _sum(x: Tensor, axis: int | Sequence[int] | None) -> Tensor:
    return x.sum() if axis is None else x.sum(axis if isinstance(axis, int) else tuple(axis))


class Dice(Loss):
    """1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred)): twice the overlap by the two sizes, from 0 to 1.

    Args:
        axis: axes of one region, such as (1, 2, 3) for (B, H, W, C), which gives a loss for every sample. None: the
            whole batch is one region, and there is nothing that weights or masks of samples could apply to.

    >>> Dice(axis=1)([[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]])
    tensor(0.3333)
    """

    takes = "shares"

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return dice(y_true, y_pred, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class Tversky(Loss):
    """1 - hit / (hit + alpha * missed + beta * extra): the Dice loss with a price for each kind of error.

    Args:
        alpha: price of what is missed, sum(y (1 - p)).
        beta: price of what is predicted beside the target, sum((1 - y) p).
        axis: axes of one region, see `Dice`.

    >>> Tversky(alpha=1.0, axis=1)([[1.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]])
    tensor(0.5000)
    """

    takes = "shares"

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.beta, self.axis = alpha, beta, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha, "beta": self.beta, "axis": self.axis}
