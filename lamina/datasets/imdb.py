"""IMDB: 50,000 reviews of films, as lists of ranks of words, for or against."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.graph import ArgumentTypeError
from lamina.tracebacks import door

from .files import ORIGIN, file_of
from .npz import read_npz
from .splits import Split, shuffled
from .word_index import read_word_index
from .words import begun, check_words, limited, shorter

__all__ = ["get_word_index", "load_data"]

_HASH = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"


@door
def load_data(
    path: Any = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> Split:
    """Reviews and whether they are for a film, ``(x_train, y_train), (x_test, y_test)``: 25,000 and 25,000.

    `x` is an array (N,) of lists of whole numbers, the ranks of words by how often they are met, raised by
    `index_from`; `y` int64 (N,), 0 against and 1 for. 0 is no word and may fill up.

    Args:
        path: the file's name in the cache (``~/.lamina/datasets``), or a `pathlib.Path` of a copy, read as it is.
        num_words, skip_top: numbers from `skip_top` on that are below `num_words` are kept; None: below the greatest
            that there is.
        maxlen: reviews of fewer words are kept, the sign of the begin counted; None: all.
        seed: of the order of rows.
        start_char: stands at the begin of each; None for nothing.
        oov_char: stands for words that are not kept; None: they go.
        index_from: added to all ranks.

    Raises:
        ArgumentError: no review is left. DatasetError: the file cannot be fetched, which says where to put it, does not
            hold the data, or more than data.

    >>> rows = np.empty(2, object)
    >>> rows[:] = [[1, 2, 3], [4, 5]]
    >>> np.savez("reviews.npz", x_train=rows, y_train=np.array([0, 1]), x_test=rows, y_test=np.array([0, 1]))
    >>> (x_train, y_train), _ = load_data("./reviews.npz", num_words=8)
    >>> x_train[0], y_train
    ([1, 4, 5, 6], array([0, 1]))
    """
    nb_words = kwargs.pop("nb_words", None)
    num_words = nb_words if num_words is None else num_words
    if kwargs:
        raise ArgumentTypeError(f"imdb.load_data has no argument {sorted(kwargs)[0]!r}.")
    names = ("x_train", "y_train", "x_test", "y_test")
    file = file_of(path, f"{ORIGIN}imdb.npz", _HASH)
    x_train, y_train, x_test, y_test = read_npz(file, *names)
    check_words(file, x_train, x_test)
    generator = np.random.RandomState(seed)
    x_train, y_train = shuffled(generator, x_train, y_train)
    x_test, y_test = shuffled(generator, x_test, y_test)
    train, y_train = shorter(begun(x_train, start_char, index_from), y_train, maxlen)
    test, y_test = shorter(begun(x_test, start_char, index_from), y_test, maxlen)
    x = limited(train + test, num_words, skip_top, oov_char)
    return (x[: len(train)], y_train), (x[len(train) :], y_test)


@door
def get_word_index(path: Any = "imdb_word_index.json") -> dict[str, int]:
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
    return read_word_index(file_of(path, f"{ORIGIN}imdb_word_index.json", "bfafd718b763782e994055a2d397834f"))
