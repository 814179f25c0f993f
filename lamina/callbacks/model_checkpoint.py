"""ModelCheckpoint: writes the model, or its weights, while it trains."""

from __future__ import annotations

import os
from string import Formatter

from lamina.graph import ArgumentError

from .base import Logs
from .checkpoint_error import failed, make_folder
from .saving_callback import SavingCallback

_MODEL, _WEIGHTS = ".lamina", ".weights.safetensors"
_OF_KERAS = (".weights.h5", ".keras", ".h5")


class ModelCheckpoint(SavingCallback):
    """Writes the model after each epoch, or every so many batches; all of them or only the best.

    A file is there whole or not at all: the one before stays until the new one is on the disk. Only the steps after
    which it writes wait for their numbers. A file of the whole model holds the training too, and
    ``fit(resume_from=file)`` goes on from it.

    Args:
        filepath: where to; a model ends in ``.lamina``, weights in ``.weights.safetensors``. May hold ``{epoch}`` and
            ``{batch}``, counted from 1, and names from the logs: ``"{epoch:02d}-{val_loss:.2f}.lamina"``. Folders that
            are missing are made.
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

    >>> ModelCheckpoint("best.keras")
    Traceback (most recent call last):
    lamina.ArgumentError: ModelCheckpoint writes models to *.lamina files.
      got       'best.keras'
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
        _check_ending(self.filepath, save_weights_only)
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


def _check_ending(filepath: str, weights: bool) -> None:
    ending = _WEIGHTS if weights else _MODEL
    if filepath.endswith(ending):
        return
    stem = next((filepath.removesuffix(other) for other in (_WEIGHTS, *_OF_KERAS) if filepath.endswith(other)), None)
    stem = filepath.removesuffix(_MODEL) if stem is None else stem
    or_weights = ", or save_weights_only=True" if filepath.endswith(_WEIGHTS) else ""
    raise ArgumentError(
        f"ModelCheckpoint writes {'weights' if weights else 'models'} to *{ending} files.",
        got=repr(filepath),
        hint=repr(stem + ending) + or_weights,
    )


def _fields(filepath: str) -> set[str]:
    """The names in braces."""
    try:
        return {name for _, name, _, _ in Formatter().parse(filepath) if name is not None}
    except ValueError as error:
        raise ArgumentError(
            "The name of the checkpoint is no format string.", got=f"{filepath!r}: {error}", hint='"{{" for a brace'
        ) from error
