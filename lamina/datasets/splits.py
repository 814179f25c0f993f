"""Rows in an order that a seed tells, cut into training and test."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.graph import ArgumentError

Array = np.ndarray[Any, Any]
Split = tuple[tuple[Array, Array], tuple[Array, Array]]


def shuffled(generator: np.random.RandomState, *arrays: Array) -> list[Array]:
    """Rows of all in one new order, which the generator draws, NumPy's of old, as with Keras."""
    order = np.arange(len(arrays[0]))
    generator.shuffle(order)
    return [array[order] for array in arrays]


def split(x: Array, y: Array, test_split: float, seed: int) -> Split:
    """Shuffled rows, the last `test_split` of them for testing."""
    x, y = shuffled(np.random.RandomState(seed), x, y)
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def check_share(test_split: Any) -> None:
    """Raise ArgumentError for a share that leaves nothing to train on."""
    try:
        fits = 0 <= test_split < 1
    except TypeError:
        fits = False
    if not fits:
        raise ArgumentError(f"test_split cannot be {test_split!r}.", expected="a number from 0 up to 1, 1 left out")
