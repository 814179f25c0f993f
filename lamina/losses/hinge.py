"""Hinge losses: zero once the answer is right by a margin of 1."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import paired


def _signed(y_true: Tensor) -> Tensor:
    """Targets in {-1, 1}: a batch of only 0 and 1 is mapped there, on the device, without looking at it from Python."""
    binary = ((y_true == 0) | (y_true == 1)).all()
    return torch.where(binary, 2.0 * y_true - 1.0, y_true)


@at_users_line
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis; targets -1 or 1, or 0 or 1: (B, ..., F) -> (B, ...).

    >>> hinge([[0.0, 1.0]], [[0.5, 0.5]])
    tensor([1.])
    """
    y_true, y_pred = paired(y_true, y_pred, "hinge")
    result: Tensor = (1.0 - _signed(y_true) * y_pred).relu().mean(-1)
    return result


@at_users_line
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """mean(max(1 - y_true * y_pred, 0)²) over the last axis; targets -1 or 1, or 0 or 1: (B, ..., F) -> (B, ...).

    >>> squared_hinge([[-1.0, 1.0]], [[0.5, 0.5]])
    tensor([1.2500])
    """
    y_true, y_pred = paired(y_true, y_pred, "squared_hinge")
    result: Tensor = (1.0 - _signed(y_true) * y_pred).relu().square().mean(-1)
    return result


@at_users_line
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """max(best wrong score - right score + 1, 0) over the C classes of the last axis: (B, ..., C) -> (B, ...).

    >>> categorical_hinge([[0.0, 1.0]], [[0.75, 0.5]])
    tensor([1.2500])
    """
    y_true, y_pred = paired(y_true, y_pred, "categorical_hinge")
    right, wrong = (y_true * y_pred).sum(-1), ((1.0 - y_true) * y_pred).amax(-1)
    result: Tensor = (wrong - right + 1.0).relu()
    return result


class Hinge(Loss):
    """mean(max(1 - y_true * y_pred, 0)), targets -1 or 1 (or 0 or 1).

    >>> Hinge()(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(1.)
    """

    takes = "signs"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """mean(max(1 - y_true * y_pred, 0)²), targets -1 or 1 (or 0 or 1).

    >>> SquaredHinge()(torch.tensor([[-1.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(1.2500)
    """

    takes = "signs"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """max(best wrong score - right score + 1, 0), one-hot targets.

    >>> CategoricalHinge()(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.75, 0.5]]))
    tensor(1.2500)
    """

    takes = "shares"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_hinge(y_true, y_pred)
