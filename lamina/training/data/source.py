"""Source: batches of (x, y, sample_weight) of one pass over some data. What all kinds of data look like to training."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from typing import Any

import torch

from lamina.graph.source import warn
from lamina.processes import Portion

Batch = tuple[Any, Any, Any]


class Source(ABC):
    """Data, batch by batch.

    A source keeps no position: each call of `batches` is a pass of its own, and whoever iterates knows where it is.

    Attributes:
        kind: what it is, for messages: "arrays", "DataLoader", ...
        one_shot: an iterator that cannot be iterated anew; a pass goes on where the last one stopped.
        merge_single: a last batch of one row is joined to the batch before it. BatchNormalization in training has no
            statistics of one row.
        joins_at_end: only the end of a pass tells whether there is something to join, so a batch is held back.
        draws: batches after the first may draw random numbers, from global generators too.
        convert: what makes numbers of an item before it is a batch, where a model takes texts.
        shares_rows: it can give a process its rows of each batch, without making the others.
        portion: the rows of each batch that this process has, where several share them; what it gives are `Part`s.
        order: brings their generators together before a pass (`together`), and apart after its first batch (`apart`).
    """

    kind = "data"
    one_shot = False
    merge_single = False
    joins_at_end = False
    draws = True
    shares_rows = False
    convert: Callable[[Any], Any] | None = None
    portion: Portion | None = None
    order: Any = None

    def __init__(self) -> None:
        self._told_of_merging = False
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

    def unjoined(self, skip: int = 0) -> Iterator[Batch]:
        """`batches`, for those that join the last one themselves where `joins_at_end` says so."""
        return self.batches(skip)

    def on_epoch_begin(self) -> None:  # noqa: B027 - most kinds have nothing to do
        """Called before the first batch of a pass is asked for."""

    def on_epoch_end(self) -> None:  # noqa: B027 - as above
        """Called after the last batch of a pass."""

    def generators(self) -> list[torch.Generator]:
        """Random generators of its own that a pass draws from, besides PyTorch's global one."""
        return []

    def state_dict(self) -> dict[str, Any]:
        """What changes in the data from pass to pass, besides generators: a copy, as JSON types, tensors and arrays."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027 - most kinds do not change
        """Put back what `state_dict` gave."""

    def close(self) -> None:
        """End every pass that is still open, and the workers it has."""
        for running in list(self._open):
            running.close()

    def tell_of_merging(self, rows: int) -> None:
        """Say, once for each source, that its last two batches are one of ``rows`` rows."""
        if not self._told_of_merging:
            self._told_of_merging = True
            warn(
                "The last batch would be a single row, of which BatchNormalization has no statistics: it is joined to "
                f"the batch before it, which then has {rows} rows. Another batch_size avoids this."
            )

    def sample(self) -> Batch | None:
        """What can be looked at without drawing a batch, as tensors; None where that is nothing."""
        return None
