"""SavingCallback: what callbacks share that write files of a model, all or only the best."""

from __future__ import annotations

from typing import Any

from lamina.processes import is_first, laid_out

from .base import Logs
from .messages import say
from .monitor import MonitorCallback
from .save_freq import SaveFreq


class SavingCallback(MonitorCallback):
    """Base of callbacks that write the model after epochs or every so many batches.

    A subclass writes `path_of` and `write`. It is called after callbacks of other kinds, so that what it writes holds
    what these have become in the same step.

    Args:
        monitor, mode: see `MonitorCallback`.
        verbose: 1 says what it writes.
        save_best_only: write only when `monitor` is better than ever before.
        save_weights_only: the weights and nothing else.
        save_freq: "epoch", or a number of batches, counted on from epoch to epoch.
        initial_value_threshold: what must be beaten for the first time.

    Raises:
        ArgumentError: another ``save_freq`` or mode.
    """

    turn = 1

    def __init__(
        self,
        monitor: str,
        mode: str,
        verbose: int,
        save_best_only: bool,
        save_weights_only: bool,
        save_freq: str | int,
        initial_value_threshold: float | None,
    ) -> None:
        super().__init__(monitor, mode)
        self.verbose, self.save_freq = verbose, save_freq
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold
        self._freq = SaveFreq(save_freq, type(self).__name__)
        self._epoch = 0

    def path_of(self, epoch: int, batch: int | None, logs: Logs) -> str:
        """The file to write after this epoch, or within it after this batch; both count from 0."""
        raise NotImplementedError

    def write(self, path: str) -> None:
        """Write it."""
        raise NotImplementedError

    def listens_to(self, hook: str) -> bool:
        if hook == "on_train_batch_begin":
            return not self._freq.by_epoch
        return self._freq.listens() if hook == "on_train_batch_end" else super().listens_to(hook)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch
        self._freq.outside()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._freq.begin(self.model, self.params, batch)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._freq.end():
            self._save_if_better(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._freq.outside()
        if self._freq.by_epoch:
            self._save_if_better(epoch, None, logs or {})

    def _save_if_better(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self.path_of(epoch, batch, logs)
        value = self.monitored(logs) if self.save_best_only else None
        before = self.best
        best = "None" if before is None else f"{before:.5f}"
        said = f"saving {'weights' if self.save_weights_only else 'model'} to {path}"
        if value is not None:
            if not self.improves(value, before):
                if self.verbose and is_first():
                    say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {best}")
                return
            said = f"{self.monitor} improved from {best} to {value:.5f}, {said}"
            self.best = value  # before writing: a file that holds the training holds this too
        if not is_first() and laid_out(self.model) is None:  # else all of them gather the weights
            return
        if self.verbose and is_first():
            say(f"Epoch {epoch + 1}: {said}")
        try:
            self.write(path)
        except BaseException:
            self.best = before
            raise

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "since_last": self._freq.since_last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._freq.since_last = state["since_last"]
