"""Nadam: Adam that looks ahead along its momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach
from lamina.graph.errors import ArgumentError

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Nadam(Optimizer):
    """w -= lr * (u_{t+1} * m / (1 - U_{t+1}) + (1 - u_t) * g / (1 - U_t)) / (sqrt(v / (1 - beta_2^t)) + epsilon).

    m and v are running means of g and g², as in Adam; u_t = beta_1 * (1 - 0.96^(t * schedule_decay) / 2), and
    U_t = u_1 * ... * u_t.

    Epsilon is added to the root of the *corrected* v, as in Keras and in PyTorch.

    Args:
        learning_rate: a number, schedule or function.
        beta_1: share of the old m that is kept, in [0, 1).
        beta_2: share of the old v that is kept, in [0, 1).
        epsilon: against division by zero.
        schedule_decay: how fast u_t grows. 1 in Keras 3; Keras 1 and 2 (up to 2.10) had 0.004 by default.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> Nadam(learning_rate=0.5).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.4686])
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
        schedule_decay = kwargs.pop("schedule_decay", 1.0)  # which Keras 3 does not have
        if type(schedule_decay) not in (int, float) or not schedule_decay >= 0:
            got = f"schedule_decay={schedule_decay!r:.60}"
            raise ArgumentError("The momentum of Nadam grows at some speed.", got=got, expected="a number >= 0")
        self.schedule_decay: float = schedule_decay
        self._product = (0, 1.0)
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
        now, ahead = self._share(step), self._share(step + 1)
        product = self._product_until(step)
        foreach.lerp_(group["momentum"], grads, 1.0 - self.beta_1)
        foreach.mul_(group["velocity"], self.beta_2)
        foreach.addcmul_(group["velocity"], grads, grads, value=1.0 - self.beta_2)
        denominator = foreach.div(group["velocity"], 1.0 - self.beta_2**step)
        foreach.sqrt_(denominator)
        foreach.add_(denominator, self.epsilon)
        from_momentum = learning_rate * ahead / (1.0 - product * ahead)
        foreach.addcdiv_(group.parameters, group["momentum"], denominator, value=-from_momentum)
        from_gradient = learning_rate * (1.0 - now) / (1.0 - product)
        foreach.addcdiv_(group.parameters, grads, denominator, value=-from_gradient)

    def _share(self, step: int) -> float:
        share: float = self.beta_1 * (1.0 - 0.5 * 0.96 ** (step * self.schedule_decay))
        return share

    def _product_until(self, step: int) -> float:
        """u_1 * ... * u_step. It follows from the step alone, so it is no state to save: only the last one is kept."""
        known, product = self._product if self._product[0] <= step else (0, 1.0)
        for i in range(known + 1, step + 1):
            product *= self._share(i)
            if not product:  # after some thousand steps, whatever a file says of their number
                break
        self._product = step, product
        return product

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return config if self.schedule_decay == 1 else {**config, "schedule_decay": self.schedule_decay}
