"""Arrays: data that is there as a whole, cut into batches without any per-sample Python."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import torch

from lamina.graph import ArgumentError, StructureError, tree
from lamina.processes import Portion

from .cuts import Cuts, checked_batch_size
from .part import Part
from .source import Batch, Source
from .tensors import as_leaves, different_rows, rows_of


class Arrays(Source):
    """Batches of (x, y, sample_weight) from data in memory, or mapped into it.

    A batch costs one gather per array (`torch.index_select`), or one view where nothing is shuffled. Gathering several
    batches at once, or into memory that is used again, was measured: it is slower, as a batch then leaves the cache.

    Args:
        x, y, sample_weight: arrays in any nesting with one row per sample; None where there is none.
        batch_size: rows per batch; the last batch holds the rest.
        shuffle: a new order at each pass.
        merge_single: see `Source`.
        names: what messages call the three.

    Attributes:
        data: the three, with a tensor, or an object that gives tensors row by row, at each leaf.
        rows: number of samples.

    Raises:
        StructureError: different numbers of rows, or none. And what `as_tensors` raises.

    >>> [x.tolist() for x, _, _ in Arrays(np.arange(5), batch_size=2).batches(skip=1)]
    [[2, 3], [4]]
    """

    kind = "arrays"
    draws = False
    shares_rows = True

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        merge_single: bool = False,
        names: tuple[str, str, str] = ("x", "y", "sample_weight"),
    ) -> None:
        super().__init__()
        self.names = names
        self.data: Batch = tuple(as_leaves(part, name) for part, name in zip((x, y, sample_weight), names, strict=True))
        counts = rows_of(dict(zip(names, self.data, strict=True)))
        if x is None or not counts or 0 in counts.values():
            raise StructureError(
                "There is no data.",
                got=", ".join(f"{name}: {rows} rows" for name, rows in counts.items()) or f"{names[0]}: {x!r}",
                expected="one row per sample in each",
            )
        if len(set(counts.values())) > 1:
            raise different_rows(counts)
        self.rows = next(iter(counts.values()))
        self.batch_size = checked_batch_size(batch_size)
        self.shuffle = bool(shuffle)
        self.merge_single = merge_single

    def _cuts(self) -> Cuts:
        return Cuts(self.rows, self.batch_size, self.merge_single)

    def __len__(self) -> int:
        return len(self._cuts())

    def _pass(self, skip: int) -> Generator[Batch, None, None]:
        cuts = self._cuts()
        if cuts.merges:
            self.tell_of_merging(self.batch_size + 1)
        if self.portion is not None:
            yield from self._parts(cuts, skip, self.portion)
            return
        if not self.shuffle:
            for start, stop in cuts.after(skip):
                yield _map(partial(_cut, start=start, stop=stop), self.data)
            return
        order = torch.randperm(self.rows)
        orders = {device: order.to(device) for device in self._devices()}
        if len(orders) == 1:
            (order,) = orders.values()
            for start, stop in cuts.after(skip):
                index = order[start:stop]
                yield _map(partial(_take, index=index), self.data)
            return
        for start, stop in cuts.after(skip):
            index_on = {device: whole[start:stop] for device, whole in orders.items()}
            yield _map(partial(_take_on, index_on=index_on), self.data)

    def _parts(self, cuts: Cuts, skip: int, portion: Portion) -> Generator[Batch, None, None]:
        """Of each batch, the rows of this process: others are never read."""
        order = torch.randperm(self.rows) if self.shuffle else None
        orders = {} if order is None else {device: order.to(device) for device in self._devices()}
        for start, stop in cuts.after(skip):
            first, last, share = portion.of(start, stop)
            if order is None:
                take = partial(_cut, start=first, stop=last)
            else:
                take = partial(_take_on, index_on={device: whole[first:last] for device, whole in orders.items()})
            yield Part.of(_map(take, self.data), share)

    def _devices(self) -> set[torch.device]:
        return {_device(leaf) for leaf in tree.leaves(self.data) if leaf is not None}

    def split(self, fraction: float) -> tuple[Arrays, Arrays]:
        """(first part, the last ``fraction`` of the rows), in the order given, before any shuffling.

        Raises:
            ArgumentError: a fraction that leaves no row for one of the parts.
        """
        cut = int(self.rows * (1 - fraction)) if 0 < fraction < 1 else 0
        if not 0 < cut < self.rows:
            raise ArgumentError(
                f"validation_split={fraction} leaves no rows for one of the parts.",
                got=f"{self.rows} rows",
                expected="a fraction between 0 and 1",
            )
        head, tail = _map(lambda leaf: leaf[:cut], self.data), _map(lambda leaf: leaf[cut:], self.data)
        options: dict[str, Any] = {"batch_size": self.batch_size, "names": self.names}
        return Arrays(*head, shuffle=self.shuffle, merge_single=self.merge_single, **options), Arrays(*tail, **options)

    def sample(self) -> Batch:
        """Everything, as tensors; of sparse and memory-mapped data the first batch only."""
        return _map(
            lambda leaf: leaf if isinstance(leaf, torch.Tensor) else leaf.cut(0, min(self.rows, self.batch_size)),
            self.data,
        )


def _device(leaf: Any) -> torch.device:
    return leaf.device if isinstance(leaf, torch.Tensor) else torch.device("cpu")


def _cut(leaf: Any, start: int, stop: int) -> torch.Tensor:
    return leaf[start:stop] if isinstance(leaf, torch.Tensor) else leaf.cut(start, stop)


def _take(leaf: Any, index: torch.Tensor) -> torch.Tensor:
    return leaf.index_select(0, index) if isinstance(leaf, torch.Tensor) else leaf.take(index)


def _take_on(leaf: Any, index_on: dict[torch.device, torch.Tensor]) -> torch.Tensor:
    return _take(leaf, index_on[_device(leaf)])


def _map(fn: Callable[[Any], Any], data: Batch) -> Batch:
    """``fn`` of every leaf of (x, y, sample_weight); lone tensors, the usual case, take a short way."""
    x, y, weight = data
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) and weight is None:
        return fn(x), fn(y), None
    return (_in_part(fn, x), _in_part(fn, y), _in_part(fn, weight))


def _in_part(fn: Callable[[Any], Any], part: Any) -> Any:
    return tree.map_leaves(lambda leaf: None if leaf is None else fn(leaf), part)
