"""Source: batches of (x, y, sample_weight) of one pass over some data. What all kinds of data look like to training."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from typing import Any

Batch = tuple[Any, Any, Any]


class Source(ABC):
    """Data, batch by batch.

    A source keeps no position: each call of `batches` is a pass of its own, and whoever iterates knows where it is.

    Attributes:
        kind: what it is, for messages: "arrays", "DataLoader", ...
        one_shot: an iterator that cannot be iterated anew; a pass goes on where the last one stopped.
        merge_single: a last batch of one row is joined to the batch before it. BatchNormalization in training has no
            statistics of one row.
    """

    kind = "data"
    one_shot = False
    merge_single = False

    def __init__(self) -> None:
        self._open: weakref.WeakSet[Generator[Batch, None, None]] = weakref.WeakSet()

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches of a pass. TypeError where it is unknown."""

    @abstractmethod
    def _pass(self, skip: int) -> Generator[Batch, None, None]:
        """One pass without its first ``skip`` batches."""

    def batches(self, skip: int = 0) -> Iterator[Batch]:
        """One pass, without its first ``skip`` batches, as cheaply as the kind allows.

        A shuffled pass draws its order from PyTorch's global CPU generator when its first batch is asked for.
        """
        running = self._pass(skip)
        self._open.add(running)
        return running

    def on_epoch_begin(self) -> None:  # noqa: B027 - most kinds have nothing to do
        """Called before the first batch of a pass is asked for."""

    def on_epoch_end(self) -> None:  # noqa: B027 - as above
        """Called after the last batch of a pass."""

    def close(self) -> None:
        """End every pass that is still open, and the workers it has."""
        for running in list(self._open):
            running.close()

    def sample(self) -> Batch | None:
        """What can be looked at without drawing a batch, as tensors; None where that is nothing."""
        return None
