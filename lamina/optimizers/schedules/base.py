"""`LearningRateSchedule`: a learning rate as a function of the step."""

from __future__ import annotations

from typing import Any

from lamina.graph.errors import ArgumentError
from lamina.one_line import of_settings, one_line
from lamina.tracebacks import Doored


class LearningRateSchedule(Doored):
    """Base of schedules: a subclass defines ``__call__(step)`` and, to be saved, ``get_config()``.

    The optimizer calls it with the number of steps already made, an int from 0 on.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** (step // 100)
    >>> Halving()(250)
    0.025
    """

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step).")

    __repr__ = one_line(of_settings)

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor, as JSON types."""
        raise NotImplementedError(f"{type(self).__name__} must define get_config(self) to be saved.")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LearningRateSchedule:
        """Reverse of `get_config`."""
        return cls(**config)


def check_positive(schedule: str, argument: str, value: float) -> None:
    """ArgumentError unless the number of steps `value` is greater than 0."""
    if value <= 0:
        raise ArgumentError(
            f"{schedule} needs a number of steps.", got=f"{argument}={value!r}", expected=f"{argument} > 0"
        )
