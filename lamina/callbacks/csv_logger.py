"""CSVLogger: a line of a CSV file for each epoch."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamina.graph.source import warn

from .base import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for each epoch: its number, from 0, and the logs in alphabetical order.

    The names of the first epoch are the columns. Without validation in the first epoch, columns ``val_...`` are kept
    for it; what an epoch has no value for is ``NA``. A run that is resumed goes on where the interrupted one was saved:
    lines that were written since are cut off, so each epoch has one line.

    Args:
        filename: the file; its folder is made if it is missing.
        separator: between the values.
        append: True goes on below what the file holds; False starts it anew.

    Raises:
        OSError: the file cannot be written, when training begins.

    >>> log = CSVLogger("log.csv", separator=";")
    >>> log.on_train_begin(); log.on_epoch_end(0, {"loss": 0.5, "acc": 1.0}); log.on_train_end()
    >>> print(Path("log.csv").read_text())
    epoch;acc;loss;val_acc;val_loss
    0;1.0;0.5;NA;NA
    <BLANKLINE>
    """

    first_only = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        # Byte up to which the file is kept when the first line is written: 0 nothing, None all of it.
        self._keep: int | None = None
        self._position = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._close()
        self.keys, self._writer = None, None
        Path(self.filename).parent.mkdir(parents=True, exist_ok=True)
        # Opened now, so that a file that cannot be written is known before the first epoch; but not emptied: whether
        # this run goes on with what is there is known only when a state has been loaded.
        self._file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115  open from hook to hook
        self._keep = None if self.append else 0
        self._position = self._file.tell() if self.append else 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
        if self._writer is None:
            self._writer = self._begin(["epoch", *self.keys])
        self._writer.writerow({"epoch": epoch} | {name: _cell(logs.get(name, "NA")) for name in self.keys})
        self._file.flush()
        self._position = self._file.tell()

    def _begin(self, columns: list[str]) -> Any:
        """The writer, at the place in the file where this run's lines go."""
        if self._keep is not None:
            self._file.truncate(self._keep)
            self._file.seek(0, os.SEEK_END)
        writer = csv.DictWriter(self._file, columns, delimiter=self.sep)
        if self._file.tell() == 0:
            writer.writeheader()
        return writer

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def state_dict(self) -> dict[str, Any]:
        return {"keys": self.keys, "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.keys, self._position = state["keys"], state["position"]
        size = os.path.getsize(self.filename)
        if size < self._position:
            warn(
                f"{self.filename!r} is shorter than the interrupted run left it ({size} of {self._position} bytes): "
                "earlier epochs are missing from it."
            )
        self._keep = min(size, self._position)


def _cell(value: Any) -> Any:
    """A value as it stands in the file; several in one cell, in brackets and quotes, as Keras writes them."""
    if isinstance(value, torch.Tensor):
        value = value.numpy(force=True)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, Iterable) and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
