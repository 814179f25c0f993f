"""Texts among the data of a model that has inputs of texts: each becomes its fingerprint before batches are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from lamina.layers.preprocessing.text_inputs import without_texts
from lamina.tables import is_table


def with_fingerprints(graph: Any, x: Any) -> Any:
    """The data for a model's inputs, with fingerprints in the place of texts.

    Args:
        graph: of the model; one without inputs of texts leaves the data as they are.
        x: what `fit` takes.
    """
    if not any(getattr(tensor.node.op, "holds_texts", False) for tensor in graph.inputs):
        return x
    if hasattr(x, "columns") and all(name in x.columns for name in graph.input_names):
        x = {name: x[name] for name in graph.input_names}
    return _converted(x)


def _converted(x: Any) -> Any:
    if x is None or isinstance(x, (torch.Tensor, np.ndarray, str, bytes)) or is_table(x):
        return without_texts(x)
    if isinstance(x, Mapping):
        return {name: _converted(value) for name, value in x.items()}
    if isinstance(x, (list, tuple)):
        found = without_texts(x)
        return found if isinstance(found, np.ndarray) else type(x)(map(_converted, x))
    if isinstance(x, torch.utils.data.Dataset):
        return _Rows(x)
    if callable(x) and not hasattr(x, "__iter__"):
        return lambda: map(_batch, x())
    return _Batches(x) if hasattr(x, "__iter__") else x


def _batch(batch: Any) -> Any:
    """A batch of (x, ...): only its first part is data for the inputs."""
    if isinstance(batch, (list, tuple)) and len(batch) > 1 and not all(isinstance(part, str) for part in batch):
        return (_converted(batch[0]), *batch[1:])
    return _converted(batch)


class _Batches:
    """Batches of something that can be iterated anew."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __iter__(self) -> Iterator[Any]:
        return map(_batch, self.source)

    def __len__(self) -> int:
        return len(self.source)


class _Rows(torch.utils.data.Dataset[Any]):
    """Rows of a data set."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, place: int) -> Any:
        return _batch(self.source[place])
