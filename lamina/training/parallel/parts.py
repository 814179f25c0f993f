"""Parts: of every batch of some data, the rows of one process."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import torch

from lamina.graph import tree
from lamina.processes import Portion, World, laid_out
from lamina.training.data import Batch, DataError, Source
from lamina.training.data.hugging_face import Rows
from lamina.training.data.loader import Loader
from lamina.training.data.part import Part

from .order import Order


def parted(source: Source, world: World | None, model: Any) -> Source:
    """The source of a process: what it gives is its part of each batch that the data have.

    Rows with numbers (arrays, datasets, a DataLoader with a sampler) are read by the process that they belong to. Of
    rows that come one after the other each process reads all and keeps its own. What may be read once only, or makes
    whole batches, the first process reads, and sends each its rows. Processes that hold parts of one copy of a model
    have the same rows.
    """
    if world is None or source.order is not None:
        return source
    laid = laid_out(model)
    rows = world if laid is None else laid.parts
    portion = Portion(rows.rank, rows.size)
    if not source.shares_rows:
        source = Kept(source, portion) if isinstance(source, (Loader, Rows)) else Sent(source, world, rows)
    source.portion, source.order = portion, Order(world, rows.rank)
    return source


class _Around(Source):
    """A source around another one."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.kind, self.one_shot, self.draws = source.kind, source.one_shot, source.draws
        self.convert = source.convert
        batch_size = getattr(source, "batch_size", None)
        if batch_size is not None:
            self.batch_size = batch_size

    def __len__(self) -> int:
        return len(self.source)

    def on_epoch_begin(self) -> None:
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.source.on_epoch_end()

    def generators(self) -> list[torch.Generator]:
        return self.source.generators()

    def state_dict(self) -> dict[str, Any]:
        return self.source.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.source.load_state_dict(state)

    def close(self) -> None:
        super().close()
        self.source.close()


class Kept(_Around):
    """Every process reads all batches, which are the same everywhere, and keeps its rows."""

    def __init__(self, source: Source, portion: Portion) -> None:
        super().__init__(source)
        self._kept = portion

    def _pass(self, skip: int) -> Generator[Batch, None, None]:
        for batch in self.source.batches(skip):
            yield _rows_of(batch, self._kept)


class Sent(_Around):
    """The first process reads each batch and sends every process its rows, so each row is read once.

    Raises:
        DataError: on the others, where the first one cannot go on.
    """

    def __init__(self, source: Source, world: World, rows: World) -> None:
        super().__init__(source)
        self.world = world
        places = range(world.size) if rows is world else world.gathered(rows.rank)
        self._portions = [Portion(place, rows.size) for place in places]

    def _pass(self, skip: int) -> Generator[Batch, None, None]:
        batches = self.source.batches(skip) if self.world.is_first else None
        while True:
            sent = self.world.scattered(None) if batches is None else self._send(batches)
            if sent is None:
                return
            if isinstance(sent, str):
                raise DataError(f"The first process could not read the {self.kind}.", got=sent)
            batch, share = sent
            yield Part.of(batch, share)

    def _send(self, batches: Iterator[Batch]) -> Any:
        everyone = self._portions
        try:
            batch = next(batches, None)
        except BaseException as error:
            self.world.scattered([f"{type(error).__name__}: {error}" for _ in everyone])
            raise
        if batch is None:
            return self.world.scattered([None for _ in everyone])
        parts = [_rows_of(batch, portion, copies=True) for portion in everyone]
        return self.world.scattered([(tuple(part), part.share) for part in parts])


def _rows_of(batch: Batch, portion: Portion, copies: bool = False) -> Part:
    rows = max((leaf.shape[0] for leaf in tree.leaves(batch) if leaf is not None and leaf.ndim), default=0)
    first, last, share = portion.of(0, rows)

    def take(leaf: Any) -> Any:
        if leaf is None or not leaf.ndim:
            return leaf
        own = leaf[first:last]
        return own.clone() if copies else own  # a view would be sent with all that it is a view of

    x, y, weight = (None if part is None else tree.map_leaves(take, part) for part in batch)
    return Part.of((x, y, weight), share)
