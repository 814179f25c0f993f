"""Schedules that fall by a formula or in steps."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import Any

from lamina.graph.errors import ArgumentError

from .base import LearningRateSchedule, check_positive


class ExponentialDecay(LearningRateSchedule):
    """initial * decay_rate ** (step / decay_steps).

    Args:
        initial_learning_rate: value at step 0.
        decay_steps: steps for one factor of `decay_rate`, > 0.
        decay_rate: the factor.
        staircase: change every `decay_steps` steps, not at each one.
        name: kept in the config.

    >>> ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)(200)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        check_positive(type(self).__name__, "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: int) -> float:
        result: float = self.initial_learning_rate * self.decay_rate ** _periods(step, self.decay_steps, self.staircase)
        return result

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {name: getattr(self, name) for name in names}


class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: value at step 0.
        decay_steps: the unit of time in steps, > 0.
        decay_rate: how much the denominator grows per unit of time.
        staircase: change every `decay_steps` steps, not at each one.
        name: kept in the config.

    >>> InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)(300)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        check_positive(type(self).__name__, "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: int) -> float:
        periods = _periods(step, self.decay_steps, self.staircase)
        return self.initial_learning_rate / (1.0 + self.decay_rate * periods)

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
        return {name: getattr(self, name) for name in names}


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps) ** power + end, and `end` from `decay_steps` on.

    Args:
        initial_learning_rate: value at step 0.
        decay_steps: steps until the end is reached, > 0.
        end_learning_rate: value at the end.
        power: 1 falls along a line, 2 along a parabola, 0.5 along a square root.
        cycle: start again instead of staying at the end, each time over the next multiple of `decay_steps`.
        name: kept in the config.

    >>> PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(75)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_positive(type(self).__name__, "decay_steps", decay_steps)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: int) -> float:
        place, span = float(step), self.decay_steps
        if self.cycle:
            span = self.decay_steps * max(1, math.ceil(place / self.decay_steps))
        end, left = self.end_learning_rate, 1.0 - min(place, span) / span
        result: float = (self.initial_learning_rate - end) * left**self.power + end
        return result

    def get_config(self) -> dict[str, Any]:
        names = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
        return {name: getattr(self, name) for name in names}


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] for the steps after boundaries[i - 1], up to and including boundaries[i].

    Args:
        boundaries: rising steps at which the value changes.
        values: one more than boundaries.
        name: kept in the config.

    >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
    >>> schedule(100), schedule(101), schedule(201)
    (0.1, 0.01, 0.001)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1 or list(boundaries) != sorted(boundaries):
            raise ArgumentError(
                "PiecewiseConstantDecay takes rising boundaries, and a value before, between and after them.",
                got=f"boundaries={list(boundaries)}, values={list(values)}",
                expected=f"{len(boundaries) + 1} values for {len(boundaries)} boundaries",
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def __call__(self, step: int) -> float:
        return self.values[bisect.bisect_left(self.boundaries, float(step))]

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": self.boundaries, "values": self.values, "name": self.name}


def _periods(step: int, decay_steps: int, staircase: bool) -> float:
    """Time in units of `decay_steps`, whole units only for a staircase."""
    return math.floor(float(step) / decay_steps) if staircase else float(step) / decay_steps
