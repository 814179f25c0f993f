"""History: the numbers of every epoch."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from lamina.one_line import one_line, said

from .base import Callback, Logs
from .curves import plot_history


class History(Callback):
    """What ``fit`` returns.

    Attributes:
        epoch: numbers of the epochs, from 0.
        history: name -> one value per epoch: ``loss``, ``accuracy``, ``val_loss``, and for several outputs
            ``price_loss``, ``price_mae``, ...

    >>> history = History()
    >>> for epoch in range(2):
    ...     history.on_epoch_end(epoch, {"loss": 0.5 / (epoch + 1)})
    >>> history.epoch, history.history
    ([0, 1], {'loss': [0.5, 0.25]})
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}

    @one_line
    def __repr__(self) -> str:
        last = [f"{name} {said(series[-1], 4)}" for name, series in self.history.items() if series]
        count = len(self.epoch)
        return ", ".join([f"{type(self).__name__}: {count} epoch{'s' * (count != 1)}", *last])

    @property
    def model(self) -> Any:
        """The model that was trained; None where nobody holds it any more. It holds its history, not the reverse."""
        return self._model() if self._model is not None else None

    def set_model(self, model: Any) -> None:
        # Weakly: the model holds its history, and a circle of the two would wait for the collector.
        self._model = weakref.ref(model) if model is not None else None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_model": None}  # numbers alone are copied; a reference that is weak has no copy

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def plot(
        self,
        to_file: str | os.PathLike[str] | None = None,
        metrics: Sequence[str] | None = None,
        columns: int = 3,
        dpi: int = 150,
    ) -> Any:
        """Draw the curves, into a file where one is named, and return matplotlib's ``Figure``; see `plot_history`."""
        return plot_history(self, to_file, metrics, columns, dpi)

    def state_dict(self) -> dict[str, Any]:
        return {
            "epoch": list(self.epoch),
            "history": {name: [_plain(value) for value in series] for name, series in self.history.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.epoch = list(state["epoch"])
        self.history = {name: list(series) for name, series in state["history"].items()}


def _plain(value: Any) -> Any:
    """A number of NumPy's or of a tensor as Python's own."""
    is_number = isinstance(value, np.generic) or (isinstance(value, torch.Tensor | np.ndarray) and value.ndim == 0)
    return value.item() if is_number else value
