"""Files of data sets that nobody vouches for: what cannot be read, or would take too much, is an error that names the
file."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina.graph import LaminaError
from lamina.missing_files import missing
from lamina.printable import printable

# A picture of more than so many positions is believed if the file is large enough for it: of photographs and scans, a
# byte tells some positions, of a blank page hundreds.
_SMALL_PICTURE = 1 << 25
_MAX_RATIO = 100
# What libraries raise on a file that is damaged, beside their own errors.
_DAMAGED = (SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, ArithmeticError, MemoryError)


class DataFileError(LaminaError, OSError, ValueError):
    """A file of a data set cannot be read, or would take more memory than its size gives reason for."""

    __module__ = "lamina.utils"


@contextmanager
def reading(path: Any, what: str, hint: str | None = None) -> Iterator[None]:
    """Within, whatever is wrong with a file is an error that names it.

    Args:
        what: it should be, for people.
        hint: what to try where the file is there and is something else.

    Raises:
        MissingDataError: it is not there. DataFileError: it cannot be read.
    """
    try:
        yield
    except LaminaError:
        raise
    except FileNotFoundError as error:
        raise missing(path, "file", what) from error
    except Exception as error:
        known = isinstance(error, (OSError, wave.Error, *_DAMAGED))
        if not known and type(error).__module__.partition(".")[0] not in ("PIL", "struct"):
            raise
        refused = DataFileError(
            f"A file cannot be read as {what}.",
            got=printable(f"{path}: {type(error).__name__}: {error}", 300),
            expected=what,
            hint=hint or "the file taken away, or copied anew",
        )
        refused.errno = getattr(error, "errno", None)
        raise refused from error


def refuse_large_picture(picture: Any, size: int, path: Any, most: int | None) -> None:
    """Refuse a picture that was opened, not yet decoded, and is out of all proportion to its file.

    Args:
        picture: of Pillow's.
        size: of the file, in bytes.
        most: positions that any may have; None for no limit at all.

    Raises:
        DataFileError: it is too large.
    """
    width, height = picture.size
    if most is None:
        return
    due = min(most, max(_SMALL_PICTURE, _MAX_RATIO * size))
    if width * height > due:
        raise DataFileError(
            "A picture is not decoded: it is larger than its file gives reason for.",
            got=printable(f"{path}: {width} x {height} positions in {size} bytes", 300),
            expected=f"at most {due} positions",
            hint="PIL.Image.MAX_IMAGE_PIXELS = None, where you trust all files",
        )
