"""What goes wrong between models and files, by name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina.graph import LaminaError
from lamina.nearest import nearest, suggested
from lamina.printable import QUOTED, printable

# A sentence of ours around what a file says, and the path of the file; the lines of an error within an error.
_AROUND = 2 * QUOTED
_LINES = 40

# What constructors and calls raise when a config is nonsense; anything else is a bug, and shows itself.
BAD_CONFIG = (TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError, ArithmeticError, MemoryError)


class PathError(LaminaError, TypeError, ValueError):
    """Something stands in the place of a file's path. A `TypeError`."""


class SavingError(LaminaError, ValueError):
    """A model holds something that a file has no word for, or a file cannot be written there."""


class LoadingError(LaminaError, ValueError):
    """A file or config is not one of Lamina's, is damaged, or does not fit; nothing of it was used.

    What it quotes comes from the file: it is printable, and cut.
    """

    def __init__(self, headline: str, **facts: str | None) -> None:
        super().__init__(headline, **facts)
        cut_quotes(self)


def cut_quotes(error: LaminaError) -> None:
    """Cut what an error says of a file to what a person reads."""
    error.headline = printable(error.headline.replace("\n", "\\n"), _AROUND)
    error.got = None if error.got is None else _quoted(str(error.got))
    error.hint = None if error.hint is None else _quoted(str(error.hint), _AROUND, 4)


def not_made(where: str, error: BaseException) -> LoadingError:
    """What to say where a config makes no object: what went wrong, and what that error says to try."""
    headline = f"{where} cannot be made from its config."
    if isinstance(error, LaminaError):
        got = "\n".join(filter(None, [f"{type(error).__name__}: {error.headline}", str(error.got or "")]))
        return LoadingError(headline, got=got[:500], hint=error.hint)
    return LoadingError(headline, got=f"{type(error).__name__}: {error}"[:500])


def _quoted(text: str, width: int = QUOTED, most: int = _LINES) -> str:
    lines = text.split("\n")
    more = [f"and {len(lines) - most} lines more"] if len(lines) > most else []
    return printable("\n".join(lines[:most] + more), width)


class DamagedFileError(LoadingError, OSError):
    """What stands in a file is not what was written into it, or never was a file of Lamina's. An `OSError`."""


class FolderError(LoadingError, IsADirectoryError):
    """Where a file should be, there is a folder. An `IsADirectoryError`."""


class MissingFileError(LoadingError, FileNotFoundError):
    """There is no file of this name. A `FileNotFoundError`."""


def refuse_no_path(path: Any) -> None:
    """Refuse what is no path, such as a model.

    Raises:
        PathError: so it is.
    """
    if isinstance(path, (str, bytes, os.PathLike)):
        return
    is_model = hasattr(path, "get_weights")
    raise PathError(
        "A file is given by its path.",
        got=f"{path!r:.80} of type {type(path).__name__}",
        expected="a text or a pathlib.Path, such as 'model.lamina'",
        hint="the path first; of a model that is there, model.save(path) writes it" if is_model else None,
    )


def refuse_missing(path: Any) -> None:
    """Refuse a path that leads to nothing, with the files there that are called alike.

    Raises:
        PathError: it is no path.
        MissingFileError: so it is.
    """
    refuse_no_path(path)
    if isinstance(path, bytes) or os.path.exists(path):
        return
    folder = os.path.dirname(os.path.abspath(path))
    there = os.listdir(folder) if os.path.isdir(folder) else None
    if there is None:
        hint = f"{folder!r} is no folder; os.getcwd() is {os.getcwd()!r}"
    else:
        near = suggested(nearest(os.path.basename(path), there))
        hint = near or f"os.listdir({folder!r}) lists the files there"
    error = MissingFileError(f"There is no file {os.fspath(path)!r}.", got=os.path.abspath(path), hint=hint)
    error.errno, error.filename = errno.ENOENT, os.fspath(path)
    raise error


@contextmanager
def not_too_deep(where: str) -> Iterator[None]:
    """Within, what is nested deeper than Python recurses is one more thing wrong with a file."""
    try:
        yield
    except RecursionError:
        raise LoadingError(f"{where} is nested too deep.", expected="models in models, some dozens deep") from None
