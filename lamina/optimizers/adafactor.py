"""Adafactor: a matrix' squared gradients kept as a row and a column."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from lamina._torch import foreach

from .base import Optimizer
from .group import Group, filled_like
from .schedules import LearningRateSchedule


class Adafactor(Optimizer):
    """u = g / sqrt(v), then divided by max(1, rms(u) / clip_threshold); w -= max(epsilon_2, rms(w)) * rho * u.

    rms is the root of the mean square, rho = min(lr, 1 / sqrt(t)). v is a running mean of g² + epsilon_1; the share of
    the old is 1 - t^beta_2_decay. Of a tensor with two axes or more only the means of v over the last axis ("row") and
    over the one before ("column") are kept, and v = row / mean(row) * column: for a matrix (n, m) that is n + m numbers
    in the place of n * m. Of others v itself is kept ("velocity"). Epsilon_1 is inside the root, as in Keras (Shazeer
    and Stern, 2018).

    Args:
        learning_rate: a number, schedule or function.
        beta_2_decay: exponent of t, at most 0.
        epsilon_1: against division by zero.
        epsilon_2: smallest size of a weight that steps are in proportion to.
        clip_threshold: largest rms of u.
        relative_step: kept in the config. In Keras' formula rho, which does without it, is at most 1 / sqrt(t) anyway.
        The others: see `Optimizer`.

    >>> weight = torch.nn.Parameter(torch.tensor([[2.0, 2.0]]))
    >>> Adafactor(learning_rate=0.25).apply([torch.tensor([[3.0, -3.0]])], [weight])
    >>> weight.data
    tensor([[1.5000, 2.5000]])
    """

    def __init__(
        self,
        learning_rate: float | LearningRateSchedule | Callable[[], float] = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step
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
        if parameter.ndim < 2:
            return {"velocity": filled_like(parameter, 0.0)}
        *others, rows, columns = parameter.shape
        empty = parameter.detach()
        return {"row": empty.new_zeros(*others, rows), "column": empty.new_zeros(*others, columns)}

    def update(self, group: Group, grads: list[Tensor], learning_rate: float) -> None:
        step = self._updates + 1
        change = foreach.div(grads, self._roots(group, grads, step**self.beta_2_decay))
        counts = [math.sqrt(p.numel()) for p in group.parameters]
        excess = foreach.norm(change)
        foreach.div_(excess, [count * self.clip_threshold for count in counts])
        foreach.clamp_min_(excess, 1.0)
        size = foreach.norm(group.parameters)
        foreach.div_(size, counts)
        foreach.clamp_min_(size, self.epsilon_2)
        foreach.mul_(size, min(learning_rate, 1.0 / math.sqrt(step)))
        foreach.mul_(change, foreach.div(size, excess))
        foreach.sub_(group.parameters, change)

    def _roots(self, group: Group, grads: list[Tensor], fresh: float) -> list[Tensor]:
        """sqrt(v), after moving v by the share `fresh` of the new squares."""
        squares: list[Tensor] = foreach.mul(grads, grads)
        foreach.add_(squares, self.epsilon_1)
        if "velocity" in group.slots:
            foreach.lerp_(group["velocity"], squares, fresh)
            roots: list[Tensor] = foreach.sqrt(group["velocity"])
            return roots
        foreach.lerp_(group["row"], [square.mean(-1) for square in squares], fresh)
        foreach.lerp_(group["column"], [square.mean(-2) for square in squares], fresh)
        for square, row, column in zip(squares, group["row"], group["column"], strict=True):
            scaled = row / row.mean(-1, keepdim=True)
            torch.mul(scaled.unsqueeze(-1), column.unsqueeze(-2), out=square)
        foreach.sqrt_(squares)
        return squares

    def get_config(self) -> dict[str, Any]:
        names = ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
