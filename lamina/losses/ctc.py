"""The loss of connectionist temporal classification (CTC): sequences of labels whose places in time are not known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ShapeError
from lamina.ops import ctc_loss
from lamina.users_traceback import at_users_line

from .base import Loss
from .shapes import as_tensor, device_of


@at_users_line
def ctc(y_true: Any, y_pred: Any) -> Tensor:
    """-log of the probability that the steps, without repetitions and blanks, spell the labels: (B, T, C) -> (B,).

    Args:
        y_true: labels from 1 to C - 1, (B, L), filled up with 0, which also is the number of the blank.
        y_pred: logits, (B, T, C).

    Returns:
        Losses, (B,); infinite where the labels need more than T steps.

    Raises:
        ShapeError: another rank, or another number of samples.

    On a GPU PyTorch's function asks for the lengths of the labels on the host, so this loss waits for the device.

    >>> ctc([[1, 2], [1, 0]], torch.zeros(2, 3, 3))
    tensor([1.6864, 1.5041])
    """
    y_pred = as_tensor(y_pred)
    y_true = as_tensor(y_true, device_of(y_pred))
    if y_true.ndim != 2 or y_pred.ndim != 3 or y_true.shape[0] != y_pred.shape[0]:
        raise ShapeError(
            "ctc takes a sequence of labels and logits of every step.",
            got=f"targets {tuple(y_true.shape)}, predictions {tuple(y_pred.shape)}",
            expected="targets (B, L), filled up with 0, and predictions (B, T, C)",
        )
    lengths = (y_true != 0).sum(-1)
    result: Tensor = ctc_loss(y_true, y_pred, lengths, torch.full_like(lengths, y_pred.shape[1]))
    return result


class CTC(Loss):
    """-log of the probability of a sequence of labels, whatever the steps at which they appear; `ctc` tells more.

    Targets are labels from 1 to C - 1, (B, L), filled up with 0 (the blank); predictions are logits, (B, T, C).

    >>> CTC()([[1, 2], [1, 0]], torch.zeros(2, 3, 3))
    tensor(1.5952)
    """

    integer_targets = True
    takes = "sequences"

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ctc(y_true, y_pred).to(y_pred.dtype)
