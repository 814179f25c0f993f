"""ReduceLROnPlateau: a smaller learning rate when training no longer gets better."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError

from .base import Logs
from .messages import say
from .monitor import MonitorCallback
from .rates import learning_rates, optimizers_of, refuse_schedules


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by ``factor`` when a number has not improved for ``patience`` epochs.

    Adds ``learning_rate``, the one that the epoch was trained with, to the logs.

    Args:
        monitor: its name in the logs.
        factor: new rate = max(rate * factor, min_lr); below 1.
        patience: epochs without improvement.
        verbose: 1 says when it reduces.
        mode: "min", "max", or "auto": what the metric of that name says, or else its name.
        min_delta: a smaller change is no improvement.
        cooldown: epochs to wait after a reduction before counting again.
        min_lr: the smallest rate.

    Raises:
        ArgumentError: ``factor`` is not below 1; or, when training begins, the optimizer's learning rate is a schedule.

    >>> ReduceLROnPlateau(factor=2.0)
    Traceback (most recent call last):
    lamina.ArgumentError: ReduceLROnPlateau(factor=) makes the learning rate smaller.
      got       2.0
      expected  0 <= factor < 1
      where     ...
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 <= factor < 1:
            raise ArgumentError(
                "ReduceLROnPlateau(factor=) makes the learning rate smaller.",
                got=repr(factor),
                expected="0 <= factor < 1",
            )
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter, self.wait = 0, 0

    def in_cooldown(self) -> bool:
        """Whether it waits after a reduction."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        refuse_schedules(self.model, "ReduceLROnPlateau")
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs |= learning_rates(self.model)
        value = self.monitored(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        """Make each rate smaller; False where none could be."""
        reduced = False
        for name, optimizer in optimizers_of(self.model).items():
            old = float(optimizer.learning_rate)
            if old > self.min_lr:
                optimizer.learning_rate = max(old * self.factor, self.min_lr)
                reduced = True
                if self.verbose:
                    what = name.replace("_", " ", 1)
                    say(f"Epoch {epoch + 1}: ReduceLROnPlateau reducing {what} to {optimizer.learning_rate}.")
        return reduced

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.wait, self.cooldown_counter = state["wait"], state["cooldown_counter"]
