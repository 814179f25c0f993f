"""Hashing: texts and numbers of any kind to a fixed number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.graph import Symbolic, tree
from lamina.layers.arguments import refuse
from lamina.layers.geometry import Shape
from lamina.users_traceback import at_users_line

from .data_layer import whole_numbers
from .encoding import MODES
from .hash_operators import hash_buckets
from .hashed_bins import HashedBins
from .hashes import buckets
from .text_inputs import are_texts, fingerprints, fingerprints_in, unsigned_rest
from .texts import texts_in


class Hashing(HashedBins):
    """`hash(x) % num_bins` of texts or whole numbers, the same on every machine.

    Input: lists or arrays of texts (of which there are no tensors in PyTorch, so not within a graph), or whole numbers
    in arrays, tensors and graphs; floats are cut to whole numbers, and numbers are hashed as their decimal digits.
    Output for "int" of the same shape; for "one_hot", "multi_hot", "count" vectors of length `num_bins` as in
    `CategoryEncoding`. The hash is FarmHash's Fingerprint64, with `salt` SipHash-2-4. It is computed on the CPU.

    Args:
        num_bins: how many bins, that of `mask_value` included.
        mask_value: what goes to bin 0, and nothing else does; None for no such value.
        salt: a whole number or two of them, the key of SipHash.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: Keras' argument for other engines; only False.

    Raises:
        ArgumentError: an argument cannot be.

    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).T
    tensor([[1, 0, 1, 1, 2]])
    """

    takes_texts = True

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_bins, output_mode, sparse, ("int", *MODES), **kwargs)
        self.mask_value = mask_value
        self.salt = salt_of(self, salt)

    @at_users_line
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(leaf, Symbolic) and are_texts(leaf) for leaf in tree.leaves(inputs)):
            if self.salt is not None:
                raise refuse(self, "salt", self.salt, "None, where texts are hashed in a graph")
            self._takes_fingerprints = True
        texts = texts_in(self, inputs)
        if texts is None:
            return super().__call__(inputs, *args, **kwargs)
        bins = buckets(texts, self._free_bins, self.salt)
        return self.of_texts(np.where(texts == self.mask_value, 0, bins + 1) if self._masks else bins)

    _takes_fingerprints = False
    """True: it was drawn on texts."""

    @property
    def _masks(self) -> bool:
        return self.mask_value is not None and self.num_bins > 1

    @property
    def _free_bins(self) -> int:
        return self.num_bins - 1 if self._masks else self.num_bins

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._takes_fingerprints:
            inputs = fingerprints_in(inputs)
            bins = unsigned_rest(inputs, self._free_bins)
            hidden = fingerprints(np.array([str(self.mask_value)]))[0]
            return self.encoded(torch.where(inputs == int(hidden), 0, bins + 1) if self._masks else bins)
        bins = hash_buckets(whole_numbers(self, inputs), self._free_bins, signed(self.salt or ()))
        if self._masks and not isinstance(self.mask_value, str):
            bins = torch.where(inputs == self.mask_value, 0, bins + 1)
        return self.encoded(bins)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.result_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value, "salt": self.salt}


def salt_of(layer: Any, salt: Any) -> list[int] | None:
    """A salt as two whole numbers, or None."""
    if salt is None:
        return None
    pair = list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
    if len(pair) != 2 or not all(isinstance(part, int) and not isinstance(part, bool) for part in pair):
        raise refuse(layer, "salt", salt, "a whole number, or two of them")
    return pair


def signed(salt: Any) -> list[int]:
    """Numbers of 64 bits as PyTorch's operators take them."""
    return [((part + (1 << 63)) % (1 << 64)) - (1 << 63) for part in salt]
