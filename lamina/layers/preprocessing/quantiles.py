"""Quantiles of data that may be too large for memory, batch by batch."""

from __future__ import annotations

import numpy as np

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


class Quantiles:
    """The values met so far, or points of their distribution where they are too many to keep.

    Up to 100 / epsilon values are kept as they are; more are brought down to 20 / epsilon points that stand for equal
    shares of them, each off by at most a tenth of epsilon.

    Args:
        epsilon: the share of all values by which a quantile may be off.

    >>> found = Quantiles(0.01)
    >>> found.add(np.array([4.0, 1.0, 3.0]))
    >>> found.add(np.array([2.0]))
    >>> found.at(np.array([0.25, 0.5, 0.625]))
    array([1. , 2. , 2.5])
    """

    def __init__(self, epsilon: float) -> None:
        self._most, self._fewest = int(100 / epsilon), int(20 / epsilon)
        self._values = self._weights = np.empty(0)

    def __len__(self) -> int:
        return len(self._values)

    def add(self, values: Array) -> None:
        """Take in more values."""
        merged = np.concatenate((self._values, values))
        weights = np.concatenate((self._weights, np.ones(len(values))))
        order = np.argsort(merged, kind="stable")
        self._values, self._weights = merged[order], weights[order]
        if len(merged) > self._most:
            self._thin_out()

    def _thin_out(self) -> None:
        """Keep the middles of equal shares. Their ends would move all quantiles up a little, each time again."""
        total, middles = self._weights.sum(), self._weights.cumsum() - self._weights / 2
        shares = (np.arange(self._fewest) + 0.5) / self._fewest
        self._values = np.interp(shares * total, middles, self._values)
        self._weights = np.full(self._fewest, total / self._fewest)

    def at(self, shares: Array) -> Array:
        """The values below or at which these shares (0..1) of all lie; between two values, linearly."""
        below = self._weights.cumsum()
        result: Array = np.interp(shares * below[-1], below, self._values)
        return result
