"""Sequences of different lengths in one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ShapeError
from lamina.tracebacks import door


@door
def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Sequences as rows of one array: shorter ones are filled up, longer ones are cut.

    Args:
        sequences: lists or arrays (t, ...), which differ in their length t only.
        maxlen: T; by default the longest length.
        dtype: of the result; "object" or str for text.
        padding: "pre" or "post": where short ones are filled up.
        truncating: "pre" or "post": where long ones are cut.
        value: what fills up.

    Returns:
        (B, T, ...).

    Raises:
        ArgumentError: an argument cannot be. ShapeError: the sequences differ in more than their length.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    _check(sequences, dtype, padding, truncating, value)
    if maxlen is not None and (isinstance(maxlen, bool) or not isinstance(maxlen, (int, np.integer)) or maxlen < 0):
        raise ArgumentError(f"utils.pad_sequences: maxlen cannot be {maxlen!r}.", expected="a length, or None")
    length = max((len(row) for row in sequences), default=0) if maxlen is None else maxlen
    rest = next((np.shape(row)[1:] for row in sequences if len(row)), ())
    padded = np.full((len(sequences), length, *rest), value, dtype=dtype)
    for i, row in enumerate(sequences):
        if len(row) == 0:
            continue
        kept = _numbers(row[max(len(row) - length, 0) :] if truncating == "pre" else row[:length], dtype, i)
        if kept.shape[1:] != rest:
            raise ShapeError(
                "utils.pad_sequences: the sequences differ in more than their length.",
                got=f"steps of shape {kept.shape[1:]} in row {i}",
                expected=f"{rest}, as in the first",
            )
        place = slice(length - len(kept), None) if padding == "pre" else slice(0, len(kept))
        padded[i, place] = kept
    return padded


def _numbers(steps: Any, dtype: Any, place: int) -> np.ndarray:
    """The steps of a row as the array that they are to be.

    Raises:
        ArgumentError: they cannot be of that dtype.
    """
    try:
        return np.asarray(steps, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(
            f"utils.pad_sequences cannot make row {place} an array of {np.dtype(dtype)}.",
            got=f"{steps!r}"[:100],
            expected=str(error),
            hint='dtype="int64" for large numbers, dtype=object with value="" for texts, steps of one length in a row',
        ) from error


def _check(sequences: Any, dtype: Any, padding: str, truncating: str, value: Any) -> None:
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ArgumentError(f"utils.pad_sequences: {name} cannot be {side!r}.", expected="'pre' or 'post'")
    if not hasattr(sequences, "__len__") or any(not hasattr(row, "__len__") for row in sequences):
        raise ArgumentError("utils.pad_sequences takes a list of sequences.", hint="pad_sequences([[1], [2, 3]])")
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ArgumentError(
            f"utils.pad_sequences cannot fill {dtype} with {value!r}.",
            expected="a number",
            hint="dtype=object for text",
        )
