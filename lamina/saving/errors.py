"""What goes wrong between models and files, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lamina.graph import LaminaError


class SavingError(LaminaError, ValueError):
    """A model holds something that a file has no word for, or a file cannot be written there."""


class LoadingError(LaminaError, ValueError):
    """A file or config is not one of Lamina's, is damaged, or does not fit; nothing of it was used."""


class DamagedFileError(LoadingError, OSError):
    """What stands in a file is not what was written into it, or never was a file of Lamina's. An `OSError`."""


class FolderError(LoadingError, IsADirectoryError):
    """Where a file should be, there is a folder. An `IsADirectoryError`."""


@contextmanager
def not_too_deep(where: str) -> Iterator[None]:
    """Within, what is nested deeper than Python recurses is one more thing wrong with a file."""
    try:
        yield
    except RecursionError:
        raise LoadingError(f"{where} is nested too deep.", expected="models in models, some dozens deep") from None
