"""BackupAndRestore: a training that was killed goes on where it was, exactly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lamina.graph import ArgumentError, LaminaError
from lamina.graph.source import warn
from lamina.processes import is_first, laid_out

from .base import Callback, Logs
from .checkpoint_error import failed, make_folder
from .save_freq import SaveFreq

_LATEST, _PREVIOUS, _NEXT = "latest.lamina", "previous.lamina", "next.lamina"


class BackupAndRestore(Callback):
    """Keeps the training in a file, and goes on from it when the same ``fit`` is started again.

    The file holds weights, optimizer, epoch and batch, running means, the state of every callback, and every random
    generator: on a CPU, a run that was killed at any moment and started again ends with the same bits as one that was
    not. It is there whole or not at all. It belongs to one training: another one needs another folder.

    It is called after all other callbacks, wherever it stands in their list.

    Args:
        backup_dir: folder of the backup, ``latest.lamina``; made if it is missing.
        save_freq: "epoch", or a number of batches, counted on from epoch to epoch.
        double_checkpoint: keep the backup before the latest too, ``previous.lamina``, and go on from that one where the
            latest is damaged.
        delete_checkpoint: remove the backup once the training is finished. An error or Ctrl-C is no such end.

    Raises:
        ArgumentError: no folder, or another ``save_freq``.
        LoadingError: when training begins, the backup is damaged, or does not fit; nothing is changed, and the file is
            left as it is.
        CheckpointError: a backup could not be written; the one before is as it was.

    >>> from lamina.layers import Dense, Input
    >>> from lamina.models import Model
    >>> x = Input((1,))
    >>> model = Model(x, Dense(1)(x))
    >>> model.compile("sgd", "mse")
    >>> data = torch.ones(4, 1), torch.ones(4, 1)
    >>> keep = dict(verbose=0, callbacks=[BackupAndRestore("backup", delete_checkpoint=False)])
    >>> model.fit(*data, epochs=2, **keep).epoch, model.fit(*data, epochs=3, **keep).epoch
    ([0, 1], [0, 1, 2])
    """

    turn = 2

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ArgumentError("BackupAndRestore(backup_dir=) names no folder.", got=repr(backup_dir))
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._freq = SaveFreq(save_freq, "BackupAndRestore")
        folder = Path(self.backup_dir)
        self._latest, self._previous, self._next = folder / _LATEST, folder / _PREVIOUS, folder / _NEXT

    def listens_to(self, hook: str) -> bool:
        if hook == "on_train_batch_begin":
            return not self._freq.by_epoch
        return self._freq.listens() if hook == "on_batch_end" else super().listens_to(hook)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        make_folder(self.backup_dir, self._latest)  # now, so that a wrong one is known before the first epoch
        if self._latest.exists():
            try:
                self.model.load_checkpoint(self._latest)
                return
            except OSError as error:
                if not self._previous.exists():
                    _advise(error, self._latest)
                    raise
                warn(f"{error}\nThe training goes on from the backup before.")
        if self._previous.exists():
            self.model.load_checkpoint(self._previous)
            os.replace(self._previous, self._latest)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._freq.outside()

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        self._freq.begin(self.model, self.params, batch)

    # Not on_train_batch_end: the hook with the older name comes after it, and callbacks may use that.
    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._freq.end():
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._freq.outside()
        if self._freq.by_epoch:
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        run = self.model._running
        if not (self.delete_checkpoint and run is not None and run.finished and is_first()):
            return
        for path in (self._latest, self._previous, self._next):
            path.unlink(missing_ok=True)
        folder = Path(self.backup_dir)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _save(self) -> None:
        if not is_first():
            if laid_out(self.model) is not None:  # all of them gather its weights
                self.model.save_checkpoint(self._next if self.double_checkpoint else self._latest)
            return
        try:
            if not self.double_checkpoint:
                self.model.save_checkpoint(self._latest)
                return
            self.model.save_checkpoint(self._next)
            if self._latest.exists():
                os.replace(self._latest, self._previous)
            os.replace(self._next, self._latest)
        except LaminaError:
            raise
        except OSError as error:
            raise failed(self._latest, error) from error

    def state_dict(self) -> dict[str, Any]:
        return {"since_last": self._freq.since_last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._freq.since_last = state["since_last"]


def _advise(error: OSError, path: Path) -> None:
    if isinstance(error, LaminaError):
        error.hint = f"remove {str(path)!r} to begin anew; double_checkpoint=True keeps a second backup"
