"""Schedules that fall along half a cosine, with a warm-up or with restarts."""

from __future__ import annotations

import math
from typing import Any

from .base import LearningRateSchedule, check_positive


class CosineDecay(LearningRateSchedule):
    """From the initial value (or the warm-up's target) along half a cosine to alpha times it.

    With s the steps since the warm-up, at most `decay_steps`, and top the value where the cosine starts:
    top * ((1 - alpha) * (1 + cos(pi * s / decay_steps)) / 2 + alpha).

    Args:
        initial_learning_rate: value at step 0.
        decay_steps: steps of the cosine, > 0, the warm-up not counted.
        alpha: the part of the top value that remains at the end.
        name: kept in the config.
        warmup_target: None for no warm-up, else the value that it rises to, along a line.
        warmup_steps: steps of the warm-up.

    >>> CosineDecay(0.1, decay_steps=100)(50)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        check_positive(type(self).__name__, "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def __call__(self, step: int) -> float:
        place, top = float(step), self.initial_learning_rate
        if self.warmup_target is not None:
            if place < self.warmup_steps:
                return top + (self.warmup_target - top) * place / self.warmup_steps
            place, top = place - self.warmup_steps, self.warmup_target
        done = min(place, self.decay_steps) / self.decay_steps
        return top * ((1.0 - self.alpha) * 0.5 * (1.0 + math.cos(math.pi * done)) + self.alpha)

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
        return {name: getattr(self, name) for name in names}


class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine again and again: period i lasts first_decay_steps * t_mul**i and starts at initial * m_mul**i.

    Args:
        initial_learning_rate: value at step 0.
        first_decay_steps: steps of the first period, > 0.
        t_mul: how much longer each period is than the one before.
        m_mul: how much each restart is lower than the one before.
        alpha: the part of the initial value that remains at the end of a period.
        name: kept in the config.

    >>> CosineDecayRestarts(0.1, first_decay_steps=100)(100)
    0.1
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_positive(type(self).__name__, "first_decay_steps", first_decay_steps)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: int) -> float:
        period, done = self._period(float(step) / self.first_decay_steps)
        height = 0.5 * self.m_mul**period * (1.0 + math.cos(math.pi * done))
        return self.initial_learning_rate * ((1.0 - self.alpha) * height + self.alpha)

    def _period(self, time: float) -> tuple[int, float]:
        """Which period `time` (in first periods) falls into, and the part of it that is over."""
        if self.t_mul == 1.0:
            return math.floor(time), time - math.floor(time)

        def start(period: int) -> float:
            return (1.0 - self.t_mul**period) / (1.0 - self.t_mul)

        # The logarithm may fall a rounding error short of a whole number exactly where a period begins.
        period = math.floor(math.log(1.0 - time * (1.0 - self.t_mul)) / math.log(self.t_mul))
        period += start(period + 1) <= time
        return period, (time - start(period)) / self.t_mul**period

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
        return {name: getattr(self, name) for name in names}
