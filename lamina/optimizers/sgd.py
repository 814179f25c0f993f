"""Gradient descent, with or without momentum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach, fused
from lamina.graph.errors import ArgumentError

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class SGD(Optimizer):
    """w += -lr * g; with momentum m = momentum * m - lr * g, then w += m (nesterov: w += momentum * m - lr * g).

    The learning rate enters m, as in Keras: after a change of it, steps already in m keep theirs (PyTorch scales m as a
    whole instead).

    Args:
        learning_rate: a number, schedule or function.
        momentum: in [0, 1].
        nesterov: look ahead along m.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
    >>> SGD(learning_rate=0.5).apply([torch.tensor([1.0])], [weight])
    >>> weight.data
    tensor([0.5000])
    """

    kernel = "sgd"

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not 0 <= momentum <= 1:
            raise ArgumentError("The momentum of SGD is a share.", got=f"momentum={momentum!r}", expected="in [0, 1]")
        self.momentum, self.nesterov = momentum, nesterov
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
        return {"momentum": 0.0} if self.momentum else {}

    def skips_itself(self, group: Group) -> bool:
        return bool(group.fused and self.momentum and not self.nesterov and self.weight_decay is None)

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        if not self.momentum:
            foreach.add_(group.parameters, grads, alpha=-learning_rate)
        elif group.fused and not self.nesterov:
            # The kernel does m = momentum * m + (1 - dampening) * g and w -= lr * m: with these two, m is Keras'.
            parameters, grads, slots = group.as_stored(grads)
            fused.sgd_(
                parameters,
                grads,
                slots["momentum"],
                momentum=self.momentum,
                dampening=1.0 + learning_rate,
                lr=-1.0,
                weight_decay=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
                found_inf=self._found_inf,
            )
        else:
            foreach.mul_(group["momentum"], self.momentum)
            foreach.add_(group["momentum"], grads, alpha=-learning_rate)
            if self.nesterov:
                foreach.add_(group.parameters, group["momentum"], alpha=self.momentum)
                foreach.add_(group.parameters, grads, alpha=-learning_rate)
            else:
                foreach.add_(group.parameters, group["momentum"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
