"""Adamax: Adam with the largest recent gradient in place of the mean square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Adamax(Optimizer):
    """m is a running mean of g, u = max(beta_2 * u, |g|); w -= lr / (1 - beta_1^t) * m / (u + epsilon).

    PyTorch puts epsilon inside the maximum, |g| + eps; here it is added to u, as in Keras.

    Args:
        learning_rate: a number, schedule or function.
        beta_1: share of the old m that is kept, in [0, 1).
        beta_2: share of the old u that is kept, in [0, 1).
        epsilon: against division by zero.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> Adamax(learning_rate=0.5).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.5000])
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
        return {"momentum": 0.0, "norm": 0.0}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        foreach.lerp_(group["momentum"], grads, 1.0 - self.beta_1)
        foreach.mul_(group["norm"], self.beta_2)
        foreach.maximum_(group["norm"], foreach.abs(grads))
        denominator = foreach.add(group["norm"], self.epsilon)
        rate = learning_rate / (1.0 - self.beta_1 ** (self._updates + 1))
        foreach.addcdiv_(group.parameters, group["momentum"], denominator, value=-rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
