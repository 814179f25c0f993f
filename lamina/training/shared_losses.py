"""Losses over all rows: what a process's part of a mean is, where the mean does not count every row alike."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed

from lamina.losses import Loss
from lamina.losses.base import called_with_mask
from lamina.losses.reduction import MEANS
from lamina.processes import Share

from .placed_losses import SumOfLosses


class SharedLosses:
    """Losses of one process whose mean, by the processes' numbers of rows, is the loss of the whole batch.

    That is so of a plain mean over the rows. A mean over a mask, or over sample weights, is divided by what all
    processes have of it together; a sum counts as often as the whole batch has this process's rows. So gradients and
    running means may be averaged by rows, whatever the loss.

    Attributes:
        share: of the batch that is worked on.
        group: the processes that have different rows; None for all.
    """

    def __init__(self) -> None:
        self.share = Share(1, 1)
        self.group: Any = None

    @property
    def rows(self) -> int:
        """Rows of this process in the batch."""
        return self.share.rows

    def value(self, loss: Any, call: Any, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> torch.Tensor:
        """The loss of this process's rows, a scalar.

        Args:
            loss: which one.
            call: the same as a function of the rest.
        """
        if isinstance(loss, SumOfLosses):
            parts = [
                self.value(part, called_with_mask(part), y_true, y_pred, sample_weight, mask) * weight
                for part, weight in loss.parts
            ]
            return sum(parts[1:], start=parts[0])
        value = call(y_true, y_pred, sample_weight, mask)
        value = value.mean() if value.ndim else value
        return self.scaled(value, loss, y_true, y_pred, sample_weight, mask)

    def scaled(
        self, value: torch.Tensor, loss: Any, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any
    ) -> torch.Tensor:
        """The loss of these rows, computed as if they were all, as this process's."""
        factor = self._factor(loss, y_true, y_pred, sample_weight, mask)
        return value if factor is None else value * torch.as_tensor(factor, dtype=value.dtype)

    def _factor(self, loss: Any, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> Any:
        """What the loss of these rows is multiplied by; None for 1. All processes ask alike."""
        rows, total = self.share
        if type(loss).__call__ is not Loss.__call__:
            return None  # a loss of the user's own: taken for a mean over rows
        if loss.reduction == "sum":
            return total / max(rows, 1)
        if loss.reduction not in MEANS:
            return None
        divisor = loss.divisor(y_true, y_pred, sample_weight, mask)
        if divisor is None:
            return None
        every = divisor.clone() if rows else torch.zeros_like(divisor)
        distributed.all_reduce(every, group=self.group)
        return divisor / torch.where(every == 0, 1.0, every) * (total / max(rows, 1))
