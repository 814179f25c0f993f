"""LearningRateScheduler: a function of the epoch decides on the learning rate."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable
from typing import Any

from lamina.graph import ArgumentError

from .base import Callback, Logs
from .messages import say
from .rates import learning_rates, optimizers_of, refuse_schedules


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch, and adds it to the logs as ``learning_rate``.

    Args:
        schedule: ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``, epochs counted from 0; returns the new
            rate.
        verbose: 1 says what it sets.

    Raises:
        ArgumentError: ``schedule`` cannot be called; it returns no finite number; or, when training begins, the
            optimizer's learning rate is a schedule itself.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((1,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile(lamina.optimizers.SGD(1.0), "mse")
    >>> halving = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> data = torch.zeros(2, 1)
    >>> model.fit(data, data, epochs=3, verbose=0, callbacks=[halving]).history["learning_rate"]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise ArgumentError("LearningRateScheduler(schedule=) is a function of the epoch.", got=repr(schedule))
        self.schedule, self.verbose = schedule, verbose
        self._takes_rate = _takes_two(schedule)
        self._set_for: int | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        refuse_schedules(self.model, "LearningRateScheduler")
        self._set_for = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        if epoch == self._set_for:  # a run that was interrupted within this epoch: the rate is set already
            return
        for name, optimizer in optimizers_of(self.model).items():
            old = float(optimizer.learning_rate)
            new = self.schedule(epoch, old) if self._takes_rate else self.schedule(epoch)
            optimizer.learning_rate = _checked(new, epoch)
            if self.verbose:
                what = name.replace("_", " ", 1)
                say(f"Epoch {epoch + 1}: LearningRateScheduler setting {what} to {optimizer.learning_rate}.")
        self._set_for = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs |= learning_rates(self.model)

    def state_dict(self) -> dict[str, Any]:
        return {"set_for": self._set_for}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._set_for = state["set_for"]


def _takes_two(schedule: Callable[..., float]) -> bool:
    """Whether it takes the rate beside the epoch. Not by trying, which would hide an error within it."""
    try:
        signature = inspect.signature(schedule)
    except ValueError:  # written in C, and silent about its arguments
        return True
    try:
        signature.bind(0, 0.0)
    except TypeError:
        return False
    return True


def _checked(rate: Any, epoch: int) -> float:
    is_number = isinstance(rate, numbers.Real) and not isinstance(rate, bool)
    if not is_number or not math.isfinite(rate) or rate < 0:
        raise ArgumentError(
            f"The schedule of LearningRateScheduler gave no learning rate for epoch {epoch}.",
            got=repr(rate),
            expected="a number >= 0",
        )
    return float(rate)
