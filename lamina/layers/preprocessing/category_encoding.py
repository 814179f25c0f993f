"""CategoryEncoding: numbers of categories as vectors of zeros and ones, or counts."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.layers.arguments import choice, refuse, whole
from lamina.layers.geometry import Shape

from .data_layer import DataLayer
from .encoding import drops_last, encode, encoded_shape


class CategoryEncoding(DataLayer):
    """Integers in [0, num_tokens) as vectors of length N = `num_tokens`.

    "one_hot": (...) -> (..., N), or (..., 1) -> (..., N), a 1 at the place of each integer. "multi_hot": (..., K) ->
    (..., N), a 1 at the places of any of the K integers. "count": (..., K) -> (..., N), how often each integer is among
    the K, or with `count_weights` (..., K) in the call, the sum of their weights. Negative integers are nowhere.

    Args:
        num_tokens: N.
        output_mode: "one_hot", "multi_hot" or "count".
        sparse: Keras' argument for other engines; only False.

    Raises:
        ArgumentError: an argument cannot be, or `count_weights` in another mode than "count".
        ShapeError: a weight for each integer is expected.
        IdError, an IndexError: an integer is `num_tokens` or larger (on a CPU; a GPU stops with its own assertion).

    >>> CategoryEncoding(4, output_mode="count")([[0, 1, 1], [3, 3, 3]])
    tensor([[1., 2., 0., 0.],
            [0., 0., 0., 3.]])
    """

    casts_integers = False

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # large integers among floats would lose digits
        if num_tokens is None:
            raise refuse(self, "num_tokens", None, "how many integers there are", "IntegerLookup finds it from data")
        self.num_tokens = whole(self, "num_tokens", num_tokens)
        mode = "multi_hot" if output_mode == "binary" else output_mode
        self.output_mode = choice(self, "output_mode", mode, ("one_hot", "multi_hot", "count"))
        if sparse:
            raise refuse(self, "sparse", sparse, "False: results are dense tensors")

    def build(self, input_shape: Shape) -> None:
        # Once for all calls: a graph whose axes are unknown has results of one rank, also where such an axis is 1.
        self.drops_last = drops_last(input_shape, self.output_mode)

    def call(self, inputs: torch.Tensor, count_weights: torch.Tensor | None = None) -> torch.Tensor:
        if count_weights is not None:
            self._refuse_weights(inputs, count_weights)
            count_weights = count_weights.to(self._torch_dtype)
        return encode(self, inputs, self.output_mode, self.num_tokens, self._torch_dtype, count_weights)

    def _refuse_weights(self, inputs: torch.Tensor, count_weights: torch.Tensor) -> None:
        if self.output_mode != "count":
            raise ArgumentError(
                f"{self.label} has no use for count_weights.",
                got=f"output_mode={self.output_mode!r}",
                expected="output_mode='count', whose counts they weigh",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode, "sparse": False}
