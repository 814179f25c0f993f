"""What goes wrong when a checkpoint is written, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.graph import LaminaError


class CheckpointError(LaminaError, OSError):
    """A checkpoint could not be written: a full disk, a folder without permission. Older ones are as they were."""


def failed(path: Any, error: OSError) -> CheckpointError:
    """The error to raise from ``error``, which came while ``path`` was written."""
    return CheckpointError(
        f"The checkpoint {str(path)!r} could not be written.",
        got=str(error),
        expected="a folder that can be written, and room on the disk",
        hint="checkpoints that were written before are as they were",
    )


def make_folder(folder: Any, path: Any) -> None:
    """See that there is a folder for the checkpoint ``path``.

    Raises:
        CheckpointError: there cannot be.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise failed(path, error) from error
