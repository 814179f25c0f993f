"""ProgbarLogger: a line for each epoch, printed by a callback."""

from __future__ import annotations

import time
from typing import Any

from .base import Callback, Logs
from .messages import say


class ProgbarLogger(Callback):
    """Prints one plain line for each epoch, and for ``evaluate`` and ``predict`` of their own.

    ``fit`` shows progress by itself, livelier than this, and leaves it to this callback where it is given.
    ``verbose=0`` silences it.

    >>> progress = ProgbarLogger()
    >>> progress.set_params({"verbose": 1, "epochs": 2, "steps": 10})
    >>> progress.on_epoch_begin(0); progress.on_epoch_end(0, {"loss": 0.25})
    Epoch 1/2 - 10 steps - 0.0s - loss: 0.2500
    """

    shows_progress = True
    first_only = True

    def __init__(self) -> None:
        super().__init__()
        self._in_fit = False
        self._began = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._in_fit = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._line(f"Epoch {epoch + 1}/{self.params.get('epochs', 1)}", logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._began = time.perf_counter()

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._in_fit:
            self._line("Evaluation", logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._began = time.perf_counter()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._line("Prediction", logs)

    def _line(self, what: str, logs: Logs | None) -> None:
        if self.params.get("verbose", 1) == 0:
            return
        steps = self.params.get("steps")
        counted = [f"{steps} steps"] if steps is not None else []
        seconds = f"{time.perf_counter() - self._began:.1f}s"
        say(" - ".join([what, *counted, seconds, *(f"{name}: {_short(v)}" for name, v in (logs or {}).items())]))


def _short(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"
