"""Lines of text files, which vocabularies and texts are read from."""

from __future__ import annotations

from collections.abc import Iterator
from os import fspath
from pathlib import Path
from typing import Any

from lamina.graph import ArgumentError
from lamina.missing_files import missing


def lines_of(path: Any, encoding: str) -> Iterator[str]:
    """The lines of a file, without their ends, and without the mark that editors put in front of UTF-8.

    Raises:
        MissingDataError: there is no such file. ArgumentError: it cannot be read, or is of another encoding.
    """
    marked = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        with Path(fspath(path)).open(encoding=marked) as file:
            yield from (line.rstrip("\n") for line in file)
    except FileNotFoundError as error:
        raise missing(path, "file", f"texts in {encoding}, one in each line") from error
    except OSError as error:
        raise ArgumentError("A file of texts cannot be read.", got=f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ArgumentError(
            "A file of texts cannot be read.",
            got=f"{path}: {error}",
            expected=f"texts in {encoding}",
            hint="encoding=, such as 'latin-1', or the file in UTF-8",
        ) from error
