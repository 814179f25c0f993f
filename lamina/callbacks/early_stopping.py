"""EarlyStopping: ends a training that no longer gets better, and puts the best weights back."""

from __future__ import annotations

from typing import Any

import torch

from .base import Logs
from .messages import say
from .monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops when a number has not improved for some epochs.

    Args:
        monitor: its name in the logs.
        min_delta: a smaller change is no improvement.
        patience: epochs without improvement after which training ends.
        verbose: 1 says when it stops, and which epoch's weights it puts back.
        mode: "min", "max", or "auto": what the metric of that name says, or else its name.
        baseline: what must be beaten for an epoch to count as an improvement.
        restore_best_weights: put back the weights of the best epoch, moving averages of normalization included,
            whatever ended the training: patience, the last epoch, another callback, Ctrl-C or an error.
        start_from_epoch: epochs to wait before watching.

    Attributes:
        best, best_epoch: the best value and its epoch, counted from 0.
        stopped_epoch: the epoch after which it stopped, counted from 0; 0 if it did not.

    Raises:
        ArgumentError: an unknown mode; see `MonitorCallback`.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((1,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile("sgd", "mse")
    >>> stop = EarlyStopping("loss", patience=2, min_delta=10.0)
    >>> len(model.fit(torch.ones(4, 1), torch.ones(4, 1), epochs=10, verbose=0, callbacks=[stop]).epoch)
    3
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
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait, self.stopped_epoch, self.best_epoch = 0, 0, 0
        self.best = None
        self.best_weights: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.monitored(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        better = self.improves(value, self.best)
        if better:
            self.best = value
        if better or (self.restore_best_weights and self.best_weights is None):
            self.best_epoch = epoch  # the first epoch watched is the best one until another beats it
            self._keep_weights()
        self.wait += 1
        if better and (self.baseline is None or self.improves(value, self.baseline)):
            self.wait = 0
        elif not better and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self._restore_weights(self.best_weights)

    def _keep_weights(self) -> None:
        if self.restore_best_weights:
            self.best_weights = None  # first, so that the old copy's memory serves the new one
            if isinstance(self.model, torch.nn.Module):
                self.best_weights = {name: tensor.detach().clone() for name, tensor in _tensors(self.model).items()}
            else:  # something around a model, which answers to Keras' names
                self.best_weights = self.model.get_weights()

    def _restore_weights(self, best: Any) -> None:
        if not isinstance(self.model, torch.nn.Module):
            self.model.set_weights(best)
            return
        with torch.no_grad():
            for name, tensor in _tensors(self.model).items():
                tensor.copy_(best[name])

    def state_dict(self) -> dict[str, Any]:
        names = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.wait, self.stopped_epoch, self.best_epoch = state["wait"], state["stopped_epoch"], state["best_epoch"]
        self.best_weights = state["best_weights"]


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Everything that a prediction depends on: parameters and buffers, those outside ``state_dict`` too."""
    return dict(model.named_parameters()) | dict(model.named_buffers())
