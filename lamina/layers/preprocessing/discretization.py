"""Discretization: the number of the bin that a number falls into."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError
from lamina.layers.arguments import choice, number, refuse, whole
from lamina.layers.geometry import Shape

from .data_layer import DataLayer, GivenNumbers, given_numbers
from .encoding import MODES, drops_last, encode, encoded_shape
from .quantiles import Quantiles
from .statistics import batches_of


class Discretization(DataLayer):
    """For boundaries `b[0] < b[1] < ...`, how many of them are at most x: bin 0 lies below `b[0]`, bin i from `b[i-1]`.

    The boundaries are given, or found by `adapt(data)` such that `num_bins` bins hold about as many values each. Input
    of any shape; output for "int" int32 of the same shape; for "one_hot", "multi_hot", "count" vectors of length N =
    number of bins as in `CategoryEncoding`.

    Args:
        bin_boundaries: increasing numbers.
        num_bins: how many bins `adapt` makes.
        epsilon: the share of the data by which a boundary of `adapt` may be off; with less than 100 / epsilon values
            none is.
        output_mode: "int", "one_hot", "multi_hot" or "count".
        sparse: Keras' argument for other engines; only False.
        dtype, name: as in any layer.

    Raises:
        ArgumentError: an argument cannot be; or the layer is called before it has boundaries.

    >>> Discretization([0.0, 1.0])(np.array([[-0.5, 0.0, 0.9, 3.0]]))
    tensor([[0, 1, 1, 2]], dtype=torch.int32)
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if (bin_boundaries is None) == (num_bins is None):
            expected = "either bin_boundaries, or num_bins and adapt(data)"
            raise refuse(self, "num_bins", num_bins, expected)
        self.num_bins = None if num_bins is None else whole(self, "num_bins", num_bins)
        self.epsilon = number(self, "epsilon", epsilon, 1e-9, 1.0)
        self.output_mode = choice(self, "output_mode", output_mode, ("int", *MODES))
        if sparse:
            raise refuse(self, "sparse", sparse, "False: results are dense tensors")
        self.bin_boundaries: list[float] | None = None
        self.reset_state()
        if bin_boundaries is not None:
            self._take(given_numbers(self, "bin_boundaries", bin_boundaries))

    def _take(self, boundaries: Any) -> None:
        if np.ndim(boundaries) != 1 or (np.diff(boundaries) < 0).any():
            raise refuse(self, "bin_boundaries", boundaries, "a list of increasing numbers")
        self.bin_boundaries = boundaries
        self._edges = GivenNumbers(boundaries, self._variable_torch_dtype)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find boundaries between which lie equal shares of the data, in place of those before.

        Args:
            data: an array or tensor; or an iterable of batches, each an array or a tuple that begins with one.
            steps: look at no more batches than this.

        Raises:
            ArgumentError: boundaries were given, or the data are no numbers, none at all, or not finite.
        """
        self.reset_state()
        self._refuse_to_learn()
        for batch in islice(batches_of(data, self.label), steps):
            self._add(batch)
        if not len(self._found):
            raise ArgumentError(f"{self.label} has nothing to adapt to: there are no data.")
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget the values that `update_state` has met."""
        self._found = Quantiles(self.epsilon)

    def update_state(self, data: Any) -> None:
        """Take in one more batch of values. `finalize_state` makes the boundaries of all.

        Args:
            data: an array or tensor, or a list of numbers.

        Raises:
            ArgumentError: boundaries were given, or the data are no numbers, or not finite.

        >>> layer = Discretization(num_bins=2)
        >>> layer.update_state([1.0, 2.0])
        >>> layer.update_state([3.0, 4.0])
        >>> layer.finalize_state()
        >>> layer([0.0, 4.0])
        tensor([0, 1], dtype=torch.int32)
        """
        self._refuse_to_learn()
        for batch in batches_of(np.asarray(data) if isinstance(data, (list, tuple)) else data, self.label):
            self._add(batch)

    def finalize_state(self) -> None:
        """Set the boundaries by the values that `update_state` has met; nothing where there are none."""
        if self.num_bins is not None and len(self._found):
            self._take(self._found.at(np.arange(1, self.num_bins) / self.num_bins).tolist())

    def _refuse_to_learn(self) -> None:
        if self.num_bins is None:
            raise ArgumentError(
                f"{self.label} has nothing to adapt: bin_boundaries were given.", hint="Discretization(num_bins=...)"
            )

    def _add(self, batch: torch.Tensor) -> None:
        values = batch.reshape(-1).cpu().to(torch.float64).numpy()
        if not np.isfinite(values).all():
            raise ArgumentError(f"{self.label} met data that are not finite.", hint="np.nan_to_num(data)")
        self._found.add(values)

    def _bins(self) -> int:
        if self.bin_boundaries is not None:
            return len(self.bin_boundaries) + 1
        assert self.num_bins is not None
        return self.num_bins

    def build(self, input_shape: Shape) -> None:
        self.drops_last = drops_last(input_shape, self.output_mode)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.bin_boundaries is None:
            raise ArgumentError(f"{self.label} has no boundaries yet.", hint="layer.adapt(data), or bin_boundaries=")
        edges = self._edges.on(inputs.device)
        bins = torch.bucketize(inputs.to(edges.dtype).contiguous(), edges, out_int32=True, right=True)
        if self.output_mode == "int":
            return bins
        return encode(self, bins, self.output_mode, self._bins(), self._torch_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.output_mode, self._bins())

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return torch.int32 if self.output_mode == "int" else self._torch_dtype

    def get_config(self) -> dict[str, Any]:
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
            "name": self.name,
            "dtype": self.dtype_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer; boundaries that `adapt` found are there again."""
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer._take(config["bin_boundaries"])
        return layer
