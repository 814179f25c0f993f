"""Lamb: Adam with the step of each weight in proportion to the weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Lamb(Optimizer):
    """u = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon); w -= lr * |w| / |u| * u.

    m and v are running means of g and g², as in Adam; |w| and |u| are the Euclidean norms of the whole tensors, and
    their ratio is 1 where one of them is 0. Epsilon is added to the root of the *corrected* v, as in Keras.

    Args:
        learning_rate: a number, schedule or function.
        beta_1: share of the old m that is kept, in [0, 1).
        beta_2: share of the old v that is kept, in [0, 1).
        epsilon: against division by zero.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    >>> Lamb(learning_rate=0.1).apply([torch.tensor([0.0, 7.0])], [weight])
    >>> weight.data
    tensor([3.0000, 3.5000])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        super().__init__(
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            clipnorm=clipnorm,
            clipvalue=clipvalue,
            global_clipnorm=global_clipnorm,
            use_ema=use_ema,
            ema_momentum=ema_momentum,
            ema_overwrite_frequency=ema_overwrite_frequency,
            loss_scale_factor=loss_scale_factor,
            gradient_accumulation_steps=gradient_accumulation_steps,
            name=name,
            **kwargs,
        )

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0, "velocity": 0.0}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        step = self._updates + 1
        foreach.lerp_(group["momentum"], grads, 1.0 - self.beta_1)
        foreach.mul_(group["velocity"], self.beta_2)
        foreach.addcmul_(group["velocity"], grads, grads, value=1.0 - self.beta_2)
        denominator = foreach.div(group["velocity"], 1.0 - self.beta_2**step)
        foreach.sqrt_(denominator)
        foreach.add_(denominator, self.epsilon)
        change = foreach.div(group["momentum"], 1.0 - self.beta_1**step)
        foreach.div_(change, denominator)
        weight_norm = torch.stack(foreach.norm(group.parameters))
        change_norm = torch.stack(foreach.norm(change))
        ratio = torch.where((weight_norm > 0) & (change_norm > 0), weight_norm / change_norm, 1.0)
        foreach.mul_(change, list(ratio.unbind()))
        foreach.add_(group.parameters, change, alpha=-learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
