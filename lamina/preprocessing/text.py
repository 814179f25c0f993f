"""Texts as Keras 2 prepared them: `Tokenizer`. Today it is `layers.TextVectorization`, which is part of a model."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ArgumentTypeError
from lamina.public_names import names_of
from lamina.tracebacks import door

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]

__getattr__, __dir__ = names_of(__name__, __all__)

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
MODES = ("binary", "count", "tfidf", "freq")
Words = Iterable[str]


@door
def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        filters: signs in whose place `split` stands.
        lower: make letters small.
        split: what parts words.

    Raises:
        ArgumentTypeError: something that is no text.

    >>> text_to_word_sequence("The cat, the Hat!")
    ['the', 'cat', 'the', 'hat']
    """
    if not isinstance(input_text, str):
        raise ArgumentTypeError(
            "Words are made of a text.", got=f"{type(input_text).__name__} {input_text!r}"[:80], hint="str(value)"
        )
    if lower:
        input_text = input_text.lower()
    return [word for word in input_text.translate({ord(sign): split for sign in filters}).split(split) if word]


@door
def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Words] | None = None,
) -> list[int]:
    """`hashing_trick` with Python's own `hash`, which differs from process to process.

    >>> len(one_hot("the cat sat", 50))
    3
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


@door
def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Words] | None = None,
) -> list[int]:
    """A number in [1, n) for each word, by its hash; different words may meet.

    Args:
        hash_function: "md5", which is the same everywhere; a function; or None for Python's `hash`, which is not.
        filters, lower, split: as in `text_to_word_sequence`.
        analyzer: text -> words, in place of that.

    Raises:
        ArgumentError: `n` below 2.

    >>> hashing_trick("the cat sat", 50, "md5")
    [43, 32, 29]
    """
    if n < 2:
        raise ArgumentError(f"n cannot be {n!r}.", expected="2 or more: 0 stands for nothing")
    function = hash_function if callable(hash_function) else _md5 if hash_function == "md5" else hash
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Texts as lists of ranks of their words, or as rows of counts.

    Args:
        num_words: ranks below this are kept; None: all.
        filters, lower, split: as in `text_to_word_sequence`.
        char_level: signs are the words.
        oov_token: stands, as the word of rank 1, for words that were not met or are not kept; None: they go.
        analyzer: text -> words.

    Attributes:
        word_index, index_word: word -> rank from 1 on, by falling counts, and back.
        word_counts, word_docs, index_docs: how often a word was met, and in how many texts.
        document_count: how many texts were met.

    Raises:
        ArgumentTypeError: an argument that there is not.

    >>> tokenizer = Tokenizer(oov_token="?")
    >>> tokenizer.fit_on_texts(["the cat sat", "the mat"])
    >>> tokenizer.texts_to_sequences(["the cat ran"]), tokenizer.sequences_to_texts([[2, 5]])
    ([[2, 3, 1]], ['the mat'])
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], Words] | None = None,
        **kwargs: Any,
    ) -> None:
        self.num_words = kwargs.pop("nb_words", num_words)
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise ArgumentTypeError(f"Tokenizer has no argument {sorted(kwargs)[0]!r}.")
        self.filters, self.lower, self.split = filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: dict[str, int] = {}
        self.word_docs: dict[str, int] = {}
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return list(text)
            return [part.lower() for part in text] if isinstance(text, list) else list(text.lower())
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Learn the words of texts, or of lists of words; once more adds to what was met.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["b a b"])
        >>> tokenizer.word_index
        {'b': 1, 'a': 2}
        """
        counts, documents = Counter(self.word_counts), Counter(self.word_docs)
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            counts.update(words)
            documents.update(set(words))
        self.word_counts, self.word_docs = dict(counts), dict(documents)
        ranked = [word for word, _ in sorted(counts.items(), key=lambda pair: pair[1], reverse=True)]
        first = [] if self.oov_token is None else [self.oov_token]
        self.word_index = {word: rank for rank, word in enumerate([*first, *ranked], 1)}
        self.index_word = {rank: word for word, rank in self.word_index.items()}
        self.index_docs |= {self.word_index[word]: count for word, count in documents.items()}

    def fit_on_sequences(self, sequences: list[list[int]]) -> None:
        """Learn in how many sequences each rank is, for "tfidf"; no words are known then.

        >>> tokenizer = Tokenizer(num_words=4)
        >>> tokenizer.fit_on_sequences([[1, 2], [2, 3]])
        >>> tokenizer.index_docs[2]
        2
        """
        self.document_count += len(sequences)
        for sequence in sequences:
            for rank in set(sequence):
                self.index_docs[rank] = self.index_docs.get(rank, 0) + 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The ranks of the words of each text.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> tokenizer.texts_to_sequences(["b c"])
        [[2]]
        """
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """The same, one text after the other.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> next(tokenizer.texts_to_sequences_generator(["b c"]))
        [2]
        """
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            ranks = (self.word_index.get(word) for word in self._words(text))
            kept = (rank if self._is_kept(rank) else unknown for rank in ranks)
            yield [rank for rank in kept if rank is not None]

    def _is_kept(self, rank: int | None) -> bool:
        return rank is not None and (not self.num_words or rank < self.num_words)

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each list of ranks, with spaces between.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> tokenizer.sequences_to_texts([[2, 1]])
        ['b a']
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """The same, one after the other.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> next(tokenizer.sequences_to_texts_generator([[1]]))
        'a'
        """
        unknown = self.oov_token if self.oov_token in self.word_index else None
        for sequence in sequences:
            words = (self.index_word.get(rank) if self._is_kept(rank) else None for rank in sequence)
            found = (unknown if word is None else word for word in words)
            yield " ".join(word for word in found if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray[Any, Any]:
        """A row of numbers for each text, see `sequences_to_matrix`.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> tokenizer.texts_to_matrix(["b b"], "count")
        array([[0., 0., 2.]])
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: list[list[int]], mode: str = "binary") -> np.ndarray[Any, Any]:
        """A row of numbers for each list of ranks, float64 (N, `num_words`), or as many as there are words and one.

        Args:
            mode: "binary", ones; "count"; "freq", counts by the length; "tfidf", (1 + ln count) ln(1 + N / (1 + n)) of
                N texts of which n have the word.

        Raises:
            ArgumentError: nothing was learned, or another mode.

        >>> Tokenizer(num_words=3).sequences_to_matrix([[1, 1, 2, 9]], "freq")
        array([[0.  , 0.5 , 0.25]])
        """
        width = self.num_words or len(self.word_index) + 1
        if width == 1:
            raise ArgumentError("How wide the rows are is not known.", hint="num_words=, or fit_on_texts(texts) before")
        if mode not in MODES:
            raise ArgumentError(f"There is no mode {mode!r}.", expected=", ".join(map(repr, MODES)))
        if mode == "tfidf" and not self.document_count:
            raise ArgumentError("Tokenizer has met no texts yet, which 'tfidf' needs.", hint="fit_on_texts(texts)")
        rows = np.zeros((len(sequences), width))
        for row, sequence in zip(rows, sequences, strict=True):
            for rank, count in Counter(rank for rank in sequence if rank < width).items():
                row[rank] = self._weight(mode, rank, count, len(sequence))
        return rows

    def _weight(self, mode: str, rank: int, count: int, length: int) -> float:
        if mode == "tfidf":
            rarity = np.log(1 + self.document_count / (1 + self.index_docs.get(rank, 0)))
            return float((1 + np.log(count)) * rarity)
        return {"binary": 1.0, "count": float(count), "freq": count / length}[mode]

    def get_config(self) -> dict[str, Any]:
        """The arguments, and what was learned as texts of JSON; no `analyzer`."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        learned = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {name: getattr(self, name) for name in names} | {
            name: json.dumps(getattr(self, name)) for name in learned
        }

    def to_json(self, **kwargs: Any) -> str:
        """All of it as JSON, for `tokenizer_from_json`; kwargs go to `json.dumps`.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b"])
        >>> tokenizer_from_json(tokenizer.to_json()).texts_to_sequences(["b"])
        [[2]]
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@door
def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The `Tokenizer` that `to_json` has told, Keras' too.

    Raises:
        ArgumentError: the JSON tells something else.

    >>> tokenizer_from_json(Tokenizer(num_words=3).to_json()).num_words
    3
    """
    try:
        config = dict(json.loads(json_string)["config"])
        learned = {
            name: json.loads(config.pop(name))
            for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        }
        for name in ("index_docs", "index_word"):
            learned[name] = {int(rank): value for rank, value in learned[name].items()}
        tokenizer = Tokenizer(**config)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        got = f"{type(error).__name__}: {error}"[:200]
        raise ArgumentError(
            "This JSON tells no Tokenizer.", got=got, expected="what Tokenizer.to_json() gives"
        ) from error
    for name, value in learned.items():
        setattr(tokenizer, name, value)
    return tokenizer
