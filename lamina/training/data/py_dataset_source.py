"""The batches of a `PyDataset`, made in turn or by its workers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from typing import Any

import torch

from .batch import Keys, unpack
from .stream import Stream
from .workers import in_processes, in_threads, in_turn


class PyDatasetSource(Stream):
    """Batches by number, in order or, with ``shuffle``, in a new order at each pass.

    Skipped batches are never made. Workers end with their pass.

    Raises:
        DataError: a batch could not be made, or a worker died; names the batch, and the cause is chained.
    """

    def __init__(
        self,
        dataset: Any,
        y: Keys = None,
        sample_weight: Keys = None,
        shuffle: bool = False,
        merge_single: bool = False,
    ) -> None:
        super().__init__(type(dataset).__name__, merge_single=merge_single)
        self._targets = (y, sample_weight)
        self.dataset = dataset
        self.shuffle = shuffle

    def __len__(self) -> int:
        total = self.dataset.num_batches
        if total is None:
            raise TypeError("the number of batches is unknown")
        return int(total)

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()

    def state_dict(self) -> dict[str, Any]:
        return copy.deepcopy(self.dataset.state_dict()) if hasattr(self.dataset, "state_dict") else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if hasattr(self.dataset, "load_state_dict"):
            self.dataset.load_state_dict(copy.deepcopy(state))

    def _items(self, skip: int) -> Iterator[Any]:
        dataset = self.dataset
        make = partial(_make, dataset, *self._targets, self.convert)
        numbers = self._numbers(skip)
        workers = int(dataset.workers)
        if dataset.use_multiprocessing and workers > 0:
            return in_processes(make, numbers, self.kind, workers, dataset.max_queue_size)
        if workers > 1:
            return in_threads(make, numbers, self.kind, workers, dataset.max_queue_size)
        return in_turn(make, numbers, self.kind)

    def _numbers(self, skip: int) -> Iterable[int]:
        total = self.dataset.num_batches
        if total is None:
            return count(skip)
        return torch.randperm(total).tolist()[skip:] if self.shuffle else range(skip, total)


def _make(dataset: Any, y: Keys, sample_weight: Keys, convert: Callable[[Any], Any] | None, number: int) -> Any:
    """Batch ``number`` as tensors, where it is made: what goes from process to process is shared memory."""
    item = dataset[number]
    return unpack(item if convert is None else convert(item), y, sample_weight)
