"""Counting right and wrong answers of yes-or-no questions, for many thresholds at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from lamina.devices import take_memory
from lamina.graph.errors import ArgumentError
from lamina.losses.shapes import paired

from .reduction import at_least_float32, counting

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


class Thresholds:
    """Thresholds in the order given. A prediction is positive where it is greater than the threshold.

    Args:
        values: K numbers.

    >>> counts = Thresholds([0.3, 0.6]).count(torch.tensor([1, 0, 1]), torch.tensor([0.9, 0.5, 0.4]))
    >>> counts["true_positives"], counts["false_positives"]
    (tensor([2., 1.]), tensor([1., 0.]))
    """

    def __init__(self, values: Iterable[float]) -> None:
        self.values = [float(value) for value in values]
        order = sorted(range(len(self.values)), key=self.values.__getitem__)
        self._ascending = torch.tensor([self.values[i] for i in order], dtype=torch.float32)
        self._place = None if order == sorted(order) else torch.tensor(order).argsort()

    def __len__(self) -> int:
        return len(self.values)

    def count(self, y_true: Tensor, y_pred: Tensor, weight: Tensor | None = None) -> dict[str, Tensor]:
        """The four counts of a confusion matrix, each (K,) for data (N,), or (K, F) for data (N, F).

        Args:
            y_true: targets, 0 or 1 (anything but 0 is 1).
            y_pred: predictions, floating, same shape.
            weight: what each answer counts, same shape; None for 1.
        """
        ones = torch.ones_like(y_pred) if weight is None else weight.to(y_pred.dtype)
        positive = torch.where(y_true.to(torch.bool), ones, 0.0)
        negative = ones - positive
        hits: tuple[Tensor, ...]
        if len(self) == 1:
            said_yes = (y_pred > self.values[0]).to(y_pred.dtype)
            hits = (
                (positive * said_yes).sum(0, keepdim=True),
                (negative * said_yes).sum(0, keepdim=True),
            )
        else:
            hits = self._above(y_pred, positive, negative)
        return {
            "true_positives": hits[0],
            "false_positives": hits[1],
            "true_negatives": negative.sum(0) - hits[1],
            "false_negatives": positive.sum(0) - hits[0],
        }

    def _above(self, y_pred: Tensor, *amounts: Tensor) -> tuple[Tensor, ...]:
        """For each threshold the sum of the amounts whose prediction is greater: one pass, whatever their number.

        Each prediction goes into the bucket that tells how many thresholds it exceeds; sums over buckets from the top
        down are the answer.
        """
        self._ascending = self._ascending.to(y_pred.device, y_pred.dtype)
        bucket = torch.bucketize(y_pred.contiguous(), self._ascending)
        columns = y_pred[0].numel() if y_pred.ndim > 1 else 1
        if y_pred.ndim > 1:
            bucket = bucket * columns + torch.arange(columns, device=y_pred.device)
        sums = []
        for amount in amounts:
            held = torch.zeros((len(self) + 1) * columns, dtype=wide(y_pred.device), device=y_pred.device)
            held.index_add_(0, bucket.flatten(), amount.flatten().to(held.dtype))
            above = held.reshape(len(self) + 1, *y_pred.shape[1:]).flip(0).cumsum(0).flip(0)[1:].to(y_pred.dtype)
            if self._place is not None:
                self._place = self._place.to(y_pred.device)
                above = above[self._place]
            sums.append(above)
        return tuple(sums)


def wide(device: torch.device) -> torch.dtype:
    """What to count in one by one: float32 stops at 2^24, which pixels exceed. Apple's GPUs have nothing wider."""
    return torch.float32 if device.type == "mps" else torch.float64


def checked_thresholds(metric: str, thresholds: Any, default: float) -> Thresholds:
    """`Thresholds` from None, a number or several; ArgumentError unless they are in [0, 1]."""
    if thresholds is None:
        return Thresholds([default])
    values = (
        list(thresholds) if isinstance(thresholds, (list, tuple)) or hasattr(thresholds, "__iter__") else [thresholds]
    )
    if not values or any(value is None or not 0 <= value <= 1 for value in values):
        raise ArgumentError(f"{metric} takes thresholds of probabilities.", got=repr(thresholds), expected="in [0, 1]")
    return Thresholds(values)


# Of a threshold as a number of Python's, in the lists that hold it while they are made and afterwards.
_BYTES = 128


def evenly_spread(num_thresholds: int) -> list[float]:
    """`num_thresholds` numbers from 0 to 1; 0.5 if it is one."""
    take_memory(num_thresholds * _BYTES, f"{num_thresholds} thresholds")
    if num_thresholds == 1:
        return [0.5]
    return [i / (num_thresholds - 1) for i in range(num_thresholds)]


def answers(
    metric: str, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Targets, predictions and how much each counts, of one shape and dtype."""
    y_true, y_pred = paired(y_true, at_least_float32(y_pred), metric)
    y_true, y_pred = y_true.to(dtype), y_pred.to(dtype)
    weight = counting(y_pred, sample_weight, mask, dtype)
    return y_true, y_pred, None if weight is None else weight.expand_as(y_pred)
