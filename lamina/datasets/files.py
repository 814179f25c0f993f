"""Where the files of data sets come from: a copy that the user names, the cache, or the origin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lamina.graph import LaminaError
from lamina.utils import get_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class DatasetError(LaminaError, OSError):
    """A file of a data set cannot be had, or does not hold what it should."""

    __module__ = "lamina.datasets"


def file_of(name: Any, origin: str, file_hash: str | None, folder: str = "datasets", extract: bool = False) -> Path:
    """The path of a data set's file, from the cache or its origin.

    Args:
        name: its name in the cache; a path with a folder in it, or a `pathlib.Path`, is a copy of the user's, which is
            read as it is.
        origin: its URL.
        file_hash: what the file must have.
        folder: in the cache.
        extract: unpack it there, and give the folder.

    Raises:
        DatasetError: there is no such copy, or the file cannot be fetched; says where to put it.
        ArgumentError: what was fetched has another hash.
    """
    if isinstance(name, os.PathLike) or os.path.dirname(str(name)):
        return copy_at(name, origin)
    try:
        found = get_file(name, origin, file_hash=file_hash, cache_subdir=folder, extract=extract)
    except OSError as error:
        raise _unavailable(str(name), origin, folder, extract, error) from error
    return Path(found)


def copy_at(path: Any, origin: str) -> Path:
    """A copy of the user's.

    Raises:
        DatasetError: there is none.
    """
    place = Path(os.fspath(path)).expanduser()
    if not place.exists():
        raise DatasetError(
            "There is no such copy of the data set.", got=str(path), expected=f"a file like that from {origin}"
        )
    return place


def _unavailable(name: str, origin: str, folder: str, extract: bool, error: Exception) -> DatasetError:
    place = _place(name, folder, extract)
    held = f"; the file that is there, {place}, has another hash" if place.is_file() else ""
    return DatasetError(
        f"The data set's file {origin.rpartition('/')[2]} cannot be fetched.",
        got=f"{error}{held}",
        expected=origin,
        hint=f"put that file at {place}; or load_data(path=pathlib.Path(...)) of a copy",
    )


def _place(name: str, folder: str, extract: bool) -> Path:
    home = Path(os.environ.get("LAMINA_HOME") or "~/.lamina").expanduser()
    return home / folder / (f"{name}_archive" if extract else name)
