"""Adagrad: each gradient divided by the root of the sum of its squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach, fused

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Adagrad(Optimizer):
    """a += g²; w -= lr * g / sqrt(a + epsilon), with a = initial_accumulator_value at first.

    Epsilon is inside the root, as in Keras (PyTorch: outside). The state "accumulator" holds a + epsilon, which is what
    PyTorch's kernel takes the root of.

    Args:
        learning_rate: a number, schedule or function.
        initial_accumulator_value: first value of a, >= 0.
        epsilon: against division by zero.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply([torch.tensor([3.0])], [weight])
    >>> weight.data
    tensor([0.9000])
    """

    kernel = "adagrad"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon
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
        return {"accumulator": self.initial_accumulator_value + self.epsilon}

    def skips_itself(self, group: Group) -> bool:
        return group.fused and self.weight_decay is None

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        if group.fused:
            parameters, grads, slots = group.as_stored(grads)
            fused.adagrad_(
                parameters,
                grads,
                slots["accumulator"],
                group.late_steps,
                lr=learning_rate,
                lr_decay=0.0,
                weight_decay=0.0,
                eps=0.0,
                maximize=False,
                found_inf=self._found_inf,
            )
        else:
            accumulator = group["accumulator"]
            foreach.addcmul_(accumulator, grads, grads)
            foreach.addcdiv_(group.parameters, grads, foreach.sqrt(accumulator), value=-learning_rate)

    def get_config(self) -> dict[str, Any]:
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
