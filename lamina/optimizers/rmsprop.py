"""RMSprop: each gradient divided by the root of its running mean square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class RMSprop(Optimizer):
    """v = rho * v + (1 - rho) * g²; step = lr * g / sqrt(v + epsilon); w -= step.

    Epsilon is inside the root, as in Keras (PyTorch: outside). With momentum m = momentum * m + step, then w -= m.
    Centered: v + epsilon - mean(g)² under the root, with the running mean of g.

    Args:
        learning_rate: a number, schedule or function.
        rho: share of the old v that is kept, in [0, 1).
        momentum: in [0, 1).
        epsilon: against division by zero.
        centered: divide by an estimate of the variance, not of the mean square.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> RMSprop(learning_rate=0.1, rho=0.75).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.8000])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered
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
        momentum = {"momentum": 0.0} if self.momentum > 0 else {}
        return {"velocity": 0.0} | momentum | ({"average_gradient": 0.0} if self.centered else {})

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        foreach.mul_(group["velocity"], self.rho)
        foreach.addcmul_(group["velocity"], grads, grads, value=1.0 - self.rho)
        denominator = foreach.add(group["velocity"], self.epsilon)
        if self.centered:
            average = group["average_gradient"]
            foreach.mul_(average, self.rho)
            foreach.add_(average, grads, alpha=1.0 - self.rho)
            foreach.addcmul_(denominator, average, average, value=-1.0)
        foreach.sqrt_(denominator)
        if self.momentum > 0:
            foreach.mul_(group["momentum"], self.momentum)
            foreach.addcdiv_(group["momentum"], grads, denominator, value=learning_rate)
            foreach.sub_(group.parameters, group["momentum"])
        else:
            foreach.addcdiv_(group.parameters, grads, denominator, value=-learning_rate)

    def get_config(self) -> dict[str, Any]:
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}
