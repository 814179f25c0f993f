"""HashedBins: what layers share that give each input one of a few bins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina.config import floatx
from lamina.devices import current_device
from lamina.layers.arguments import choice, refuse, whole
from lamina.layers.geometry import Shape

from .data_layer import DataLayer
from .encoding import drops_last, encode, encoded_shape


class HashedBins(DataLayer):
    """Base of layers that give each input one of `num_bins` bins, and perhaps make a vector of that."""

    casts_integers = False

    def __init__(self, num_bins: Any, output_mode: str, sparse: bool, modes: tuple[str, ...], **kwargs: Any) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else floatx()
        super().__init__(**kwargs)
        self.autocast = False  # floats as large as 2**24 would become others
        self.num_bins = whole(self, "num_bins", num_bins)
        self.output_mode = choice(self, "output_mode", output_mode, modes)
        if sparse:
            raise refuse(self, "sparse", sparse, "False: results are dense tensors")
        if output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise refuse(self, "dtype", self.compute_dtype, '"int32" or "int64", for output_mode="int"')

    def build(self, input_shape: Any) -> None:
        first = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.drops_last = drops_last(first, self.output_mode)

    def encoded(self, bins: torch.Tensor) -> torch.Tensor:
        """Bins as the layer gives them."""
        if self.output_mode == "int":
            return bins.to(self._torch_dtype)
        return encode(self, bins, self.output_mode, self.num_bins, self._torch_dtype)

    def of_texts(self, bins: np.ndarray[Any, Any]) -> torch.Tensor:
        """Bins of texts, which no tensor holds, where the layer's other results would lie."""
        self.drops_last = drops_last(bins.shape, self.output_mode)
        return self.encoded(torch.as_tensor(bins, device=current_device()))

    def result_shape(self, input_shape: Shape) -> Shape:
        """The shape of `encoded`."""
        if self.output_mode == "int":
            return tuple(input_shape)
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_bins": self.num_bins,
            "output_mode": self.output_mode,
            "sparse": False,
        }
