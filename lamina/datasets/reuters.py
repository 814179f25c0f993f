"""Reuters: 11,228 reports, as lists of ranks of words, on 46 topics."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.tracebacks import door

from .files import ORIGIN, file_of
from .npz import read_npz
from .splits import Split, check_share, shuffled
from .word_index import read_word_index
from .words import begun, check_words, limited, shorter

__all__ = ["get_label_names", "get_word_index", "load_data"]

_HASH = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass "
    "crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi "
    "iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr gas silver wpi hog lead"
)


@door
def load_data(
    path: Any = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> Split:
    """Reports and their topics, ``(x_train, y_train), (x_test, y_test)``.

    `x` is an array (N,) of lists of whole numbers, as in `imdb.load_data`; `y` int64 (N,), the topic's place in
    `get_label_names()`.

    Args:
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.
        test_split: share of the rows in the test set.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as in `imdb.load_data`.

    Raises:
        ArgumentError: no report is left, or another share. DatasetError: the file cannot be fetched, which says where
            to put it, does not hold the data, or more than data.

    >>> rows = np.empty(5, object)
    >>> rows[:] = [[1, 2, 3], [4, 5], [6], [7], [8]]
    >>> np.savez("reports.npz", x=rows, y=np.arange(5))
    >>> (x_train, y_train), (x_test, y_test) = load_data("./reports.npz")
    >>> len(x_train), x_test[0]
    (4, [1, 2])
    """
    check_share(test_split)
    file = file_of(path, f"{ORIGIN}reuters.npz", _HASH)
    x, y = shuffled(np.random.RandomState(seed), *read_npz(file, "x", "y"))
    check_words(file, x)
    rows, y = shorter(begun(x, start_char, index_from), y, maxlen)
    x = limited(rows, num_words, skip_top, oov_char)
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


@door
def get_word_index(path: Any = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word, before `index_from` is added.

    Args:
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.

    Raises:
        DatasetError: the file cannot be fetched, which says where to put it, or does not hold the words.

    >>> from pathlib import Path
    >>> _ = Path("words.json").write_text('{"the": 1}')
    >>> get_word_index("./words.json")
    {'the': 1}
    """
    return read_word_index(file_of(path, f"{ORIGIN}reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"))


@door
def get_label_names() -> tuple[str, ...]:
    """The 46 topics, in the order of the labels.

    >>> get_label_names()[:3]
    ('cocoa', 'grain', 'veg-oil')
    """
    return tuple(_TOPICS.split())
