"""Adadelta: steps in units of the steps made before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Adadelta(Optimizer):
    """a = rho * a + (1 - rho) * g²; d = g * sqrt(b + epsilon) / sqrt(a + epsilon); w -= lr * d; b = mean of d² like a.

    Epsilon is inside the roots, as in Keras and in PyTorch.

    Args:
        learning_rate: a number, schedule or function; 1.0 in the paper of Zeiler.
        rho: share of the old a and b that is kept, in [0, 1).
        epsilon: against division by zero; it sets the size of the first steps.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> Adadelta(learning_rate=1.0, rho=0.75, epsilon=1.0).apply([torch.tensor([4.0])], [weight])
    >>> weight.data
    tensor([-0.7889])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        rho: float = 0.95,
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
        self.rho, self.epsilon = rho, epsilon
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
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        squares, deltas = group["accumulated_grad"], group["accumulated_delta_var"]
        foreach.mul_(squares, self.rho)
        foreach.addcmul_(squares, grads, grads, value=1.0 - self.rho)
        delta = foreach.add(deltas, self.epsilon)
        foreach.div_(delta, foreach.add(squares, self.epsilon))
        foreach.sqrt_(delta)
        foreach.mul_(delta, grads)
        foreach.mul_(deltas, self.rho)
        foreach.addcmul_(deltas, delta, delta, value=1.0 - self.rho)
        foreach.add_(group.parameters, delta, alpha=-learning_rate)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}
