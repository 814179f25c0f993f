"""OrbaxCheckpoint: a folder of numbered checkpoints, of which the newest are kept, written in the background."""

from __future__ import annotations

import os
import re
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lamina.graph import ArgumentError
from lamina.processes import is_first

from .base import Logs
from .checkpoint_error import failed, make_folder
from .saving_callback import SavingCallback

_NUMBERED = re.compile(r"(\d+)\.lamina")


class OrbaxCheckpoint(SavingCallback):
    """Writes ``directory/<number>.lamina``: weights, optimizer and the training; ``fit(resume_from=file)`` goes on.

    Keras' name and arguments. The files are Lamina's own, of the kind that ``model.save_checkpoint`` writes, not those
    of the Orbax package. The number is that of the epoch, from 0, or with a number of batches as `save_freq` that of
    all batches so far.

    In the background, a checkpoint is copied when it is due and written while the training goes on. What goes wrong
    there is raised when the next one is due, or at the end of training, which waits for the last one.

    Args:
        directory: the folder, made if it is missing.
        monitor: the number in the logs that tells what is best.
        verbose: 1 says what it writes.
        save_best_only: write only when `monitor` is better than ever before.
        mode: "min", "max", or "auto": what the metric of that name says, or else its name.
        save_freq: "epoch", or a number of batches, counted on from epoch to epoch.
        initial_value_threshold: what must be beaten for the first time.
        max_to_keep: so many of the newest stay; None: all.
        save_on_background: write in a thread of its own.
        save_weights_only: the weights and nothing else.

    Raises:
        ArgumentError: ``max_to_keep`` below 1, or another ``save_freq`` or ``mode``.
        CheckpointError: a file could not be written; those before are as they were.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((1,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile("sgd", "mse")
    >>> keep = OrbaxCheckpoint("checkpoints", max_to_keep=2)
    >>> _ = model.fit(torch.ones(4, 1), torch.ones(4, 1), epochs=5, verbose=0, callbacks=[keep])
    >>> sorted(os.listdir("checkpoints"))
    ['3.lamina', '4.lamina']
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        options = (save_best_only, save_weights_only, save_freq, initial_value_threshold)
        super().__init__(monitor, mode, verbose, *options)
        if max_to_keep is not None and max_to_keep < 1:
            raise ArgumentError(
                "OrbaxCheckpoint keeps at least one checkpoint.",
                got=f"max_to_keep={max_to_keep}",
                hint="None keeps all",
            )
        self.directory, self.max_to_keep = os.fspath(directory), max_to_keep
        self.save_on_background = save_on_background
        self._batches = 0
        self._thread: ThreadPoolExecutor | None = None
        self._writing: tuple[str, Future[Any]] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        make_folder(self.directory, self.directory)  # now, so that a wrong one is known before the first epoch
        self._batches = 0
        if self.save_on_background:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="lamina-checkpoint")

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        before = self._freq.since_last
        super().on_train_batch_begin(batch, logs)
        self._batches += self._freq.since_last - before

    def path_of(self, epoch: int, batch: int | None, logs: Logs) -> str:
        return os.path.join(self.directory, f"{epoch if batch is None else self._batches}.lamina")

    def write(self, path: str) -> None:
        self.wait_until_finished()
        try:
            writing = self.model.save_checkpoint(path, weights_only=self.save_weights_only, executor=self._thread)
        except OSError as error:
            raise failed(path, error) from error
        if writing is None:
            self._remove_old()
        else:
            self._writing = path, writing

    def wait_until_finished(self) -> None:
        """Wait for what is being written in the background.

        Raises:
            CheckpointError: it could not be written.
        """
        if self._writing is None:
            return
        (path, writing), self._writing = self._writing, None
        try:
            writing.result()
        except OSError as error:
            raise failed(path, error) from error
        self._remove_old()

    def on_train_end(self, logs: Logs | None = None) -> None:
        try:
            self.wait_until_finished()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None

    def _remove_old(self) -> None:
        if not is_first():
            return
        if self.max_to_keep is None:
            return
        numbered = {path: _NUMBERED.fullmatch(path.name) for path in Path(self.directory).iterdir()}
        by_age = sorted((int(match[1]), path) for path, match in numbered.items() if match is not None)
        for _, path in by_age[: -self.max_to_keep]:
            path.unlink()

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._batches = state["batches"]
