"""Writers: the event files of a run, one folder for training and one for validation."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError
from lamina.graph.source import warn


def require_tensorboard() -> None:
    """ArgumentError where the package that writes event files is not installed. Looks for it, and does not load it."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ArgumentError(
            "Writing for TensorBoard needs the package tensorboard, which is not installed.",
            hint="pip install 'lamina[tensorboard]'",
        )


class Writers:
    """PyTorch's ``SummaryWriter`` for each folder under ``log_dir``, opened when something is written there."""

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self._open: dict[str, Any] = {}

    def of(self, folder: str) -> Any:
        """The writer of "train" or "validation"."""
        if folder not in self._open:
            from torch.utils.tensorboard import SummaryWriter

            self._open[folder] = SummaryWriter(str(self.log_dir / folder))
        return self._open[folder]

    def scalars(self, folder: str, values: Mapping[str, Any], step: int) -> None:
        """Write numbers; a value of several numbers becomes ``name/0``, ``name/1``, ..."""
        for tag, value in values.items():
            numbers = np.asarray(value.cpu() if isinstance(value, torch.Tensor) else value, dtype=float)
            flat = {tag: numbers} if numbers.ndim == 0 else {f"{tag}/{i}": v for i, v in enumerate(numbers.ravel())}
            for name, number in flat.items():
                self.of(folder).add_scalar(name, float(number), step)

    def flush(self) -> None:
        """Bring everything to the files, where TensorBoard sees it."""
        for writer in self._open.values():
            writer.flush()

    def close(self) -> None:
        for writer in self._open.values():
            writer.close()
        self._open = {}

    def sizes(self) -> dict[str, int]:
        """Bytes of each event file, for `cut`."""
        self.flush()
        files = self.log_dir.glob("*/events.out.tfevents.*")
        return {file.relative_to(self.log_dir).as_posix(): file.stat().st_size for file in sorted(files)}

    def cut(self, sizes: Mapping[str, int]) -> None:
        """Cut event files back to what they were, so that what a resumed run writes again is there once."""
        for name, size in sizes.items():
            file = self.log_dir / name
            if not file.exists():
                warn(f"{str(file)!r} of the interrupted run is gone: TensorBoard will not show its epochs.")
            elif file.stat().st_size > size:
                os.truncate(file, size)
