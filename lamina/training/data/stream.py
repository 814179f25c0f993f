"""Stream: what the kinds of data have in common that give one item after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from typing import Any

from lamina.graph import LaminaError

from .batch import Keys, unpack
from .cuts import merged
from .part import Part
from .source import Batch, Source


class Stream(Source):
    """Batches from items ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.

    Args:
        kind: what it is, for messages.
        y, sample_weight: keys of the targets and weights, for items that are dicts.
        merge_single: see `Source`.
    """

    # Whether the sizes of batches are made elsewhere, so that only the end tells that the last one is a single row.
    sizes_are_given = True

    def __init__(self, kind: str, y: Keys = None, sample_weight: Keys = None, merge_single: bool = False) -> None:
        super().__init__()
        self.kind = kind
        self.merge_single = merge_single
        self._keys = (y, sample_weight)

    @property
    def joins_at_end(self) -> bool:  # type: ignore[override]
        return self.merge_single and self.sizes_are_given and self.portion is None

    def unjoined(self, skip: int = 0) -> Iterator[Batch]:
        running = self._read(skip)
        self._open.add(running)
        return running

    @abstractmethod
    def _items(self, skip: int) -> Iterator[Any]:
        """The items of one pass without the first ``skip``; where rows are shared, (this process's rows, `Share`)."""

    def _pass(self, skip: int) -> Generator[Batch, None, None]:
        read = self._read(skip)
        try:
            yield from merged(read, self.tell_of_merging) if self.joins_at_end else read
        finally:
            read.close()

    def _read(self, skip: int) -> Generator[Batch, None, None]:
        items = self._items(skip)
        number = skip
        try:
            while True:
                try:
                    item = next(items)
                except StopIteration:
                    return
                except Exception as error:
                    error.add_note(f"This happened while batch {number} was drawn from the {self.kind}.")
                    raise
                share = None
                if self.portion is not None:
                    item, share = item
                try:
                    batch = unpack(item if self.convert is None else self.convert(item), *self._keys)
                except LaminaError as error:
                    error.where = error.where or f"batch {number} of the {self.kind}"
                    raise
                yield batch if share is None else Part.of(batch, share)
                number += 1
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()
