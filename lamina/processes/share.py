"""Share: which rows of a batch are a process's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Share(NamedTuple):
    """How many rows of a batch one process has.

    A process without rows works on one row that belongs to another, for which nothing counts: so it takes part in all
    that the processes do together, and nobody waits for it.

    Attributes:
        rows: of this process, 0 where it only takes part.
        total: of all processes.
    """

    rows: int
    total: int

    @property
    def weight(self) -> float:
        """The part of the batch that this is."""
        return self.rows / self.total


@dataclass(frozen=True)
class Portion:
    """The part of every batch that one process has: rows that lie side by side, as many as the others', or one more.

    >>> [Portion(rank, 3).of(10, 17) for rank in range(3)]
    [(10, 12, Share(rows=2, total=7)), (12, 14, Share(rows=2, total=7)), (14, 17, Share(rows=3, total=7))]
    >>> Portion(0, 2).of(5, 6)
    (5, 6, Share(rows=0, total=1))
    """

    rank: int
    size: int

    def of(self, start: int, stop: int) -> tuple[int, int, Share]:
        """(first row, row after the last, share) of the batch from ``start`` to ``stop``."""
        rows = stop - start
        first, last = rows * self.rank // self.size, rows * (self.rank + 1) // self.size
        share = Share(last - first, rows)
        return (start + first, start + last, share) if last > first else (start, start + min(1, rows), share)
