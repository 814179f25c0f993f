"""Feed: which batches make up each epoch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from .arrays import Batch


class Feed:
    """Cuts a source of batches into epochs.

    Without ``steps``, an epoch is one pass. With ``steps``, it is that many batches: the next epoch goes on where the
    last one stopped, and a source that can be iterated anew starts over when it ends.

    Attributes:
        ended: a one-shot source has no more batches.
    """

    def __init__(self, source: Any, steps: int | None = None) -> None:
        self.source = source
        self.steps = steps
        self.ended = False
        self._running: Iterator[Batch] | None = None

    def __len__(self) -> int:
        return self.steps if self.steps is not None else len(self.source)

    @property
    def length(self) -> int | None:
        """Number of batches of an epoch, None where unknown."""
        try:
            return len(self)
        except TypeError:
            return None

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch."""
        if self.steps is None:
            if getattr(self.source, "one_shot", False):
                self.ended = True
            yield from self.source
            return
        taken = 0
        fresh = self._running is None
        while taken < self.steps:
            if self._running is None:
                self._running, fresh = iter(self.source), True
            batch = next(self._running, None)
            if batch is not None:
                taken, fresh = taken + 1, False
                yield batch
                continue
            self._running = None
            if fresh or getattr(self.source, "one_shot", False):
                self.ended = True
                warnings.warn(
                    f"The data ended after {taken} of {self.steps} batches of this epoch; training ends with it.",
                    UserWarning,
                    stacklevel=2,
                )
                return
