"""Focal cross-entropies: samples that are already right weigh less, by the factor (1 - p)^gamma."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.users_traceback import at_users_line

from .base import Loss
from .crossentropy import binary_from_probabilities, class_pair, probabilities, smoothed
from .shapes import paired


@at_users_line
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Mean along `axis` of a * (1 - p_t)^gamma * BCE, with p_t = y p + (1 - y)(1 - p): (B, ..., F) -> (B, ...).

    The weight a is 1, or with `apply_class_balancing` y * alpha + (1 - y) * (1 - alpha).

    >>> binary_focal_crossentropy([[1.0]], [[0.5]])
    tensor([0.1733])
    """
    y_true, y_pred = paired(y_true, y_pred, "binary_focal_crossentropy")
    if label_smoothing:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    if from_logits:
        y_pred = y_pred.sigmoid()
    loss = binary_from_probabilities(y_true, y_pred, "none")
    certainty = y_true * y_pred + (1.0 - y_true) * (1.0 - y_pred)
    loss = (1.0 - certainty) ** gamma * loss
    if apply_class_balancing:
        loss = loss * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    result: Tensor = loss.mean(axis)
    return result


@at_users_line
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | list[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """-sum over the C classes of alpha * (1 - p)^gamma * y * log(p): (B, ..., C) -> (B, ...).

    `alpha` is one weight, or a list of one for each class (which then lie along the last axis).

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    tensor([0.0433])
    """
    y_true, y_pred = class_pair(y_true, y_pred, axis, "categorical_focal_crossentropy")
    y_true = smoothed(y_true, label_smoothing, axis)
    p = probabilities(y_pred.softmax(axis) if from_logits else y_pred, axis)
    weight = alpha if isinstance(alpha, (int, float)) else torch.as_tensor(alpha, dtype=p.dtype, device=p.device)
    result: Tensor = -(weight * (1.0 - p) ** gamma * y_true * p.log()).sum(axis)
    return result


class BinaryFocalCrossentropy(Loss):
    """Binary cross-entropy times (1 - p_t)^gamma: for few positives among many easy negatives.

    Args:
        apply_class_balancing: weigh positives by `alpha`, negatives by 1 - `alpha`.
        alpha: in [0, 1].
        gamma: how strongly easy samples are silenced; 0 gives the plain cross-entropy.
        from_logits: predictions are logits.
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/2.
        axis: the axis averaged over first.

    >>> BinaryFocalCrossentropy()(torch.tensor([[1.0]]), torch.tensor([[0.5]]))
    tensor(0.1733)
    """

    takes = "answers"

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        balancing = (self.apply_class_balancing, self.alpha, self.gamma)
        return binary_focal_crossentropy(y_true, y_pred, *balancing, self.from_logits, self.label_smoothing, self.axis)

    def get_config(self) -> dict[str, Any]:
        names = ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class CategoricalFocalCrossentropy(Loss):
    """Categorical cross-entropy times alpha * (1 - p)^gamma, for one-hot targets with rare classes.

    Args:
        alpha: one weight, or a list of one for each class.
        gamma: how strongly easy samples are silenced; 0 gives the plain cross-entropy times alpha.
        from_logits: predictions are logits.
        label_smoothing: in [0, 1]; targets become y * (1 - s) + s/C.
        axis: the axis of the classes.

    >>> CategoricalFocalCrossentropy()(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(0.0433)
    """

    takes = "one_hot"

    def __init__(
        self,
        alpha: float | list[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha, self.gamma, self.from_logits = alpha, gamma, from_logits
        self.label_smoothing, self.axis = label_smoothing, axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis
        )

    def get_config(self) -> dict[str, Any]:
        names = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
