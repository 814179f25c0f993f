"""Texts among the data of a model that has inputs of texts: numbers take their place before batches are made.

Each becomes its fingerprint. Where a layer reads what stands in the texts of an input, they become their bytes, batch
by batch: all of them at once would be as wide as the longest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lamina.layers.preprocessing.text_inputs import readers_of, without_texts
from lamina.layers.preprocessing.whole_texts import as_bytes, packed
from lamina.tables import is_table

from .data.numpy_arrays import NumpyRows


def conversion_for(graph: Any) -> TextConversion | None:
    """How texts become numbers for a graph; None for one without inputs of texts."""
    if not any(getattr(tensor.node.op, "holds_texts", False) for tensor in graph.inputs):
        return None
    whole = any(readers_of(graph, tensor) for tensor in graph.inputs)
    return TextConversion(whole, tuple(graph.input_names))


@dataclass(frozen=True)
class TextConversion:
    """Texts to numbers.

    Attributes:
        whole: to their bytes, else to fingerprints.
        names: of the model's inputs.
    """

    whole: bool
    names: tuple[str, ...]

    def of_all(self, x: Any) -> Any:
        """Of data in memory; what gives batches is left as it is."""
        if hasattr(x, "columns") and all(name in x.columns for name in self.names):
            x = {name: x[name] for name in self.names}
        return self._of(x, TextRows)

    def of_batch(self, batch: Any) -> Any:
        """Of a batch of (x, ...), of which only the first part is data for the inputs."""
        if isinstance(batch, (list, tuple)) and len(batch) > 1 and not all(isinstance(part, str) for part in batch):
            return (self._of(batch[0], packed), *batch[1:])
        return self._of(batch, packed)

    def _of(self, x: Any, made_of: Callable[[Any], Any]) -> Any:
        if isinstance(x, (torch.Tensor, np.ndarray, str, bytes)) or is_table(x):
            return self._of_texts(x, made_of)
        if isinstance(x, Mapping):
            return {name: self._of(value, made_of) for name, value in x.items()}
        if not isinstance(x, (list, tuple)) or not x:
            return x
        is_structure = len(self.names) > 1 and not any(isinstance(part, (str, bytes)) for part in x)
        found = x if is_structure else self._of_texts(x, made_of)
        return type(x)(self._of(part, made_of) for part in x) if found is x else found

    def _of_texts(self, value: Any, made_of: Callable[[Any], Any]) -> Any:
        if not self.whole:
            return without_texts(value)
        texts = as_bytes(value)
        return value if texts is None else packed(texts) if texts.ndim == 0 else made_of(texts)


class TextRows(NumpyRows):
    """Texts in memory, which become tensors of their bytes batch by batch."""

    def __init__(self, texts: np.ndarray[Any, Any]) -> None:
        super().__init__(texts, np.dtype(np.uint8))
        self.shape = (*texts.shape, 1)
        self.ndim = len(self.shape)

    def __getitem__(self, rows: slice) -> TextRows:
        return TextRows(self.array[rows])

    def cut(self, start: int, stop: int) -> torch.Tensor:
        return packed(self.array[start:stop])

    def take(self, index: torch.Tensor) -> torch.Tensor:
        return packed(self.array[index.numpy()])

    def whole(self) -> torch.Tensor:
        return packed(self.array)
