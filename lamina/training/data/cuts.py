"""Where rows are cut into batches, and what happens to a last batch of one row."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import torch

from lamina.graph import ArgumentError, tree

from .source import Batch


def checked_batch_size(batch_size: Any) -> int:
    """32 where none is given.

    Raises:
        ArgumentError: not a whole number of at least 1.
    """
    if batch_size is None:
        return 32
    if getattr(batch_size, "ndim", 0):
        raise ArgumentError(
            "batch_size is a number of rows.",
            got=f"{type(batch_size).__name__} of shape {tuple(batch_size.shape)}",
            expected="a whole number, 1 or more",
            hint="evaluate(x, y) if these are the targets: predict(x) takes none",
        )
    if isinstance(batch_size, bool) or not hasattr(batch_size, "__index__") or batch_size < 1:
        raise ArgumentError(
            "batch_size is a number of rows.", got=repr(batch_size), expected="a whole number, 1 or more"
        )
    return int(batch_size)


class Cuts:
    """``rows`` in batches of ``size``; the last one holds the rest.

    >>> list(Cuts(7, 3)), list(Cuts(7, 3, merge_single=True)), len(Cuts(7, 3, merge_single=True))
    ([(0, 3), (3, 6), (6, 7)], [(0, 3), (3, 7)], 2)
    """

    def __init__(self, rows: int, size: int, merge_single: bool = False) -> None:
        self.rows, self.size = rows, size
        self.merges = merge_single and rows > size and rows % size == 1
        self._stop = rows - 1 if self.merges else rows

    def __len__(self) -> int:
        return -(-self._stop // self.size)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return self.after(0)

    def after(self, skip: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of each batch but the first ``skip``."""
        for start in range(skip * self.size, self._stop, self.size):
            stop = start + self.size
            yield start, self.rows if stop >= self._stop else stop


def merged(batches: Iterable[Batch], tell: Callable[[int], None]) -> Generator[Batch, None, None]:
    """The same batches, the last one joined to the one before it where it is a single row and that one is not.

    One batch is held back, since only the end of the data tells which is the last.

    Args:
        tell: called with the number of rows of the joined batch.
    """
    held: list[Batch] = []
    for batch in batches:
        if len(held) == 2:
            yield held.pop(0)
        held.append(batch)
        if len(held) == 2 and _rows(batch) != 1:
            yield held.pop(0)
    if len(held) == 2 and _rows(held[0]) > 1 and tree.describe(held[0]) == tree.describe(held[1]):
        first, last = (iter(tree.leaves(batch)) for batch in held)
        tell(_rows(held[0]) + 1)
        yield tree.pack_like(held[0], (None if a is None else _joined(a, b) for a, b in zip(first, last, strict=True)))
        return
    yield from held


def merged_lists(batches: Iterable[list[Any]], tell: Callable[[int], None]) -> Generator[list[Any], None, None]:
    """`merged` of batches that are lists of rows, or of their numbers.

    >>> list(merged_lists([[1, 2], [3, 4], [5]], print))
    3
    [[1, 2], [3, 4, 5]]
    """
    held: list[list[Any]] = []
    for batch in batches:
        if len(held) == 2:
            yield held.pop(0)
        held.append(list(batch))
        if len(held) == 2 and len(held[1]) != 1:
            yield held.pop(0)
    if len(held) == 2 and len(held[0]) > 1:
        tell(len(held[0]) + 1)
        yield [*held[0], *held[1]]
        return
    yield from held


def _joined(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Rows after rows. The bytes of texts are as wide as the longest of their batch, so zeros fill up the others."""
    if a.dtype == torch.uint8 and a.shape[-1:] != b.shape[-1:]:
        width = max(a.shape[-1], b.shape[-1])
        a, b = (torch.nn.functional.pad(part, (0, width - part.shape[-1])) for part in (a, b))
    return torch.cat([a, b])


def _rows(batch: Batch) -> int:
    leaf = next((leaf for leaf in tree.leaves(batch) if leaf is not None), None)
    return leaf.shape[0] if leaf is not None and leaf.ndim else 0
