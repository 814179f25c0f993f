"""A PyTorch DataLoader, as the user made it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, Sampler

from lamina.processes import Portion, Share

from .batch import Keys
from .cuts import merged_lists
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
        self._shared: _Shared | None = None
        self._own: Any = None

    def __len__(self) -> int:
        return len(self.loader)

    def generators(self) -> list[torch.Generator]:
        owners = (self.loader, getattr(self.loader, "sampler", None))
        own = {id(g): g for g in (getattr(owner, "generator", None) for owner in owners) if g is not None}
        return list(own.values())

    @property
    def shares_rows(self) -> bool:  # type: ignore[override]
        """Whether it draws numbers of rows, in batches, and gives these batches in their order."""
        loader = self.loader
        numbered = loader.batch_sampler is not None and not isinstance(loader.dataset, IterableDataset)
        return numbered and type(loader).__iter__ is DataLoader.__iter__ and getattr(loader, "in_order", True)

    def _items(self, skip: int) -> Iterator[Any]:
        if self.portion is not None:
            return self._parts(skip, self.portion)
        loader = self.loader
        plain = (
            type(loader).__iter__ is DataLoader.__iter__ and not loader.num_workers and loader.batch_sampler is not None
        )
        if skip and plain and not isinstance(loader.dataset, IterableDataset):
            loader, skip = _without_first(loader, skip), 0
        return drawn(iter(loader), skip, self.kind)

    def _parts(self, skip: int, portion: Portion) -> Iterator[Any]:
        """(this process's rows of a batch, its share), loaded by workers of this process as the loader has them."""
        if self._shared is None:
            batches: Any = self.loader.batch_sampler
            self._shared = _Shared(batches, portion, self.tell_of_merging if self.merge_single else None)
            self._own = _like(self.loader, self._shared)
        shares = self._shared.begin()
        for number, item in enumerate(drawn(iter(self._own), 0, self.kind)):
            share = shares.popleft()
            if number >= skip:
                yield item, share


class _Shared(Sampler[list[int]]):
    """Of each batch of a batch sampler the rows of this process.

    Its loader asks for batches ahead of their time, and always in this process, so it notes the share of each.
    """

    def __init__(self, batches: Any, portion: Portion, tell: Any) -> None:
        self.batches, self.portion, self.tell = batches, portion, tell
        self._shares: deque[Share] = deque()

    def begin(self) -> deque[Share]:
        """The shares of the batches of the pass that begins, as they are drawn."""
        self._shares = deque()
        return self._shares

    def __iter__(self) -> Iterator[list[int]]:
        shares = self._shares
        for batch in self.batches if self.tell is None else merged_lists(self.batches, self.tell):
            first, last, share = self.portion.of(0, len(batch))
            shares.append(share)
            yield batch[first:last]


def _like(loader: DataLoader[Any], batches: Any) -> DataLoader[Any]:
    """The same loader for other batches, with workers of its own."""
    return DataLoader(
        loader.dataset,
        batch_sampler=batches,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )


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
