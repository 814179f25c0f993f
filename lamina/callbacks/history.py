"""History: the numbers of every epoch."""

from __future__ import annotations

from typing import Any

from .base import Callback, Logs


class History(Callback):
    """What ``fit`` returns.

    Attributes:
        epoch: numbers of the epochs, from 0.
        history: name -> one value per epoch: ``loss``, ``accuracy``, ``val_loss``, and for several outputs
            ``price_loss``, ``price_mae``, ...
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
