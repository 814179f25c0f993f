"""A cross-entropy that forgives wrong labels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError
from lamina.users_traceback import at_users_line

from .base import Loss
from .crossentropy import class_numbers


@at_users_line
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """(1 - p[y]^q) / q: (B, ..., C) -> (B, ...).

    Args:
        y_true: class numbers in [0, C), (B, ...) or (B, ..., 1).
        y_pred: probabilities of the classes, (B, ..., C).
        q: in (0, 1); near 0 the cross-entropy -log(p), near 1 the absolute error 1 - p.

    >>> categorical_generalized_cross_entropy([0, 1], [[0.64, 0.36], [0.75, 0.25]], q=0.5)
    tensor([0.4000, 1.0000])
    """
    y_true, y_pred = class_numbers(y_true, y_pred, -1, "categorical_generalized_cross_entropy")
    taken = y_pred.gather(-1, y_true.unsqueeze(-1)).squeeze(-1)
    # A softmax may round to 0, where the slope of p^q is infinite.
    result: Tensor = (1.0 - taken.clamp(min=torch.finfo(taken.dtype).tiny) ** q) / q
    return result


class CategoricalGeneralizedCrossEntropy(Loss):
    """(1 - p[y]^q) / q, for class numbers some of which are wrong: large errors weigh less than in a cross-entropy.

    Args:
        q: in (0, 1); the greater, the less a wrong label weighs.

    Raises:
        ArgumentError: `q` is not in (0, 1).

    >>> CategoricalGeneralizedCrossEntropy()([0, 1], [[0.64, 0.36], [0.75, 0.25]])
    tensor(0.7000)
    """

    integer_targets = True
    takes = "classes"

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not 0 < q < 1:
            raise ArgumentError("This generalized cross-entropy does not exist.", got=f"q={q!r}", expected="0 < q < 1")
        self.q = q

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "q": self.q}
