"""ScheduleFreeAdamW: an average of the weights in the place of a falling learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group, filled_like
from .schedules import LearningRateSchedule


class ScheduleFreeAdamW(Optimizer):
    """z -= lr * g / (sqrt(v / (1 - beta_2^t)) + epsilon); x = (1 - 1/t) * x + z / t; w = (1 - beta_1) * z + beta_1 * x.

    v is the running mean of g². The gradient is taken at the weights w, between the sequence z that the steps are made
    on and its average x (Defazio et al., 2024). z is the state "momentum"; x follows from w and z, and is not kept.
    Epsilon is added to the root of the *corrected* v, as in Keras and in PyTorch.

    z starts at the weights as they are at the first gradient (Keras: when the optimizer is built, so weights loaded
    after that are lost again).

    Args:
        learning_rate: a number, schedule or function.
        beta_1: how near w is to the average, in [0, 1].
        beta_2: share of the old v that is kept, in [0, 1).
        epsilon: against division by zero.
        warmup_steps: steps in which the learning rate rises from 0 along a line.
        The others: see `Optimizer`. Weight decay acts on w.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> ScheduleFreeAdamW(learning_rate=0.5).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.5000])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps
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

    def first_state(self, parameter: Tensor) -> dict[str, Tensor]:
        return {"momentum": parameter.detach().clone(), "velocity": filled_like(parameter, 0.0)}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        step = self._updates + 1
        rate = learning_rate * min(step / self.warmup_steps, 1.0) if self.warmup_steps else learning_rate
        foreach.mul_(group["velocity"], self.beta_2)
        foreach.addcmul_(group["velocity"], grads, grads, value=1.0 - self.beta_2)
        denominator = foreach.div(group["velocity"], 1.0 - self.beta_2**step)
        foreach.sqrt_(denominator)
        foreach.add_(denominator, self.epsilon)
        # beta_1 * x = w - (1 - beta_1) * z, so w can be moved without ever making x.
        foreach.add_(group.parameters, group["momentum"], alpha=self.beta_1 - 1.0)
        foreach.mul_(group.parameters, 1.0 - 1.0 / step)
        foreach.addcdiv_(group["momentum"], grads, denominator, value=-rate)
        foreach.add_(group.parameters, group["momentum"], alpha=1.0 - self.beta_1 + self.beta_1 / step)

    def get_config(self) -> dict[str, Any]:
        names = ("beta_1", "beta_2", "epsilon", "warmup_steps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
