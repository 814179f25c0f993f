"""Arrays from an ``.npz`` that nobody vouches for: no pickle is loaded, sizes are checked before they are believed."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .files import DatasetError, not_held, unpickled

_MOST, _MAX_RATIO, _SMALL = 4 << 30, 100, 64 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError)


def read_npz(path: Path, *names: str) -> list[np.ndarray[Any, Any]]:
    """The arrays of these names: pairs of rows and their labels.

    Raises:
        DatasetError: the file is damaged, lacks one, tells sizes that it does not have, or holds more than data; or
            there is no label for each row.
    """
    try:
        with zipfile.ZipFile(path) as file:
            found = [_read(file, path, name) for name in names]
    except DatasetError:
        raise
    except _DAMAGED as error:
        raise _refused(path, f"{type(error).__name__}: {error}") from error
    for x, y in zip(found[::2], found[1::2], strict=True):
        if not x.ndim or y.shape != x.shape[:1]:
            raise _refused(path, f"rows {x.shape} and labels {y.shape}", "a label for each row")
    return found


def _read(file: zipfile.ZipFile, path: Path, name: str) -> np.ndarray[Any, Any]:
    members = file.namelist()
    if members.count(f"{name}.npy") != 1:
        raise _refused(path, f"the arrays {', '.join(members)[:200] or 'none'}", f"one called {name}")
    info = file.getinfo(f"{name}.npy")
    if info.file_size > max(_SMALL, min(_MOST, _MAX_RATIO * info.compress_size)):
        raise _refused(path, f"{info.file_size} bytes of {name} in {info.compress_size}")
    data = io.BytesIO(file.read(info))
    version = npy.read_magic(data)
    header: Any = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = header(data)
    rest = len(data.getvalue()) - data.tell()
    if dtype.hasobject:
        found = unpickled(data.read(), path, name)
        if not isinstance(found, np.ndarray) or found.shape != shape:
            raise _refused(path, f"something else than an array of shape {shape} for {name}")
        return found
    if math.prod(shape) * dtype.itemsize != rest:
        raise _refused(path, f"{name} of shape {shape} and {dtype} in {rest} bytes")
    array = np.frombuffer(bytearray(data.read()), dtype)
    return array.reshape(shape, order="F" if is_fortran else "C")


def _refused(path: Path, got: str, expected: str | None = None) -> DatasetError:
    return not_held(path, got, expected or "the arrays of the data set, whole")
