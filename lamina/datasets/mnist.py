"""MNIST: 70,000 digits, written by hand, of 28 x 28 grey pixels."""

from __future__ import annotations

from typing import Any

from lamina.tracebacks import door

from .files import ORIGIN, file_of, not_held
from .npz import read_npz
from .splits import Split

__all__ = ["load_data"]

_HASH = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


@door
def load_data(path: Any = "mnist.npz") -> Split:
    """Pictures and the digits in them, ``(x_train, y_train), (x_test, y_test)``: 60,000 and 10,000.

    `x` is uint8 (N, 28, 28), from 0 (paper) to 255 (ink); `y` uint8 (N,), from 0 to 9.

    Args:
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.

    Raises:
        DatasetError: the file cannot be fetched, which says where to put it, or does not hold the data.

    >>> images = np.zeros((2, 28, 28), "uint8")
    >>> np.savez("copy.npz", x_train=images, y_train=images[:, 0, 0], x_test=images, y_test=images[:, 0, 0])
    >>> (x_train, y_train), _ = load_data("./copy.npz")
    >>> x_train.shape, y_train.dtype
    ((2, 28, 28), dtype('uint8'))
    """
    file = file_of(path, f"{ORIGIN}mnist.npz", _HASH)
    x_train, y_train, x_test, y_test = read_npz(file, "x_train", "y_train", "x_test", "y_test")
    if x_train.ndim != 3 or x_test.ndim != 3:
        raise not_held(file, f"arrays of {x_train.shape} and {x_test.shape}", "pictures (N, 28, 28)")
    return (x_train, y_train), (x_test, y_test)
