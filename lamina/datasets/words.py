"""Texts as lists of ranks of words, changed as Keras' loaders of IMDB and Reuters do."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from lamina.graph import ArgumentError

from .files import not_held

Array = np.ndarray[Any, Any]
Rows = list[list[int]]


def check_words(file: Path, *arrays: Array) -> None:
    """Raise DatasetError unless rows are lists of whole numbers, of which the first of each is looked at."""
    for row in itertools.chain(*arrays):
        words = row if isinstance(row, (list, tuple, np.ndarray)) else None
        if words is None or not all(isinstance(word, (int, np.integer)) for word in words[:1]):
            raise not_held(file, f"the row {row!r}"[:100], "lists of whole numbers")


def begun(rows: Any, start_char: int | None, index_from: int | None) -> Rows:
    """Each row behind a sign of its begin, its ranks raised."""
    if start_char is not None:
        shift = index_from or 0
        return [[start_char, *(word + shift for word in row)] for row in rows]
    return [[word + index_from for word in row] if index_from else list(row) for row in rows]


def shorter(rows: Rows, labels: Array, maxlen: int | None) -> tuple[Rows, Array]:
    """The rows that have fewer words than so many, with their labels.

    Raises:
        ArgumentError: there are none.
    """
    if not maxlen:
        return rows, labels
    kept = [place for place, row in enumerate(rows) if len(row) < maxlen]
    if not kept:
        raise ArgumentError(
            f"No text has fewer words than maxlen={maxlen}.",
            got=f"{min(map(len, rows), default=0)} words in the shortest",
            hint="a larger maxlen",
        )
    return [rows[place] for place in kept], labels[kept]


def limited(rows: Rows, num_words: int | None, skip_top: int, oov_char: int | None) -> Array:
    """Rows whose words are of ranks from `skip_top` up to `num_words`; others become `oov_char`, or go."""
    most = num_words or max((max(row, default=0) for row in rows), default=0)
    if oov_char is None:
        rows = [[word for word in row if skip_top <= word < most] for row in rows]
    else:
        rows = [[word if skip_top <= word < most else oov_char for word in row] for row in rows]
    made = np.empty(len(rows), dtype=object)  # where all are of one length NumPy would make a table of them
    made[:] = rows
    return made
