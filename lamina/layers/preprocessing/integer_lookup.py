"""IntegerLookup: whole numbers by their place in a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError, DtypeError
from lamina.layers.arguments import choice, refuse

from .data_layer import GivenNumbers
from .hash_operators import hash_buckets
from .hashing import signed
from .index_lookup import IndexLookup
from .token_counts import Tokens


class IntegerLookup(IndexLookup):
    """The place of each whole number in a vocabulary, which is given or learned by `adapt(data)`; or back.

    Input of any shape, whole numbers. Output for "int" int64 of the same shape; for "one_hot", "multi_hot", "count"
    vectors as in `CategoryEncoding`, for "tf_idf" counts times the weight of each token. Indices begin with the mask
    token (in mode "int", where there is one) and `num_oov_indices` for unknown numbers; vectors leave the mask token
    out. With `invert`, indices to numbers.

    Args:
        max_tokens: the most indices that there are, special ones included; `adapt` keeps the most frequent numbers.
        num_oov_indices: how many indices share the unknown numbers; 0: an unknown number is an error.
        mask_token: the number that stands for nothing.
        oov_token: with `invert`, what unknown indices become.
        vocabulary: different numbers, in their order; or a `pathlib.Path` of a file with one in each line.
        vocabulary_dtype: "int64".
        idf_weights: for "tf_idf", a weight for each number of the vocabulary.
        invert: from indices to numbers.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        sparse: Keras' argument for other engines; only False.
        pad_to_max_tokens: vectors of length `max_tokens`, however many numbers there are.
        oov_method: which of several indices an unknown number gets: "floormod" x % num_oov_indices, or "farmhash".
        salt: for "farmhash", as in `Hashing`.
        name: as in any layer.

    Raises:
        ArgumentError: an argument or a vocabulary cannot be; there is none yet; or an unknown number without an index.
        DtypeError: called on floats.

    >>> IntegerLookup(vocabulary=[12, 36, 1138, 42])(np.array([[12, 1138, 42], [42, 1000, 36]]))
    tensor([[1, 3, 4],
            [4, 0, 2]])
    """

    kind_of_tokens = "numbers"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocabulary_dtype = choice(self, "vocabulary_dtype", vocabulary_dtype, ("int64",))
        self.oov_method = choice(self, "oov_method", oov_method, ("floormod", "farmhash"))
        if salt is not None and self.oov_method != "farmhash":
            raise refuse(self, "salt", salt, "None, unless oov_method='farmhash'")
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

    def tokens_of(self, lines: Iterable[str]) -> list[Any]:
        lines = list(lines)
        try:
            return list(map(int, lines))
        except ValueError as error:
            raise refuse(self, "vocabulary", lines, "a file with a whole number in each line", str(error)) from error

    def as_tokens(self, values: Any) -> Tokens:
        array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else self._as_array(values)
        if array.dtype == object and all(isinstance(one, (int, np.integer)) for one in array.flat):
            array = array.astype(np.int64)  # a column of mixed kinds, as pandas calls it
        kind = array.dtype.kind
        if array.size and kind not in "iub" and not (kind == "f" and (array == np.floor(array)).all()):
            raise ArgumentError(
                f"{self.label} looks up whole numbers.",
                got=f"an array of {array.dtype}",
                expected="lists or arrays of whole numbers",
                hint="StringLookup for texts" if kind in "USOT" else "Discretization for floats",
            )
        return array.astype(np.int64)

    def use_tokens(self) -> None:
        tokens = np.asarray(self.known_tokens(), dtype=np.int64)
        order = np.argsort(tokens, kind="stable")
        self._ordered = GivenNumbers(tokens[order].tolist(), torch.int64)
        self._indices = GivenNumbers((order + self._token_start).tolist(), torch.int64)
        known = [*self._specials(), *tokens.tolist(), self.oov_token]
        self._back = GivenNumbers(known, torch.int64) if self.invert else None

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        self.known_tokens()
        inputs = inputs.to(torch.int64)
        if self._back is not None:
            table = self._back.on(inputs.device)
            inside = (inputs >= 0) & (inputs < len(table) - 1)
            return table[torch.where(inside, inputs, len(table) - 1)]
        ordered = self._ordered.on(inputs.device)
        place = torch.searchsorted(ordered, inputs.contiguous()).clamp(max=len(ordered) - 1)
        is_known = ordered[place] == inputs
        is_mask = torch.zeros_like(is_known) if self.mask_token is None else inputs == self.mask_token
        unknown = self._unknown_indices(inputs, is_known | is_mask)
        indices = torch.where(is_known, self._indices.on(inputs.device)[place], unknown)
        if self.mask_token is not None:
            indices = indices.masked_fill(is_mask, 0 if self.output_mode == "int" else -1)
        return self.encoded(indices)

    def _unknown_indices(self, inputs: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        if self.num_oov_indices == 0:
            if not torch.compiler.is_compiling() and not inputs.is_meta and not fine.all():
                raise self.unknown(inputs[~fine].unique().tolist())
            return torch.full_like(inputs, -1)
        if self.oov_method == "farmhash":
            spread = hash_buckets(inputs, self.num_oov_indices, signed(self.salt or ()))
        else:
            spread = inputs.remainder(self.num_oov_indices)
        return spread + self._oov_start

    def output_example(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        inputs = args[0] if args else kwargs["inputs"]
        if inputs.dtype.is_floating_point:
            raise DtypeError(
                f"{self.label} looks up whole numbers.",
                got=str(inputs.dtype),
                expected="an integer dtype",
                hint='Input(shape, dtype="int64")',
            )
        return super().output_example(args, kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype, "oov_method": self.oov_method}
