"""Part: the rows of a batch that one of several processes has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.processes import Share

from .source import Batch


class Part(tuple[Any, Any, Any]):
    """(x, y, sample_weight) of a process, which knows how many rows the whole batch has.

    Attributes:
        share: how many rows are this process's.
    """

    share: Share

    @classmethod
    def of(cls, batch: Batch, share: Share) -> Part:
        part = cls(batch)
        part.share = share
        return part

    def mapped(self, function: Callable[[Batch], Batch]) -> Part:
        """``function`` of the three."""
        return Part.of(function(tuple(self)), self.share)
