"""IndexLookup: tokens by their place in a vocabulary, and back; what IntegerLookup and StringLookup share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from os import PathLike
from typing import Any, ClassVar

import numpy as np
import torch

from lamina.config import floatx
from lamina.devices import take_tables
from lamina.graph import ArgumentError
from lamina.graph.dtypes import to_torch
from lamina.graph.source import warn
from lamina.layers.arguments import choice, refuse, whole
from lamina.layers.geometry import Shape

from .adapted import iterated
from .data_layer import DataLayer, GivenNumbers, given_numbers
from .encoding import MODES, drops_last, encode, encoded_shape
from .hashing import salt_of
from .lines import lines_of
from .token_counts import TokenCounts, Tokens

# Bytes of an entry of a list of tokens or numbers.
_ENTRY = 40


class IndexLookup(DataLayer):
    """Base. The indices are: the mask token (in mode "int", where there is one), `num_oov_indices` for tokens that are
    not in the vocabulary, then the vocabulary. A subclass says what tokens are, and looks them up.
    """

    casts_integers = False
    kind_of_tokens: ClassVar[str]

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        salt: Any,
        name: str | None,
        **kwargs: Any,
    ) -> None:
        learned = kwargs.pop("has_input_vocabulary", True) is False
        size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        self.autocast = False
        self.max_tokens = None if max_tokens is None else whole(self, "max_tokens", max_tokens, minimum=2)
        self.num_oov_indices = whole(self, "num_oov_indices", num_oov_indices, minimum=0)
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = bool(invert), bool(pad_to_max_tokens)
        mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        self.output_mode = choice(self, "output_mode", mode, ("int", *MODES, "tf_idf"))
        self.salt = salt_of(self, salt)
        self._refuse_odd_options(sparse, vocabulary, idf_weights)
        # In a config of Keras' whose vocabulary stands in a file beside it: graphs are drawn before that is read.
        self._size_told = whole(self, "vocabulary_size", size) if size else None
        self._tokens: list[Any] | None = None
        self._idf: list[float] | None = None
        self._is_given = False
        self._counted: TokenCounts | None = None
        self._depth_drawn: int | None = None  # of vectors, where a graph was drawn with them
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
            self._is_given = not learned

    def _refuse_odd_options(self, sparse: bool, vocabulary: Any, idf_weights: Any) -> None:
        if sparse:
            raise refuse(self, "sparse", sparse, "False: results are dense tensors")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise refuse(self, "pad_to_max_tokens", True, "max_tokens beside it, the size to pad to")
        if self.invert and self.output_mode != "int":
            raise refuse(self, "output_mode", self.output_mode, "'int' where invert=True")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise refuse(self, "idf_weights", idf_weights, "None, unless output_mode='tf_idf'")
        if self.output_mode == "tf_idf" and vocabulary is not None and idf_weights is None:
            raise refuse(self, "idf_weights", None, "a weight for each token of the vocabulary")
        if isinstance(vocabulary, str):
            hint = "pathlib.Path(...) of a file with one in each line: a text in a config must not open other files"
            raise refuse(self, "vocabulary", vocabulary, "a list of tokens", hint)

    # -- the vocabulary

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def _specials(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens, in their order, as the vocabulary.

        Args:
            vocabulary: tokens; the mask token and those for unknown ones may stand in front. Or a `pathlib.Path` of a
                file with one in each line.
            idf_weights: for "tf_idf", the weight of each of these.

        Raises:
            ArgumentError: none, a token twice, more than `max_tokens`, or another number of weights.
        """
        if isinstance(vocabulary, PathLike):
            vocabulary = self.tokens_of(lines_of(vocabulary, getattr(self, "encoding", "utf-8")))
        given = self.as_tokens(vocabulary).tolist()
        take_tables(_ENTRY * (self._token_start + (self._depth() if self.output_mode == "tf_idf" else 0)), self.label)
        specials = self._specials()
        has_specials = bool(specials) and given[: len(specials)] == specials
        tokens = given[len(specials) :] if has_specials else given
        self._refuse_odd_tokens(tokens)
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise refuse(self, "idf_weights", idf_weights, "given for output_mode='tf_idf', and for no other")
        self._tokens = tokens
        if idf_weights is not None:
            weights = given_numbers(self, "idf_weights", idf_weights)
            if np.shape(weights) != (len(given),):
                raise refuse(self, "idf_weights", weights, f"{len(given)} numbers, as many as tokens")
            self._keep_weights(np.asarray(weights), has_specials)
        self._begin_to_use()

    def _begin_to_use(self) -> None:
        """Make the tables of a new vocabulary, and tell of vectors that do not fit a model drawn before."""
        self.use_tokens()
        if self._depth_drawn not in (None, self._depth()):
            warn(
                f"{self.label} gives vectors of length {self._depth()} from now on, and was drawn with "
                f"{self._depth_drawn}: a model that it stands in has weights for these. Try to draw the model after "
                "adapt or set_vocabulary, or max_tokens= with pad_to_max_tokens=True, which fix the length."
            )

    def learn_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """`set_vocabulary` of one that was learned elsewhere: the layer may still adapt."""
        self.set_vocabulary(vocabulary, idf_weights)
        self._is_given = False

    def _refuse_odd_tokens(self, tokens: list[Any]) -> None:
        twice = sorted(token for token, count in Counter(tokens).items() if count > 1)
        reserved = [self.mask_token] + ([self.oov_token] if self.invert else [])
        misplaced = [token for token in reserved if token is not None and token in tokens]
        size = self._token_start + len(tokens)
        problem = None
        if not tokens:
            problem = "at least one token"
        elif twice:
            problem = f"each token once, not {twice[:5]} more often"
        elif misplaced:
            problem = f"{misplaced} nowhere but in front, as in {self._specials()}"
        elif self.max_tokens is not None and size > self.max_tokens:
            problem = f"no more than max_tokens={self.max_tokens}, which counts {self._token_start} special ones too"
        if problem is not None:
            raise ArgumentError(
                f"{self.label} cannot have this vocabulary.", got=f"{len(tokens)} tokens", expected=problem
            )

    def _keep_weights(self, weights: np.ndarray[Any, Any], has_specials: bool) -> None:
        """Keep idf weights for all indices; unknown tokens have the mean, if they are not told otherwise."""
        if not has_specials:
            weights = np.concatenate((np.full(self._token_start, weights.mean()), weights))
        self._idf = np.pad(weights, (0, self._depth() - len(weights))).tolist()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The token of each index; without the special ones those of the vocabulary alone."""
        tokens = self._tokens or []
        return [*self._specials(), *tokens] if include_special_tokens and tokens else list(tokens)

    @property
    def idf_weights(self) -> list[float] | None:
        """For "tf_idf" the weight of each index."""
        return None if self._idf is None else list(self._idf)

    def vocabulary_size(self) -> int:
        """How many indices there are, those of special tokens included."""
        if self._tokens is None and self._size_told is not None:
            return self._size_told
        return self._token_start + len(self._tokens or [])

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of the data by falling frequency, in place of those before.

        Args:
            data: tokens in a list, array or tensor, a document in each row; or an iterable of batches of such rows.
            steps: look at no more batches than this.

        Raises:
            ArgumentError: a vocabulary was given, or there are no tokens.
        """
        self.reset_state()
        self._refuse_to_learn()
        self._learn(self._counts(data, steps), type(data).__name__)

    def reset_state(self) -> None:
        """Forget what `update_state` has counted."""
        self._counted = None

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch. `finalize_state` makes the vocabulary of all.

        Args:
            data: tokens, a document in each row; those of one axis are one document.

        Raises:
            ArgumentError: a vocabulary was given.

        >>> layer = lamina.layers.StringLookup()
        >>> layer.update_state(["a", "b"])
        >>> layer.update_state(["b"])
        >>> layer.finalize_state()
        >>> layer.get_vocabulary()
        ['[UNK]', 'b', 'a']
        """
        self._refuse_to_learn()
        counts = self._counts(iter([data]), None)
        if self._counted is None:
            self._counted = counts
        else:
            self._counted.take_in(counts)

    def finalize_state(self) -> None:
        """Learn the vocabulary from what `update_state` has counted since the last time; nothing where that is none."""
        if self._counted is not None:
            counts, self._counted = self._counted, None
            self._learn(counts, "what update_state has counted")

    def _refuse_to_learn(self) -> None:
        if self._is_given:
            hint = "the layer without vocabulary=, or set_vocabulary(...) for another one"
            raise ArgumentError(f"{self.label} has nothing to adapt: a vocabulary was given.", hint=hint)

    def _learn(self, counts: TokenCounts, source: str) -> None:
        most = None if self.max_tokens is None else self.max_tokens - self._token_start
        tokens = counts.most_frequent([self.mask_token, self.oov_token], most)
        if not tokens:
            expected = f"{self.kind_of_tokens} beside {self._specials()}" if len(counts) else "at least one token"
            hint = "data that are there: an iterator may be used up, a filter may leave nothing; or vocabulary="
            raise ArgumentError(f"{self.label} found no tokens to learn.", got=source, expected=expected, hint=hint)
        self._tokens = tokens
        if self.output_mode == "tf_idf":
            self._keep_weights(counts.inverse_frequency(tokens), has_specials=False)
        self._begin_to_use()

    def _counts(self, data: Any, steps: int | None) -> TokenCounts:
        counts = TokenCounts()
        for documents in self._documents(data, steps):
            counts.add(documents)
        return counts

    def _documents(self, data: Any, steps: int | None) -> Iterable[Tokens]:
        if isinstance(data, (list, tuple, str, bytes, torch.Tensor)) or hasattr(data, "__array__"):
            tokens = self.as_tokens(data)
            yield tokens.reshape(-1, 1) if tokens.ndim < 2 else tokens
            return
        taken = f"{self.kind_of_tokens}, or an iterable of batches of them"
        for batch in islice(iterated(self.label, data, taken), steps):
            tokens = self.as_tokens(batch)
            yield tokens.reshape(1, -1) if tokens.ndim < 2 else tokens

    # -- for subclasses

    def tokens_of(self, lines: Iterable[str]) -> list[Any]:
        """The tokens that stand in the lines of a file."""
        return list(lines)

    def as_tokens(self, values: Any) -> Tokens:
        """Data as an array of tokens."""
        raise NotImplementedError

    def use_tokens(self) -> None:
        """Make the tables of a new vocabulary."""
        raise NotImplementedError

    def check_size(self) -> None:
        """Raise ArgumentError where nothing tells how many indices there are."""
        if self._size_told is None:
            self.known_tokens()

    def known_tokens(self) -> list[Any]:
        """The vocabulary; an error where there is none yet."""
        if self._tokens is None:
            hint = "layer.adapt(data), or vocabulary="
            raise ArgumentError(f"{self.label} has no vocabulary yet.", hint=hint)
        return self._tokens

    def unknown(self, tokens: Any) -> ArgumentError:
        """The error for tokens that have no index."""
        return ArgumentError(
            f"{self.label} met {self.kind_of_tokens} that are not in its vocabulary.",
            got=", ".join(map(repr, tokens[:5])),
            hint="num_oov_indices=1, an index for all of them",
        )

    # -- results

    def _depth(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()

    def build(self, input_shape: Shape) -> None:
        self.drops_last = drops_last(input_shape, self.output_mode)

    def encoded(self, indices: torch.Tensor) -> torch.Tensor:
        """Indices as the layer gives them; negative ones are in no vector."""
        if self.output_mode == "int":
            return indices
        mode, dtype = ("count" if self.output_mode == "tf_idf" else self.output_mode), self._vector_dtype()
        vectors = encode(self, indices, mode, self._depth(), dtype)
        if self.output_mode != "tf_idf":
            return vectors
        return vectors * GivenNumbers(self._idf, dtype).on(vectors.device)

    def _vector_dtype(self) -> torch.dtype:
        return self._torch_dtype if self._torch_dtype.is_floating_point else to_torch(floatx())

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return tuple(input_shape)
        self.check_size()
        self._depth_drawn = self._depth()
        return encoded_shape(input_shape, self.output_mode, self._depth_drawn)

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return torch.int64 if self.output_mode == "int" else self._vector_dtype()

    def get_config(self) -> dict[str, Any]:
        """The arguments; a learned vocabulary stands there as if it were given, and `has_input_vocabulary` says so."""
        weighed = self.output_mode == "tf_idf" and self._idf is not None
        config = {
            **super().get_config(),
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "mask_token": self.mask_token,
            "oov_token": self.oov_token,
            "vocabulary": self.get_vocabulary(include_special_tokens=weighed) or None,
            "idf_weights": self._idf[: self.vocabulary_size()] if weighed and self._idf is not None else None,
            "invert": self.invert,
            "output_mode": self.output_mode,
            "sparse": False,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            "salt": self.salt,
        }
        return config if self._is_given or self._tokens is None else {**config, "has_input_vocabulary": False}
