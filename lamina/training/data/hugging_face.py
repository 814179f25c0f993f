"""Datasets of Hugging Face's ``datasets``: columns by name, a batch as one look-up."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from lamina.graph import ArgumentError

from .batch import Keys
from .origin import comes_from
from .torch_dataset import ByNumber, OneByOne


def is_dataset(value: Any) -> bool:
    return comes_from(value, "datasets", "Dataset", "IterableDataset")


def is_several(value: Any) -> bool:
    return comes_from(value, "datasets", "DatasetDict", "IterableDatasetDict")


def of_hugging_face(
    dataset: Any,
    y: Keys,
    sample_weight: Keys,
    batch_size: int | None,
    shuffle: bool,
    merge_single: bool,
    inputs: list[str] | None,
) -> Table | Rows:
    """The source of a dataset, whose columns are the inputs called like them, or all that are neither y nor weights.

    Columns come as NumPy arrays, unless the dataset has a format (``with_format("torch")``).

    Args:
        inputs: names of the model's inputs.
    """
    if comes_from(dataset, "datasets", "IterableDataset"):
        return Rows(_columns(dataset, y, sample_weight, inputs), y, sample_weight, batch_size, merge_single)
    return Table(_columns(dataset, y, sample_weight, inputs), y, sample_weight, batch_size, shuffle, merge_single)


def refuse_several(value: Any, name: str) -> ArgumentError:
    first = next(iter(value), "train")
    return ArgumentError(f"{name} is a dict of datasets.", got=f"{list(value)}", hint=f"{name}[{first!r}]")


def _columns(dataset: Any, y: Keys, sample_weight: Keys, inputs: list[str] | None) -> Any:
    """Only the columns that are used are read, as arrays."""
    names = dataset.column_names
    keys = [key for part in (y, sample_weight) for key in ([part] if isinstance(part, str) else part or ())]
    if names and inputs and all(name in names for name in inputs) and all(key in names for key in keys):
        dataset = dataset.select_columns([*inputs, *(key for key in keys if key not in inputs)])
    given = getattr(dataset, "format", None) or {}
    return dataset if given.get("type") is not None else dataset.with_format("numpy")


class Table(ByNumber):
    """A dataset whose rows have numbers: a batch is a slice, or one look-up of many rows."""

    def _rows(self, numbers: Any) -> Any:
        return self.dataset[numbers.start : numbers.stop] if isinstance(numbers, range) else self.dataset[numbers]


class Rows(OneByOne):
    """A dataset that is streamed."""

    shares_rows = False  # its batches come as they are

    def __len__(self) -> int:
        raise TypeError("the number of batches is unknown")

    def _items(self, skip: int) -> Iterator[Any]:
        return islice(self.dataset.iter(batch_size=self.batch_size), skip, None)
