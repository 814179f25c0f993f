"""ModelCheckpoint: writes the model, or its weights, while it trains."""

from __future__ import annotations

import os
from pathlib import Path
from string import Formatter
from typing import Any

from lamina.graph import ArgumentError, LaminaError

from .base import Logs
from .batches import batches_of_call
from .messages import say
from .monitor import MonitorCallback

_MODEL, _WEIGHTS = ".lamina", ".weights.safetensors"
_OF_KERAS = (".weights.h5", ".keras", ".h5")


class CheckpointError(LaminaError, OSError):
    """A checkpoint could not be written: a full disk, a folder without permission. Older ones are as they were."""


class ModelCheckpoint(MonitorCallback):
    """Writes the model after each epoch, or every so many batches; all of them or only the best.

    A file is there whole or not at all: the one before stays until the new one is on the disk. Only the steps after
    which it writes wait for their numbers.

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
        super().__init__(monitor, mode)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        counts = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not counts:
            raise ArgumentError(
                "ModelCheckpoint(save_freq=) is unknown.", got=repr(save_freq), expected='"epoch", or a number > 0'
            )
        _check_ending(self.filepath, save_weights_only)
        fields = _fields(self.filepath)
        if save_freq == "epoch" and "batch" in fields:
            raise ArgumentError(
                "The name of a checkpoint at the end of an epoch has no batch.", got=repr(self.filepath), hint="{epoch}"
            )
        self._epoch, self._since_last = 0, 0
        # Whether it writes after the step that is under way; None: there is none.
        self._due: bool | None = None

    def listens_to(self, hook: str) -> bool:
        if hook in ("on_train_batch_begin", "on_train_batch_end") and self.save_freq == "epoch":
            return False
        return self._due is not False if hook == "on_train_batch_end" else super().listens_to(hook)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin(logs)
        folder = os.path.dirname(self.filepath)
        if "{" not in folder:
            _make_folder(folder, self.filepath)  # now, so that a wrong one is known before the first epoch

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch, self._due = epoch, None

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq != "epoch":
            self._since_last += batches_of_call(self.model, self.params, batch)
            self._due = self._since_last >= self.save_freq  # type: ignore[operator]

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self._due:
            self._since_last = 0
            self._save_if_better(self._epoch, batch, logs or {})
        self._due = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._due = None
        if self.save_freq == "epoch":
            self._save_if_better(epoch, None, logs or {})

    def _save_if_better(self, epoch: int, batch: int | None, logs: Logs) -> None:
        path = self._filled(epoch, batch, logs)
        value = self.monitored(logs) if self.save_best_only else None
        best = "None" if self.best is None else f"{self.best:.5f}"
        said = f"saving {'weights' if self.save_weights_only else 'model'} to {path}"
        if value is not None:
            if not self.improves(value, self.best):
                if self.verbose:
                    say(f"Epoch {epoch + 1}: {self.monitor} did not improve from {best}")
                return
            said = f"{self.monitor} improved from {best} to {value:.5f}, {said}"
        if self.verbose:
            say(f"Epoch {epoch + 1}: {said}")
        self._save(path)
        if value is not None:
            self.best = value

    def _filled(self, epoch: int, batch: int | None, logs: Logs) -> str:
        values = {**({} if batch is None else {"batch": batch + 1}), **logs, "epoch": epoch + 1}
        try:
            return self.filepath.format(**values)
        except (KeyError, ValueError, TypeError) as error:
            raise ArgumentError(
                "The name of the checkpoint cannot be filled in.",
                got=f"{self.filepath!r}: {type(error).__name__}: {error}",
                expected=f"names among {', '.join(values)}",
            ) from error

    def _save(self, path: str) -> None:
        _make_folder(os.path.dirname(path), path)
        try:
            (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        except OSError as error:
            raise _failed(path, error) from error

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "since_last": self._since_last}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._since_last = state["since_last"]


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


def _make_folder(folder: str, path: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: str, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"The checkpoint {path!r} could not be written.",
        got=str(error),
        expected="a folder that can be written, and room on the disk",
        hint="checkpoints that were written before are as they were",
    )
