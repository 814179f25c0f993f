"""CIFAR-100: 60,000 photos of 32 x 32 pixels, of a hundred kinds in twenty groups."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError
from lamina.tracebacks import door

from .cifar import folder_of, in_format, read_batch
from .splits import Split

__all__ = ["load_data"]

_HASH = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"
_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"


@door
def load_data(label_mode: str = "fine", path: Any = None) -> Split:
    """Photos and their kinds, ``(x_train, y_train), (x_test, y_test)``: 50,000 and 10,000.

    `x` is uint8 (N, 32, 32, 3), or (N, 3, 32, 32) where `lamina.config.image_data_format()` says so; `y` int64 (N, 1).

    Args:
        label_mode: "fine" for the kinds, 0 to 99; "coarse" for their groups, 0 to 19.
        path: a copy of ``cifar-100-python.tar.gz``, or the folder that is in it; by default it comes from the cache or
            its origin.

    Raises:
        ArgumentError: another `label_mode`.
        DatasetError: the file cannot be fetched, which says where to put it, does not hold the data, or more than data.
        ArchiveError: the archive has what has no place in a folder.

    >>> from lamina.datasets import DatasetError
    >>> try:
    ...     load_data(path="./no_such.tar.gz")
    ... except DatasetError as error:
    ...     print(error.headline)
    There is no such copy of the data set.
    """
    if label_mode not in ("fine", "coarse"):
        raise ArgumentError(f"label_mode cannot be {label_mode!r}.", expected="'fine' or 'coarse'")
    folder = folder_of(path, "cifar-100-python-target", _ORIGIN, _HASH, "cifar-100-python")
    x_train, y_train = read_batch(folder / "train", f"{label_mode}_labels")
    x_test, y_test = read_batch(folder / "test", f"{label_mode}_labels")
    return in_format(x_train, y_train, x_test, y_test)
