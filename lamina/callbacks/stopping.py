"""Callbacks that end a training early."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from lamina.graph import ArgumentError

from .base import Callback, Logs


class EarlyStopping(Callback):
    """Stops when a number has not improved for some epochs.

    Args:
        monitor: its name in the logs.
        min_delta: a smaller change is no improvement.
        patience: epochs without improvement after which training ends.
        verbose: 1 says when it stops.
        mode: "min", "max", or "auto" (max for accuracies, precision, recall, AUC).
        baseline: what must be beaten in the first place.
        restore_best_weights: put the best epoch's weights back, whatever ended the training.
        start_from_epoch: epochs to wait before watching.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError("EarlyStopping(mode=) is 'auto', 'min' or 'max'.", got=repr(mode))
        self.monitor, self.patience, self.verbose = monitor, patience, verbose
        self.min_delta, self.baseline = abs(min_delta), baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        rises = any(word in monitor.lower() for word in ("acc", "precision", "recall", "auc", "f1", "r2"))
        self.sign = 1.0 if mode == "max" or (mode == "auto" and rises) else -1.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best = self.baseline if self.baseline is not None else -math.inf * self.sign
        self.best_weights: list[np.ndarray[Any, Any]] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"EarlyStopping watches {self.monitor!r}, which is not among {list(logs or {})}.", stacklevel=2
            )
            return
        if epoch < self.start_from_epoch:
            return
        if (value - self.best) * self.sign > self.min_delta:
            self.best, self.best_epoch, self.wait = value, epoch, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")  # noqa: T201  verbose=1 asks for it
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Stops when the loss is no number any more."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            warnings.warn(f"Batch {batch}: the loss is {loss}; training ends.", RuntimeWarning, stacklevel=2)
            self.model.stop_training = True
