"""A file or folder that is not there: an error for whoever catches a wrong argument, and for whoever a missing file."""

from __future__ import annotations

import os
from typing import Any

from lamina.graph import ArgumentError
from lamina.printable import printable


class MissingDataError(ArgumentError, FileNotFoundError):
    """There is no file or folder where data should be."""

    __module__ = "lamina.utils"


def missing(path: Any, kind: str, expected: str | None = None) -> MissingDataError:
    """The error for a path at which there is nothing.

    Args:
        kind: "file" or "folder".
        expected: what should be there.
    """
    shown = os.fsdecode(path) if isinstance(path, (str, bytes, os.PathLike)) else repr(path)
    is_file = os.path.isfile(shown)
    return MissingDataError(
        f"There is no {kind} {printable(shown, 200)!r}.",
        got="a file" if is_file else None if os.path.isabs(shown) else f"no such path in {os.getcwd()}",
        expected=expected,
        hint="the folder that the file lies in" if is_file else f"the path of a {kind} that is there",
    )


def refuse_missing_folder(path: Any, expected: str | None = None) -> None:
    """Refuse what is no folder.

    Raises:
        MissingDataError: there is none.
    """
    if not isinstance(path, (str, bytes, os.PathLike)) or not os.path.isdir(path):
        raise missing(path, "folder", expected)
