"""ModelCheckpoint: writes the model, or its weights, while it trains."""

from __future__ import annotations

import os
from importlib.util import find_spec
from string import Formatter

from lamina.file_formats import MODEL, WEIGHTS, format_of, other_ending
from lamina.graph import ArgumentError

from .base import Logs
from .checkpoint_error import failed, make_folder
from .saving_callback import SavingCallback


class ModelCheckpoint(SavingCallback):
    """Writes the model after each epoch, or every so many batches; all of them or only the best.

    A file is there whole or not at all: the one before stays until the new one is on the disk. Only the steps after
    which it writes wait for their numbers. A ``.lamina`` of the whole model holds the training too, and
    ``fit(resume_from=file)`` goes on from it.

    Args:
        filepath: where to, with any ending that ``model.save`` takes (``.lamina``, ``.keras``, ``.h5``), or
            ``model.save_weights`` for weights (``.weights.safetensors``, ``.weights.h5``, ...). May hold ``{epoch}``
            and ``{batch}``, counted from 1, and names from the logs: ``"{epoch:02d}-{val_loss:.2f}.lamina"``. Folders
            that are missing are made.
        monitor: the number in the logs that tells what is best.
        verbose: 1 says what it writes.
        save_best_only: write only when `monitor` is better than ever before.
        save_weights_only: the weights, not the whole model.
        mode: "min", "max", or "auto": what the metric of that name says, or else its name.
        save_freq: "epoch", or a number of batches, counted on from epoch to epoch.
        initial_value_threshold: what must be beaten for the first time.

    Raises:
        ArgumentError: another ending, a name that cannot be filled in, or another ``save_freq``.
        CheckpointError: a file could not be written; an `OSError` that names it.
        SavingError: before the first step, something in the model that such a file has no word for.

    >>> ModelCheckpoint("best.ckpt")
    Traceback (most recent call last):
    lamina.ArgumentError: No whole model can be written into a file of this ending.
      got       'best.ckpt'
      expected  *.lamina, *.keras, *.h5, *.hdf5
      where     ...
      try       'best.lamina'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        options = (save_best_only, save_weights_only, save_freq, initial_value_threshold)
        super().__init__(monitor, mode, verbose, *options)
        self.filepath = os.fspath(filepath)
        refused = other_ending(self.filepath, WEIGHTS if save_weights_only else MODEL)
        if refused is not None:
            raise ArgumentError(**refused)
        fields = _fields(self.filepath)
        if save_freq == "epoch" and "batch" in fields:
            raise ArgumentError(
                "The name of a checkpoint at the end of an epoch has no batch.", got=repr(self.filepath), hint="{epoch}"
            )

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        folder = os.path.dirname(self.filepath)
        if "{" not in folder:
            make_folder(folder, self.filepath)  # now, so that a wrong one is known before the first epoch
        found = format_of(self.filepath)
        if found is not None and found.of_keras and find_spec("h5py") is None:  # this too
            raise ArgumentError(
                "ModelCheckpoint needs h5py for a file of this ending, and there is none.",
                got=repr(self.filepath),
                hint="pip install lamina[keras], or an ending of Lamina's own: .lamina, .weights.safetensors",
            )

        if not self.save_weights_only and hasattr(self.model, "_unsavable"):  # and what no file has a word for
            self.model._unsavable(self.filepath)

    def path_of(self, epoch: int, batch: int | None, logs: Logs) -> str:
        values = {**({} if batch is None else {"batch": batch + 1}), **logs, "epoch": epoch + 1}
        try:
            return self.filepath.format(**values)
        except (KeyError, ValueError, TypeError) as error:
            raise ArgumentError(
                "The name of the checkpoint cannot be filled in.",
                got=f"{self.filepath!r}: {type(error).__name__}: {error}",
                expected=f"names among {', '.join(values)}",
            ) from error

    def write(self, path: str) -> None:
        make_folder(os.path.dirname(path), path)
        try:
            (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        except OSError as error:
            raise failed(path, error) from error


def _fields(filepath: str) -> set[str]:
    """The names in braces."""
    try:
        return {name for _, name, _, _ in Formatter().parse(filepath) if name is not None}
    except ValueError as error:
        raise ArgumentError(
            "The name of the checkpoint is no format string.", got=f"{filepath!r}: {error}", hint='"{{" for a brace'
        ) from error
