"""FTRL: follow the regularized leader, for sparse linear models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from lamina._torch import foreach
from lamina.graph.errors import ArgumentError

from .base import Optimizer
from .group import Group
from .schedules import LearningRateSchedule


class Ftrl(Optimizer):
    """z += g + 2 * shrinkage * w - (n'^p - n^p) / lr * w; w = (clip(z, -l1, l1) - z) / (n'^p / lr + 2 * l2).

    n' = n + g² is the sum of squares, p = -learning_rate_power, and beta / (2 * lr) is added to l2. A weight whose z
    stays within l1 is exactly 0, which is what makes the model sparse (McMahan et al., 2013). The first step does not
    start from w: the weights are those that the gradients so far ask for. A learning rate of 0 leaves everything as it
    is (Keras: nan).

    Args:
        learning_rate: a number, schedule or function.
        learning_rate_power: at most 0; 0 for a step that does not fall with the sum of squares.
        initial_accumulator_value: first value of n, at least 0.
        l1_regularization_strength: l1, at least 0.
        l2_regularization_strength: l2, at least 0.
        l2_shrinkage_regularization_strength: at least 0; unlike l2 it acts as a term of the loss would.
        beta: of the paper.
        The others: see `Optimizer`.

    Raises:
        ArgumentError: one of these is out of its range.

    >>> weight = torch.nn.Parameter(torch.tensor([1.0, 1.0]))
    >>> ftrl = Ftrl(learning_rate=0.5, initial_accumulator_value=0.0, l1_regularization_strength=1.0)
    >>> ftrl.apply([torch.tensor([4.0, 0.25])], [weight])
    >>> weight.data
    tensor([0.3750, 0.0000])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        self._check_ranges()
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

    def _check_ranges(self) -> None:
        for name in _OWN:
            value = getattr(self, name)
            if (value > 0) if name == "learning_rate_power" else (value < 0 and name != "beta"):
                expected = f"{name} {'<= 0' if value > 0 else '>= 0'}"
                raise ArgumentError("Ftrl cannot take this number.", got=f"{name}={value!r}", expected=expected)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        if not learning_rate:
            return
        squares, linear, weights = group["accumulator"], group["linear"], group.parameters
        before = foreach.pow(squares, -self.learning_rate_power)
        foreach.addcmul_(squares, grads, grads)
        after = foreach.pow(squares, -self.learning_rate_power)
        foreach.add_(linear, grads)
        if self.l2_shrinkage_regularization_strength:
            foreach.add_(linear, weights, alpha=2.0 * self.l2_shrinkage_regularization_strength)
        foreach.addcmul_(linear, foreach.sub(after, before), weights, value=-1.0 / learning_rate)
        foreach.div_(after, learning_rate)
        foreach.add_(after, 2.0 * self.l2_regularization_strength + self.beta / learning_rate)
        best = foreach.clamp_max(linear, self.l1_regularization_strength)
        foreach.clamp_min_(best, -self.l1_regularization_strength)
        foreach.sub_(best, linear)
        foreach.div_(best, after)
        foreach.copy_(weights, best)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in _OWN}}


_OWN = (
    "learning_rate_power",
    "initial_accumulator_value",
    "l1_regularization_strength",
    "l2_regularization_strength",
    "l2_shrinkage_regularization_strength",
    "beta",
)
