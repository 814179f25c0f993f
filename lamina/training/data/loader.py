"""A PyTorch DataLoader, as the user made it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from .batch import Keys
from .errors import DataError
from .stream import Stream


class Loader(Stream):
    """Batches of a DataLoader, which shuffles and batches as it was told when it was made.

    Batches to skip are not loaded where the loader has no workers. With workers they are loaded and dropped: which
    worker makes which batch, and so the random numbers of an augmentation, depends on where a pass starts.

    Raises:
        DataError: a worker died, within seconds. An exception of a dataset is passed on, with the batch named.
    """

    def __init__(
        self, loader: DataLoader[Any], y: Keys = None, sample_weight: Keys = None, merge_single: bool = False
    ) -> None:
        super().__init__(type(loader).__name__, y, sample_weight, merge_single)
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def generators(self) -> list[torch.Generator]:
        owners = (self.loader, getattr(self.loader, "sampler", None))
        own = {id(g): g for g in (getattr(owner, "generator", None) for owner in owners) if g is not None}
        return list(own.values())

    def _items(self, skip: int) -> Iterator[Any]:
        loader = self.loader
        plain = (
            type(loader).__iter__ is DataLoader.__iter__ and not loader.num_workers and loader.batch_sampler is not None
        )
        if skip and plain and not isinstance(loader.dataset, IterableDataset):
            loader, skip = _without_first(loader, skip), 0
        return drawn(iter(loader), skip, self.kind)


def drawn(items: Iterator[Any], skip: int, kind: str) -> Iterator[Any]:
    """The items of a DataLoader but the first ones, with the death of a worker told as such."""
    try:
        yield from islice(items, skip, None)
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"A worker of the {kind} died.",
            got=str(error).splitlines()[0],
            expected="a worker that lives to the end of the pass",
            hint="without workers it shows where; one that is killed often ran out of memory or of /dev/shm",
        ) from error


class _After(Sampler[list[int]]):
    """The batches of a batch sampler but the first ones."""

    def __init__(self, batches: Any, skip: int) -> None:
        self.batches, self.skip = batches, skip

    def __iter__(self) -> Iterator[list[int]]:
        return islice(iter(self.batches), self.skip, None)


def _without_first(loader: DataLoader[Any], skip: int) -> DataLoader[Any]:
    """The same loader, which draws the same random numbers, without loading its first batches."""
    return DataLoader(
        loader.dataset,
        batch_sampler=_After(loader.batch_sampler, skip),
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        generator=loader.generator,
    )
