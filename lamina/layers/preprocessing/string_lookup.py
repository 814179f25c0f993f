"""StringLookup: texts by their place in a vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.devices import current_device
from lamina.graph import ArgumentError, Symbolic, tree
from lamina.users_traceback import at_users_line

from .data_layer import GivenNumbers
from .hashes import buckets
from .index_lookup import IndexLookup
from .text_inputs import are_texts, fingerprints, fingerprints_in, unsigned_rest
from .texts import texts_in
from .token_counts import Tokens


class StringLookup(IndexLookup):
    """The place of each text in a vocabulary, which is given or learned by `adapt(data)`; or back.

    Called on lists or arrays of texts, before a model: PyTorch has no tensors of texts, so a graph takes the indices
    that come out, by `Input(shape, dtype="int64")`. Output for "int" int64 of the input's shape, else vectors; indices,
    modes and vocabulary as in `IntegerLookup`. With `invert`, called on indices, the output is an array of texts.

    Args:
        max_tokens, num_oov_indices, idf_weights, invert, output_mode, pad_to_max_tokens, sparse: as in `IntegerLookup`;
            of several indices an unknown text gets one by its hash.
        mask_token: the text that stands for nothing.
        oov_token: with `invert`, what unknown indices become.
        vocabulary: different texts, in their order; or a `pathlib.Path` of a file with one in each line.
        encoding: of texts that come as bytes.
        salt: a key of the hash, as in `Hashing`.
        name: as in any layer.

    Raises:
        ArgumentError: an argument or a vocabulary cannot be; there is none yet; an unknown text without an index; or
            the layer is called on a symbolic tensor, or with anything but texts.

    >>> layer = StringLookup()
    >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
    >>> layer.get_vocabulary(), layer([["a", "c", "?"]])
    (['[UNK]', 'd', 'z', 'c', 'b', 'a'], tensor([[5, 3, 0]]))
    """

    kind_of_tokens = "texts"

    takes_texts = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            salt,
            name,
            **kwargs,
        )

    def as_tokens(self, values: Any) -> Tokens:
        texts = texts_in(self, values, self.encoding)
        if texts is None:
            raise ArgumentError(
                f"{self.label} looks up texts.",
                got=f"{type(values).__name__}",
                expected="lists or arrays of texts",
                hint="IntegerLookup for whole numbers; str(value) for what is none",
            )
        return texts

    def use_tokens(self) -> None:
        tokens = self.known_tokens()
        self._index = {token: self._token_start + place for place, token in enumerate(tokens)}
        found = fingerprints(np.array(tokens))
        order = np.argsort(found)
        self._fingerprints = tuple(
            GivenNumbers(values.tolist(), torch.int64) for values in (found[order], self._token_start + order)
        )
        self._texts = np.array(
            [*("" if token is None else token for token in self._specials()), *tokens, self.oov_token]
        )

    @at_users_line
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        symbolic = [leaf for leaf in tree.leaves(inputs) if isinstance(leaf, Symbolic)]
        if symbolic and all(map(are_texts, symbolic)) and not self.invert and self.salt is None:
            self.check_size()
            return super().__call__(inputs, *args, **kwargs)
        if symbolic:
            raise ArgumentError(
                f"{self.label} cannot be drawn: PyTorch has no tensors of texts.",
                expected='lists or arrays of texts, or an Input(shape, dtype="string"); without invert and salt',
                hint='model(lookup(texts)), where the model begins with Input(shape, dtype="int64")',
            )
        self.known_tokens()
        if self.invert:
            return self._back(inputs)
        texts = self.as_tokens(inputs)
        self._build_once(texts.shape)
        return self.encoded(torch.as_tensor(self._look_up(texts), device=current_device()))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        """What the layer makes of fingerprints, which stand for texts in a graph."""
        inputs = fingerprints_in(inputs)
        known, places = (numbers.on(inputs.device) for numbers in self._fingerprints)
        at = torch.searchsorted(known, inputs).clamp(max=len(known) - 1)
        hit = known[at] == inputs
        indices = torch.where(hit, places[at], -1)
        masked = torch.zeros_like(hit)
        if self.mask_token is not None:
            masked = inputs == int(fingerprints(np.array([self.mask_token]))[0])
        if self.num_oov_indices:
            buckets = self._oov_start + unsigned_rest(inputs, self.num_oov_indices)
            indices = torch.where(hit | masked, indices, buckets)
        elif not torch.compiler.is_compiling() and not inputs.is_meta and not (hit | masked).all():
            raise self.unknown(["a text"])
        return self.encoded(torch.where(masked, 0 if self.output_mode == "int" else -1, indices))

    def _back(self, inputs: Any) -> Tokens:
        indices = inputs.detach().cpu().numpy() if isinstance(inputs, torch.Tensor) else self._as_array(inputs)
        inside = (indices >= 0) & (indices < len(self._texts) - 1)
        return self._texts[np.where(inside, indices, len(self._texts) - 1).astype(np.int64)]

    def _look_up(self, texts: Tokens) -> np.ndarray[Any, Any]:
        different, places = np.unique(texts, return_inverse=True)
        indices = np.array([self._index.get(text, -1) for text in different.tolist()], dtype=np.int64)
        masked = different == self.mask_token if self.mask_token is not None else np.zeros(len(different), bool)
        unknown = (indices < 0) & ~masked
        if self.num_oov_indices == 0 and unknown.any():
            raise self.unknown(different[unknown].tolist())
        if unknown.any():
            indices[unknown] = self._oov_start + buckets(different[unknown], self.num_oov_indices, self.salt)
        indices[masked] = 0 if self.output_mode == "int" else -1
        return indices[places].reshape(texts.shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}
