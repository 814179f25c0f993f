"""TextVectorization: texts as sequences of numbers, or as vectors that count their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice, repeat
from os import PathLike
from typing import Any

import numpy as np
import torch

from lamina.devices import current_device
from lamina.graph import ArgumentError, ShapeError, Symbolic, tree
from lamina.graph.node import is_input_node
from lamina.layers.arguments import choice, refuse, whole
from lamina.layers.geometry import Shape
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from . import words
from .adapted import iterated
from .index_lookup import IndexLookup
from .lines import lines_of
from .text_inputs import are_texts
from .token_counts import TokenCounts
from .whole_texts import as_bytes, is_packed, unpacked
from .words import Row

_TAKEN = "texts, paths of text files, or an iterable of batches of texts"
# Texts that are taken apart at a time: their tokens are Python objects, of some 60 bytes each.
_PART = 1024
Texts = np.ndarray[Any, Any]
_FUNCTIONS = Registry("function of texts", classes={})


class TextVectorization(IndexLookup):
    """Texts as numbers: made alike, split into tokens, perhaps joined to n-grams, and looked up in a vocabulary.

    Called on texts (B,) or (B, 1), in lists, arrays, data frames' columns. For "int" the result is int64 (B, T) with
    the places of the tokens in the vocabulary: 0 fills up shorter texts, 1 stands for unknown tokens, T is
    `output_sequence_length` or the longest of the batch. Else it is a vector for each text, (B, V), whose first number
    is that of the unknown tokens.

    In a model it comes first: after ``Input((), dtype="string")``, or first in a `Sequential`. The model then takes
    texts, ``model.predict(["a text"])``, and what this layer gives, too, as an exported model does.

    Args:
        max_tokens: the most entries of the vocabulary, those for padding and unknown tokens included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (of ASCII, as in Keras), None, or a
            function that is given an array of str and gives one of the same shape.
        split: "whitespace", "character", None (a text is a token), or a function: array of texts -> a list of lists of
            tokens.
        ngrams: 3 for runs of one to three tokens; (2, 3) for those of two and of three; None for none.
        output_mode: "int"; "multi_hot", ones where a token is there; "count"; "tf_idf", counts times `idf_weights`.
        output_sequence_length: for "int", the T that texts are cut or filled up to.
        pad_to_max_tokens: vectors are of length `max_tokens`, whatever the vocabulary has.
        vocabulary: a list of different tokens, or a `pathlib.Path` of a text file with one in each line.
        idf_weights: for "tf_idf" with a vocabulary, a number for each token.
        sparse, ragged: refused, as results are dense tensors.
        encoding: of texts that come as bytes.
        name: as in any layer.

    Raises:
        ArgumentError: an argument or a vocabulary cannot be; there is none yet; or it is called on anything but texts.
        ShapeError: the texts are in several columns.

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["foo bar", "bar baz", "baz bada boom"])
    >>> layer.get_vocabulary()
    ['', '[UNK]', 'baz', 'bar', 'foo', 'boom', 'bada']
    >>> layer(["Foo, qux bar!", "qux baz"])
    tensor([[4, 1, 3, 0],
            [1, 2, 0, 0]])
    """

    kind_of_tokens = "tokens"
    takes_texts = True
    reads_whole_texts = True

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if str(kwargs.get("dtype")) in ("string", "<class 'str'>"):  # of the texts, as in Keras 2
            del kwargs["dtype"]
        self.encoding = _encoding(self, encoding)
        super().__init__(
            max_tokens, 1, "", "[UNK]", None, None, False, output_mode, sparse, pad_to_max_tokens, None, name, **kwargs
        )
        choice(self, "output_mode", self.output_mode, ("int", "multi_hot", "count", "tf_idf"))
        if ragged:
            raise refuse(self, "ragged", ragged, "False: results are dense tensors, filled up with 0")
        self.standardize = _way(self, "standardize", standardize, words.STANDARDS)
        self.split = _way(self, "split", split, words.SPLITS)
        self.ngrams = _ngrams(self, ngrams)
        self.output_sequence_length = None
        if output_sequence_length is not None:
            if self.output_mode != "int":
                raise refuse(self, "output_sequence_length", output_sequence_length, "None, unless output_mode='int'")
            self.output_sequence_length = whole(self, "output_sequence_length", output_sequence_length)
        if not isinstance(vocabulary, str):  # which is refused below, with another hint
            self._refuse_odd_options(sparse, vocabulary, idf_weights)
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            self._is_given = kwargs.get("has_input_vocabulary", True) is not False

    # -- the vocabulary

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens, in their order, as the vocabulary.

        Args:
            vocabulary: tokens; "" and "[UNK]" may stand in front. Or a `pathlib.Path` of a file with one in each line.
            idf_weights: for "tf_idf", the weight of each of these.

        Raises:
            ArgumentError: none, a token twice, more than `max_tokens`, or another number of weights.

        >>> layer = TextVectorization()
        >>> layer.set_vocabulary(["earth", "wind"])
        >>> layer("wind and earth").tolist(), layer.vocabulary_size()
        ([3, 1, 2], 4)
        """
        super().set_vocabulary(vocabulary, idf_weights)

    def adapt(  # type: ignore[override]  # the order of Keras'
        self, data: Any, batch_size: int | None = None, steps: int | None = None
    ) -> None:
        """Learn the vocabulary: the tokens of the data by falling frequency, in place of those before.

        Args:
            data: texts in a list, array or column; a `pathlib.Path` of a text file, or several, whose lines are texts;
                or an iterable of batches of texts: a Dataset, a DataLoader, a generator.
            batch_size: for Keras' sake; nothing depends on it.
            steps: look at no more batches than this.

        Raises:
            ArgumentError: a vocabulary was given, or there are no tokens, or something that is no text.

        >>> layer = TextVectorization(max_tokens=4)
        >>> layer.adapt(iter([["a b"], ["b c", "b"]]))
        >>> layer.get_vocabulary(include_special_tokens=False)
        ['b', 'c']
        """
        super().adapt(data, steps)

    def _counts(self, data: Any, steps: int | None) -> TokenCounts:
        counts = TokenCounts()
        for texts in self._batches(data, steps):
            for part in self._text_parts(texts):
                counts.add_rows(self._rows(part), documents=self.output_mode == "tf_idf")
        try:
            return counts.decoded()
        except UnicodeDecodeError as error:
            raise self._unreadable(error) from error

    def _batches(self, data: Any, steps: int | None) -> Iterator[Texts]:
        paths = data if isinstance(data, (list, tuple)) else [data]
        if paths and all(isinstance(path, PathLike) for path in paths):
            for path in paths:
                lines = lines_of(path, self.encoding)
                while part := list(islice(lines, _PART)):
                    yield self._texts(part)
            return
        if isinstance(data, (list, tuple, str, bytes)) or hasattr(data, "__array__"):
            if not isinstance(data, (list, tuple)) or data:
                yield self._texts(data)
            return
        for batch in islice(iterated(self.label, data, _TAKEN), steps):
            yield self._texts(batch)

    def as_tokens(self, values: Any) -> Texts:
        if isinstance(values, (list, tuple, np.ndarray)) and not len(values):
            return np.array([], dtype=object)
        if isinstance(values, (str, bytes)):
            raise refuse(
                self, "vocabulary", values, "a list of tokens", "pathlib.Path(...) of a file with one in each line"
            )
        tokens = self._texts(values)
        return np.array([token.decode() for token in tokens.ravel().tolist()], dtype=object)

    @property
    def begins_texts(self) -> bool:
        """Whether a `Sequential` that it is the first layer of can be drawn: how long its vectors are is known."""
        return (
            self.output_mode == "int"
            or self.pad_to_max_tokens
            or self._tokens is not None
            or self._size_told is not None
        )

    def use_tokens(self) -> None:
        self._index = {token.encode(): self._token_start + place for place, token in enumerate(self.known_tokens())}
        if self.output_mode == "int" or self.split is None:
            self._index[b""] = 0 if self.output_mode == "int" else -1

    # -- texts

    def _texts(self, values: Any) -> Texts:
        """Data as an array of bytes."""
        try:
            texts = as_bytes(values, self.encoding)
        except UnicodeError as error:
            raise self._unreadable(error) from error
        if texts is None:
            hint = "str(value) for what is none" if isinstance(values, (list, tuple)) else None
            if isinstance(values, (list, tuple)) and any(isinstance(part, torch.Tensor) for part in values):
                hint = "the texts alone, without their labels: data.map(lambda x, y: x)"
            got = f"{type(values).__name__} {values!r}"
            got = got if len(got) < 100 else f"{got[:97]}..."
            raise ArgumentError(
                f"{self.label} takes texts.", got=got, expected="lists, arrays or columns of texts", hint=hint
            )
        return texts

    def _unreadable(self, error: UnicodeError) -> ArgumentError:
        return ArgumentError(
            f"{self.label} cannot read these texts.", got=str(error), hint="encoding=, of texts that are bytes"
        )

    def _text_parts(self, texts: Texts) -> Iterator[Texts]:
        """Some texts at a time, without the axis of size 1 that splitting takes the place of."""
        if self.split is not None and texts.ndim > 1:
            if texts.shape[-1] != 1:
                raise ShapeError(
                    f"{self.label} splits texts, one in each row.",
                    got=f"texts of shape {texts.shape}",
                    expected="(B,) or (B, 1)",
                    hint="split=None for texts that are tokens",
                )
            texts = texts[..., 0]
        rows = texts.reshape(-1) if self.split is not None else texts.reshape(-1, _last(texts.shape))
        return (rows[start : start + _PART] for start in range(0, len(rows), _PART))

    def _rows(self, part: Texts) -> list[Row]:
        """The tokens of some texts (n,), or of tokens (n, T) that are only to be made alike."""
        texts: list[bytes] = part.ravel().tolist()
        if callable(self.standardize):
            made = as_bytes(words.called(self.standardize, texts, part.shape), "utf-8")
            if made is None or made.size != len(texts):
                raise self._wrong_result("standardize", made, "an array of texts of the same shape")
            texts = made.ravel().tolist()
        else:
            texts = words.standardized(texts, self.standardize)
        rows: list[Row] | None
        if self.split is None:
            width = part.shape[-1]
            rows = [texts[start : start + width] for start in range(0, len(texts), width)]
        elif callable(self.split):
            result = words.called(self.split, texts, part.shape)
            rows = words.rows_of(result, len(texts))
            if rows is None:
                raise self._wrong_result("split", result, "a list of tokens for each text")
        else:
            rows = words.split(texts, self.split)
        return rows if self._widths is None else [words.ngrams(row, self._widths) for row in rows]

    def _wrong_result(self, which: str, got: Any, expected: str) -> ArgumentError:
        name = getattr(getattr(self, which), "__name__", which)
        return ArgumentError(f"{self.label}: {name}, its {which}, gives something else.", got=f"{got!r}"[:80],
                             expected=expected)  # fmt: skip

    @property
    def _widths(self) -> Iterable[int] | None:
        return range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams

    def _indices(self, texts: Texts) -> np.ndarray[Any, Any]:
        """The place of each token, in rows filled up with the number for nothing."""
        self.known_tokens()
        most, unknown = self.output_sequence_length, self._oov_start
        lengths: list[np.ndarray[Any, Any]] = [np.empty(0, np.int64)]
        found: list[np.ndarray[Any, Any]] = [np.empty(0, np.int64)]
        for part in self._text_parts(texts):
            rows = self._rows(part)
            if most is not None:
                rows = [row[:most] for row in rows]
            own = np.fromiter(map(len, rows), np.int64, len(rows))
            lengths.append(own)
            looked_up = map(self._index.get, chain.from_iterable(rows), repeat(unknown))
            found.append(np.fromiter(looked_up, np.int64, int(own.sum())))
        count = np.concatenate(lengths)
        width = int(count.max(initial=0)) if most is None else most
        filled = np.full((len(count), width), 0 if self.output_mode == "int" else -1)
        filled[np.arange(width) < count[:, None]] = np.concatenate(found)
        return filled

    def _vectorized(self, texts: Texts) -> torch.Tensor:
        indices = torch.as_tensor(self._indices(texts), device=current_device())
        shape = texts.shape[:-1] if texts.ndim > 1 else texts.shape
        result = self.encoded(indices).reshape(*shape, -1)
        return result[..., 0] if self._gives_one(texts.shape) else result

    @at_users_line
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        symbolic = [leaf for leaf in tree.leaves(inputs) if isinstance(leaf, Symbolic)]
        if symbolic:
            self._refuse_what_is_no_input(inputs)
            return super().__call__(inputs, *args, **kwargs)
        texts = self._texts(unpacked(inputs) if is_packed(inputs) else inputs)
        self.known_tokens()
        self._build_once(texts.shape)
        return self._vectorized(texts)

    def _refuse_what_is_no_input(self, inputs: Any) -> None:
        if not isinstance(inputs, Symbolic) or not is_input_node(inputs.node) or not are_texts(inputs):
            raise ArgumentError(
                f"{self.label} cannot be drawn here: it takes texts, of which PyTorch has no tensors.",
                got=f"{inputs!r}"[:100],
                expected='the Input itself, Input((), dtype="string")',
                hint=f"Input((), dtype='string') before {self.name}, and nothing in between",
            )
        shape: Any = inputs.shape  # type: ignore[attr-defined]
        if self.output_mode == "int" and self._width(shape) is None and None not in shape:
            raise ArgumentError(
                f"{self.label} gives sequences of any length, in a model that knows its batch.",
                got=f"texts of shape {shape}",
                hint="output_sequence_length=, or an Input without batch_size",
            )

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the layer makes of whole texts, see `whole_texts`; what is no more a text has been vectorized."""
        if not is_packed(inputs):
            return inputs
        if torch.compiler.is_compiling():  # no compiler knows what is done with texts
            made: torch.Tensor = torch.compiler.disable(self._of_bytes)(inputs)
            return made
        return self._of_bytes(inputs)

    def _of_bytes(self, inputs: torch.Tensor) -> torch.Tensor:
        return self._vectorized(unpacked(inputs)).to(inputs.device)

    # -- shapes

    def _width(self, input_shape: Shape) -> int | None:
        """How many numbers a text has, for "int"; None: as many as the longest has."""
        if self.output_sequence_length is None and self.split is None and self._widths is None:
            width: int | None = _last(input_shape)
            return width
        return self.output_sequence_length

    def _gives_one(self, input_shape: Shape) -> bool:
        """Whether each text is one token that becomes one number, without an axis of its own."""
        looks_up = self.split is None and self._widths is None and self.output_mode == "int"
        return looks_up and len(input_shape) < 2 and self.output_sequence_length is None

    def build(self, input_shape: Shape) -> None:
        pass

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        leading = tuple(input_shape[:-1] if len(input_shape) > 1 else input_shape)
        if self.output_mode != "int":
            if not self.pad_to_max_tokens:
                self.check_size()
            self._depth_drawn = self._depth()
            return (*leading, self._depth_drawn)
        if self._gives_one(input_shape):
            return leading
        width = self._width(input_shape)
        if width is None and leading and leading[0] is not None:
            # An example: any size that is unknown where the batch is, and not the same.
            width = 4 * leading[0] if leading[0] > 1 else 1
        return (*leading, width)

    def get_config(self) -> dict[str, Any]:
        """The arguments; a learned vocabulary stands there as if it were given, and `has_input_vocabulary` says so."""
        config = super().get_config()
        for name in ("num_oov_indices", "mask_token", "oov_token", "invert", "salt"):
            del config[name]
        return {
            **config,
            "standardize": _said(self.standardize),
            "split": _said(self.split),
            "ngrams": self.ngrams,
            "output_sequence_length": self.output_sequence_length,
            "ragged": False,
            "encoding": self.encoding,
        }


def _encoding(layer: object, value: Any) -> str:
    try:
        "".encode(value)
    except (LookupError, TypeError):
        raise refuse(layer, "encoding", value, "the name of an encoding that Python knows") from None
    return str(value)


def _way(layer: object, name: str, value: Any, names: tuple[str, ...]) -> Any:
    """One of the ways that have names, a function of the user's, or None."""
    if isinstance(value, dict):
        value = _FUNCTIONS.deserialize(value)
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if value not in names:
        raise refuse(layer, name, value, f"one of {', '.join(map(repr, names))}, None or a function")
    return value


def _said(way: Any) -> Any:
    return _FUNCTIONS.serialize(way) if callable(way) else way


def _ngrams(layer: object, value: Any) -> int | tuple[int, ...] | None:
    if value is None or not isinstance(value, (list, tuple)):
        return None if value is None else whole(layer, "ngrams", value)
    if not value:
        raise refuse(layer, "ngrams", value, "an integer, several of them, or None")
    return tuple(whole(layer, "ngrams", width) for width in value)


def _last(shape: Shape) -> Any:
    """The tokens that a row has, where texts (B, T) are tokens; a text in (B,) is one."""
    return shape[-1] if len(shape) > 1 else 1
