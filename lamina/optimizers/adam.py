"""Adam, and AdamW with its weight decay on by default."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach, fused
from lamina.graph.errors import ArgumentError

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Adam(Optimizer):
    """m and v are running means of g and g²; w -= lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon).

    Epsilon is added to the root of the *uncorrected* v, as in Keras ("epsilon hat" in the paper of Kingma and Ba).
    PyTorch adds it to the corrected one: its eps acts like an epsilon of eps * sqrt(1 - beta_2^t) here.

    Args:
        learning_rate: a number, schedule or function.
        beta_1: share of the old m that is kept, in [0, 1).
        beta_2: share of the old v that is kept, in [0, 1).
        epsilon: against division by zero.
        amsgrad: divide by the largest v so far.
        The others: see `Optimizer`. With `weight_decay` this is AdamW.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> Adam(learning_rate=0.5).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.5000])
    """

    kernel = "adam"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad
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
        return {"momentum": 0.0, "velocity": 0.0} | ({"velocity_hat": 0.0} if self.amsgrad else {})

    def decays_itself(self, group: Group) -> bool:
        return group.fused and self._decayed(group) is group.parameters

    def skips_itself(self, group: Group) -> bool:
        return group.fused and (self.weight_decay is None or self.decays_itself(group))

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        adam_step(
            group,
            grads,
            learning_rate,
            self._updates + 1,
            self.beta_1,
            self.beta_2,
            self.epsilon,
            self.weight_decay if self.weight_decay is not None and self.decays_itself(group) else None,
            self._found_inf,
        )

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}


def adam_step(
    group: Group,
    grads: list[Tensor],
    rate: float,
    step: int,
    beta_1: float,
    beta_2: float,
    epsilon: float,
    weight_decay: float | None = None,
    found_inf: Tensor | None = None,
) -> None:
    """Adam's formula on the slots "momentum", "velocity" and, where the group has it, "velocity_hat".

    Args:
        rate: learning rate, without the corrections.
        step: t, from 1 on.
        weight_decay: for a fused group only.
        found_inf: 1.0 if the step is to be skipped; for a fused group only.
    """
    correction = math.sqrt(1.0 - beta_2**step) / (1.0 - beta_1**step)
    if not group.fused:
        _unfused_step(group, grads, rate * correction, beta_1, beta_2, epsilon)
        return
    # The corrections are in lr already (the group's late_steps turn off the kernel's own). As the kernel decays
    # weights by lr * weight_decay, they are taken out of the decay again.
    parameters, grads, slots = group.as_stored(grads)
    (fused.adam_ if weight_decay is None else fused.adamw_)(
        parameters,
        grads,
        slots["momentum"],
        slots["velocity"],
        slots.get("velocity_hat", []),
        group.late_steps,
        lr=rate * correction,
        beta1=beta_1,
        beta2=beta_2,
        weight_decay=0.0 if weight_decay is None else weight_decay / correction,
        eps=epsilon,
        amsgrad="velocity_hat" in slots,
        maximize=False,
        found_inf=found_inf,
    )


def _unfused_step(group: Group, grads: list[Tensor], rate: float, beta_1: float, beta_2: float, epsilon: float) -> None:
    foreach.lerp_(group["momentum"], grads, 1.0 - beta_1)
    foreach.mul_(group["velocity"], beta_2)
    foreach.addcmul_(group["velocity"], grads, grads, value=1.0 - beta_2)
    velocity = group["velocity"]
    if "velocity_hat" in group.slots:
        foreach.maximum_(group["velocity_hat"], velocity)
        velocity = group["velocity_hat"]
    denominator = foreach.sqrt(velocity)
    foreach.add_(denominator, epsilon)
    foreach.addcdiv_(group.parameters, group["momentum"], denominator, value=-rate)


class AdamW(Adam):
    """Adam after w *= 1 - lr * weight_decay; see `Adam` for the rest and for where epsilon is.

    Args:
        learning_rate: a number, schedule or function.
        weight_decay: share of a weight taken away per step, per unit of learning rate.
        beta_1: share of the old m that is kept, in [0, 1).
        beta_2: share of the old v that is kept, in [0, 1).
        epsilon: against division by zero.
        amsgrad: divide by the largest v so far.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> AdamW(learning_rate=0.5, weight_decay=0.1).apply([torch.tensor([0.0])], [weight])
    >>> weight.data
    tensor([0.9500])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ArgumentError("AdamW decays weights.", got="weight_decay=None", hint="Adam, which does not")
        super().__init__(
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            amsgrad=amsgrad,
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
