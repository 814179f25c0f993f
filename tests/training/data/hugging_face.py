"""Stand-ins for Hugging Face's `datasets` (220 MB with what it needs), true in what an adapter may rely on.

Written after datasets 5.2: the class names and where they come from, `format`, `with_format`, `column_names`,
`select_columns`, indexing by number, slice and list, and `iter(batch_size)`. Without a format, columns are lists;
floats become float32 in the formats "numpy" and "torch".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


class _Columns:
    def __init__(self, columns: dict[str, Any], kind: str | None = None) -> None:
        self._columns = columns
        self._kind = kind

    @property
    def column_names(self) -> list[str]:
        return list(self._columns)

    def with_format(self, kind: str) -> Any:
        return type(self)(self._columns, kind)

    def select_columns(self, names: list[str]) -> Any:
        return type(self)({name: self._columns[name] for name in names}, self._kind)

    def _formatted(self, rows: Any) -> dict[str, Any]:
        return {name: self._column(np.asarray(column)[rows]) for name, column in self._columns.items()}

    def _column(self, values: np.ndarray) -> Any:
        if self._kind is None or (self._kind == "torch" and values.dtype.kind == "U"):
            return values.tolist()
        values = values.astype("float32") if values.dtype.kind == "f" else values
        return torch.tensor(values) if self._kind == "torch" else values


class Dataset(_Columns):
    """`datasets.Dataset`. No subclass of PyTorch's, and with a shape."""

    __module__ = "datasets.arrow_dataset"

    @property
    def format(self) -> dict[str, Any]:
        return {"type": self._kind, "format_kwargs": {}, "columns": self.column_names, "output_all_columns": False}

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, rows: Any) -> dict[str, Any]:
        return self._formatted(rows)


class IterableDataset(_Columns, torch.utils.data.IterableDataset):
    """`datasets.IterableDataset`. A subclass of PyTorch's, without a length and without `format`."""

    __module__ = "datasets.iterable_dataset"

    def iter(self, batch_size: int) -> Iterator[dict[str, Any]]:
        total = len(next(iter(self._columns.values())))
        return (self._formatted(slice(start, start + batch_size)) for start in range(0, total, batch_size))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return ({key: values[0] for key, values in batch.items()} for batch in self.iter(1))


class DatasetDict(dict):
    """`datasets.DatasetDict`."""

    __module__ = "datasets.dataset_dict"
