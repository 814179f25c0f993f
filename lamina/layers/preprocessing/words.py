"""Texts cut into tokens: made alike, split, joined to n-grams. All on bytes in UTF-8, as Keras does.

So only the letters of ASCII are made small ("É" stays), only its punctuation is taken out, and a no-break space splits
nothing. On bytes each step is one pass in C: some 10 million words a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"

STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
SPLITS = ("whitespace", "character")

Row = list[bytes]


def standardized(texts: list[bytes], how: str | None) -> list[bytes]:
    """Texts made alike.

    >>> standardized(["It's É!".encode()], "lower_and_strip_punctuation")[0].decode()
    'its É'
    """
    if how in ("lower", "lower_and_strip_punctuation"):
        texts = [text.lower() for text in texts]
    if how in ("strip_punctuation", "lower_and_strip_punctuation"):
        texts = [text.translate(None, PUNCTUATION) for text in texts]
    return texts


def split(texts: list[bytes], how: str) -> list[Row]:
    """The tokens of each text.

    >>> split([b" a  b", "é".encode()], "whitespace")
    [[b'a', b'b'], [b'\\xc3\\xa9']]
    """
    if how == "whitespace":
        return [text.split() for text in texts]
    return [[sign.encode() for sign in text.decode(errors="replace")] for text in texts]


def ngrams(row: Row, widths: Iterable[int]) -> Row:
    """Runs of so many tokens, joined by spaces; all of one width, then those of the next.

    >>> ngrams([b"a", b"b", b"c"], (1, 2))
    [b'a', b'b', b'c', b'a b', b'b c']
    """
    found: Row = []
    for width in widths:
        if width > len(row):
            if isinstance(widths, range):  # the wider ones too
                break
            continue
        found += row if width == 1 else [b" ".join(row[i : i + width]) for i in range(len(row) - width + 1)]
    return found


def rows_of(result: Any, count: int) -> list[Row] | None:
    """What a function of the user's made of so many texts, as rows of tokens; None if it is something else.

    Args:
        result: a list, a tuple or an array of lists, tuples or arrays of texts or bytes.

    >>> rows_of([["a"], (b"b", "c")], 2), rows_of(["a", "b"], 2)
    ([[b'a'], [b'b', b'c']], None)
    """
    rows = result.tolist() if isinstance(result, np.ndarray) else result
    if not isinstance(rows, (list, tuple)) or len(rows) != count:
        return None
    found: list[Row] = []
    for row in rows:
        tokens = row.tolist() if isinstance(row, np.ndarray) else row
        if not isinstance(tokens, (list, tuple)) or not all(isinstance(token, (str, bytes)) for token in tokens):
            return None
        found.append([token.encode() if isinstance(token, str) else token for token in tokens])
    return found


def called(function: Callable[..., Any], texts: list[bytes], shape: tuple[int, ...]) -> Any:
    """What a function of the user's makes of texts, which it is given as an array of str of this shape."""
    return function(np.array([text.decode(errors="replace") for text in texts], dtype=str).reshape(shape))
