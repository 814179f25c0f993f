"""California housing: prices in 20,640 districts, from the census of 1990."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError
from lamina.tracebacks import door

from .files import ORIGIN, file_of
from .npz import read_npz
from .splits import Split, check_share, split

__all__ = ["load_data"]

_HASH = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_SMALL = 600


@door
def load_data(
    version: str = "large", path: Any = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Split:
    """Facts on districts and the prices of houses there, ``(x_train, y_train), (x_test, y_test)``.

    `x` is (N, 8), of income, the age, rooms and bedrooms of houses, people and their households, and the place; `y`
    (N,) is the median price in dollars.

    Args:
        version: "large", or "small" for the first 600 rows.
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.
        test_split: share of the rows in the test set.
        seed: of the order of rows.

    Raises:
        ArgumentError: another version or share. DatasetError: the file cannot be fetched, which says where to put it,
            or does not hold the data.

    >>> np.savez("california.npz", x=np.ones((10, 8)), y=np.arange(10.0))
    >>> (x_train, _), (_, y_test) = load_data(path="./california.npz")
    >>> x_train.shape, y_test.shape
    ((8, 8), (2,))
    """
    check_share(test_split)
    if version not in ("small", "large"):
        raise ArgumentError(f"version cannot be {version!r}.", expected="'small' or 'large'")
    x, y = read_npz(file_of(path, f"{ORIGIN}california_housing.npz", _HASH), "x", "y")
    if version == "small":
        x, y = x[:_SMALL], y[:_SMALL]
    return split(x, y, test_split, seed)
