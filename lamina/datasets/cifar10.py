"""CIFAR-10: 60,000 photos of 32 x 32 pixels, of ten kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.tracebacks import door

from .cifar import folder_of, in_format, read_batch
from .splits import Split

__all__ = ["load_data"]

_HASH = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


@door
def load_data(path: Any = None) -> Split:
    """Photos and their kinds, ``(x_train, y_train), (x_test, y_test)``: 50,000 and 10,000.

    `x` is uint8 (N, 32, 32, 3), or (N, 3, 32, 32) where `lamina.config.image_data_format()` says so; `y` uint8 (N, 1):
    0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Args:
        path: a copy of ``cifar-10-python.tar.gz``, or the folder that is in it; by default it comes from the cache or
            its origin.

    Raises:
        DatasetError: the file cannot be fetched, which says where to put it, does not hold the data, or more than data.
        ArchiveError: the archive has what has no place in a folder.

    >>> from lamina.datasets import DatasetError
    >>> try:
    ...     load_data("./no_such.tar.gz")
    ... except DatasetError as error:
    ...     print(error.headline)
    There is no such copy of the data set.
    """
    folder = folder_of(path, "cifar-10-batches-py-target", _ORIGIN, _HASH, "cifar-10-batches-py")
    batches = [read_batch(folder / f"data_batch_{number}", "labels") for number in range(1, 6)]
    x_train, y_train = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    x_test, y_test = read_batch(folder / "test_batch", "labels")
    return in_format(x_train, y_train.astype(np.uint8), x_test, y_test.astype(np.uint8))
