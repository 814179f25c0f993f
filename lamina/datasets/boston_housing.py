"""Boston housing: prices of 506 houses. Keras warns that the column "B" supposes that races live apart by choice."""

from __future__ import annotations

from typing import Any

from lamina.tracebacks import door

from .files import ORIGIN, file_of
from .npz import read_npz
from .splits import Split, check_share, split

__all__ = ["load_data"]

_HASH = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


@door
def load_data(path: Any = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Split:
    """Facts on houses and their prices, ``(x_train, y_train), (x_test, y_test)``.

    `x` is float64 (N, 13); `y` float64 (N,), in thousands of dollars. For other uses than showing what is wrong with
    it, take `california_housing`.

    Args:
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.
        test_split: share of the rows in the test set.
        seed: of the order of rows.

    Raises:
        ArgumentError: another share. DatasetError: the file cannot be fetched, which says where to put it, or does not
            hold the data.

    >>> np.savez("boston.npz", x=np.ones((10, 13)), y=np.arange(10.0))
    >>> (x_train, _), (_, y_test) = load_data("./boston.npz")
    >>> x_train.shape, y_test.shape
    ((8, 13), (2,))
    """
    check_share(test_split)
    x, y = read_npz(file_of(path, f"{ORIGIN}boston_housing.npz", _HASH), "x", "y")
    return split(x, y, test_split, seed)
