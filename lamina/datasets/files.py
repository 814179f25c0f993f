"""Where the files of data sets come from: a copy that the user names, the cache, or the origin."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lamina.graph import LaminaError
from lamina.saving.errors import LoadingError
from lamina.saving.pickled_arrays import read_pickled_arrays
from lamina.utils.files import cache_folder, get_file

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


def copy_at(path: Any, origin: str, folder: bool = False) -> Path:
    """A copy of the user's.

    Args:
        folder: it may be one.

    Raises:
        DatasetError: there is none, or a folder in the place of a file.
    """
    place = Path(os.fspath(path)).expanduser()
    if not place.exists():
        raise DatasetError(
            "There is no such copy of the data set.",
            got=str(place.absolute()),
            expected=f"a file like that from {origin}",
            hint="the path of the copy; or no path, and the file is fetched",
        )
    if place.is_dir() and not folder:
        raise DatasetError(
            "A copy of this data set is one file.",
            got=f"the folder {place}",
            hint=f"{place / origin.rpartition('/')[2]}",
        )
    return place


def not_held(path: Path, got: str, expected: str, what: str = "the data set") -> DatasetError:
    """The error for a file that is there and holds something else: in the cache it may go, a copy is the user's."""
    cache = cache_folder("datasets")
    hint = "another copy; or no path, and the file is fetched"
    if cache in path.absolute().parents:
        hint = f"delete {path}, and it is fetched anew"
    return DatasetError(f"{path.name} does not hold {what}.", got=got, expected=expected, hint=hint)


def unpickled(program: bytes, path: Path, part: str = "") -> Any:
    """What a pickle in a file holds, read as data.

    Args:
        part: of the file, which the pickle is.

    Raises:
        DatasetError: it holds more than data, or is damaged.
    """
    where = f"{part} of {path.name}" if part else path.name
    try:
        return read_pickled_arrays(program, where)
    except LoadingError as error:
        got = f"{part}: {error.got}" if part and error.got else error.got or error.headline
        expected = "numbers, texts, lists, dicts and arrays: more than data, or damaged data, is not read"
        raise not_held(path, got, expected) from error


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
    return cache_folder(folder) / (f"{name}_archive" if extract else name)
