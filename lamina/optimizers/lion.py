"""Lion: steps by the sign of a momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach
from lamina.graph.errors import ArgumentError

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Lion(Optimizer):
    """w -= lr * sign(beta_1 * m + (1 - beta_1) * g); then m = beta_2 * m + (1 - beta_2) * g.

    Every weight moves by lr at each step, so lr is usually 3 to 10 times smaller than Adam's and the weight decay that
    much larger (Chen et al., 2023). One tensor of state where Adam has two.

    Args:
        learning_rate: a number, schedule or function.
        beta_1: share of m in the step, in (0, 1].
        beta_2: share of the old m that is kept, in [0, 1).
        The others: see `Optimizer`.

    Raises:
        ArgumentError: beta_1 is not in (0, 1].

    >>> weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> Lion(learning_rate=0.25).apply([torch.tensor([3.0, -0.1])], [weight])
    >>> weight.data
    tensor([0.7500, 1.2500])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ArgumentError(
                "Lion mixes momentum and gradient.",
                got=f"beta_1={beta_1!r}",
                expected="in (0, 1]",
                hint="without momentum it is descent by the sign of the gradient",
            )
        self.beta_1, self.beta_2 = beta_1, beta_2
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
        return {"momentum": 0.0}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        direction = foreach.mul(group["momentum"], self.beta_1)
        foreach.add_(direction, grads, alpha=1.0 - self.beta_1)
        foreach.sign_(direction)
        foreach.add_(group.parameters, direction, alpha=-learning_rate)
        foreach.lerp_(group["momentum"], grads, 1.0 - self.beta_2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}
