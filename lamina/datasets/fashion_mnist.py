"""Fashion-MNIST: 70,000 pieces of clothing, of 28 x 28 grey pixels."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lamina.tracebacks import door

from .files import ORIGIN, DatasetError, copy_at, file_of, not_held
from .splits import Array, Split

__all__ = ["load_data"]

_FILES = ("train-labels-idx1-ubyte.gz", "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",
          "t10k-images-idx3-ubyte.gz")  # fmt: skip
_MOST = 256 << 20


@door
def load_data(path: Any = None) -> Split:
    """Pictures and kinds of clothing, ``(x_train, y_train), (x_test, y_test)``: 60,000 and 10,000.

    `x` is uint8 (N, 28, 28), from 0 to 255; `y` uint8 (N,): 0 T-shirt, 1 trousers, 2 pullover, 3 dress, 4 coat,
    5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Args:
        path: a folder with the four ``.gz`` files; by default they come from the cache or their origin.

    Raises:
        DatasetError: a file cannot be fetched, which says where to put it, or does not hold the data.

    >>> from lamina.datasets import DatasetError
    >>> try:
    ...     load_data("./no_such_folder")
    ... except DatasetError as error:
    ...     print(error.headline)
    There is no such copy of the data set.
    """
    if path is None:
        files = [file_of(name, ORIGIN + name, None, folder="datasets/fashion-mnist") for name in _FILES]
    else:
        files = [copy_at(copy_at(path, ORIGIN, folder=True) / name, ORIGIN + name) for name in _FILES]
    y_train, x_train, y_test, x_test = map(_read, files)
    for x, y, file in ((x_train, y_train, files[1]), (x_test, y_test, files[3])):
        if x.ndim != 3 or y.ndim != 1 or len(x) != len(y):
            raise _refused(file, f"pictures {x.shape} and labels {y.shape}")
    return (x_train, y_train), (x_test, y_test)


def _read(file: Path) -> Array:
    """An array of bytes in the form of MNIST's files: 0, 0, 8, the number of axes, their sizes, the values."""
    try:
        with gzip.open(file) as source:
            data = source.read(_MOST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _refused(file, f"{type(error).__name__}: {error}") from error
    axes = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    sizes = [int.from_bytes(data[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(axes)]
    values = len(data) - 4 - 4 * axes
    if not axes or len(data) > _MOST or values != math.prod(sizes):
        raise _refused(file, f"{len(data)} bytes, said to be an array of {sizes}")
    return np.frombuffer(bytearray(data), np.uint8, offset=4 + 4 * axes).reshape(sizes)


def _refused(file: Path, got: str) -> DatasetError:
    return not_held(file, got, "bytes of pictures")
