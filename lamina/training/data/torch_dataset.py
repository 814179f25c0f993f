"""PyTorch datasets: rows by number, or one after the other, put together into batches."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import islice
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset, TensorDataset, default_collate

from lamina.graph import StructureError

from .arrays import Arrays
from .batch import Keys
from .cuts import Cuts, checked_batch_size, merged_lists
from .source import Source
from .stream import Stream


def of_dataset(
    dataset: Dataset[Any], y: Keys, sample_weight: Keys, batch_size: int | None, shuffle: bool, merge_single: bool
) -> Source:
    """The source of a dataset.

    Raises:
        StructureError: a dataset without a length that cannot be iterated either.
    """
    if type(dataset) is TensorDataset and len(dataset.tensors) <= 3 and y is None and sample_weight is None:
        # Nothing is computed per row, so a batch is one gather instead of `batch_size` calls.
        return Arrays(*dataset.tensors, batch_size=batch_size, shuffle=shuffle, merge_single=merge_single)
    if isinstance(dataset, IterableDataset):
        return OneByOne(dataset, y, sample_weight, batch_size, merge_single)
    if not isinstance(dataset, Sized):
        raise StructureError(
            f"The dataset {type(dataset).__name__} has no length.",
            expected="a Dataset with __len__ and __getitem__, or an IterableDataset",
        )
    return ByNumber(dataset, y, sample_weight, batch_size, shuffle, merge_single)


class ByNumber(Stream):
    """A map-style dataset: ``dataset[i]`` is one row; ``__getitems__`` gives many at once where there is one."""

    sizes_are_given = False
    shares_rows = True

    def __init__(
        self,
        dataset: Any,
        y: Keys = None,
        sample_weight: Keys = None,
        batch_size: int | None = None,
        shuffle: bool = False,
        merge_single: bool = False,
    ) -> None:
        super().__init__(type(dataset).__name__, y, sample_weight, merge_single)
        self.dataset = dataset
        self.batch_size = checked_batch_size(batch_size)
        self.shuffle = shuffle

    def _cuts(self) -> Cuts:
        return Cuts(len(self.dataset), self.batch_size, self.merge_single)

    def __len__(self) -> int:
        return len(self._cuts())

    def _items(self, skip: int) -> Iterator[Any]:
        cuts = self._cuts()
        if cuts.merges:
            self.tell_of_merging(self.batch_size + 1)
        order: Any = torch.randperm(len(self.dataset)).tolist() if self.shuffle else range(len(self.dataset))
        for start, stop in cuts.after(skip):
            if self.portion is None:
                yield self._rows(order[start:stop])
            else:
                first, last, share = self.portion.of(start, stop)
                yield self._rows(order[first:last]), share

    def _rows(self, numbers: Any) -> Any:
        """These rows as one item."""
        if hasattr(self.dataset, "__getitems__"):
            return default_collate(self.dataset.__getitems__(list(numbers)))
        return default_collate([self.dataset[number] for number in numbers])


class OneByOne(Stream):
    """An iterable dataset, which gives one row after the other in an order of its own.

    Where several processes share the rows, each reads them all and puts its own together.
    """

    shares_rows = True

    def __init__(
        self,
        dataset: Any,
        y: Keys = None,
        sample_weight: Keys = None,
        batch_size: int | None = None,
        merge_single: bool = False,
    ) -> None:
        super().__init__(type(dataset).__name__, y, sample_weight, merge_single)
        self.dataset = dataset
        self.batch_size = checked_batch_size(batch_size)

    def __len__(self) -> int:
        return len(Cuts(len(self.dataset), self.batch_size, self.merge_single))

    def _items(self, skip: int) -> Iterator[Any]:
        rows = islice(iter(self.dataset), skip * self.batch_size, None)
        batches = iter(lambda: list(islice(rows, self.batch_size)), [])
        if self.portion is None:
            yield from map(default_collate, batches)
            return
        for batch in merged_lists(batches, self.tell_of_merging) if self.merge_single else batches:
            first, last, share = self.portion.of(0, len(batch))
            yield default_collate(batch[first:last]), share
