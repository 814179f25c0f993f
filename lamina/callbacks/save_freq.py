"""SaveFreq: when a callback writes, at the ends of epochs or every so many batches."""

from __future__ import annotations

from typing import Any

from lamina.graph import ArgumentError

from .batches import batches_of_call


class SaveFreq:
    """Counts batches, on from epoch to epoch, until it is time to write.

    Only the steps after which something is written need to wait for their numbers, so it knows before a step whether
    that is the case.

    Args:
        save_freq: "epoch", or a number of batches.
        owner: whose argument that is, for messages.

    Attributes:
        by_epoch: the ends of epochs count, and no batches.
        since_last: batches since it was last time to write.

    Raises:
        ArgumentError: neither.

    >>> freq = SaveFreq(2, "ModelCheckpoint")
    >>> times = []
    >>> for batch in range(5):
    ...     freq.begin(None, {"steps": 5}, batch)
    ...     times.append(freq.end())
    >>> times
    [False, True, False, True, False]
    """

    def __init__(self, save_freq: str | int, owner: str) -> None:
        counts = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not counts:
            raise ArgumentError(
                f"{owner}(save_freq=) is unknown.", got=repr(save_freq), expected='"epoch", or a number > 0'
            )
        self.by_epoch = save_freq == "epoch"
        self.since_last = 0
        self._batches = 0 if self.by_epoch else int(save_freq)
        # Whether it is time after the step that is under way; None: there is none.
        self._due: bool | None = None

    def listens(self) -> bool:
        """Whether the end of the step under way, or outside of steps any end of a step, can be time to write."""
        return not self.by_epoch and self._due is not False

    def outside(self) -> None:
        """No step is under way."""
        self._due = None

    def begin(self, model: Any, params: dict[str, Any], batch: int) -> None:
        """A step begins, or several that are executed together."""
        if not self.by_epoch:
            self.since_last += batches_of_call(model, params, batch)
            self._due = self.since_last >= self._batches

    def end(self) -> bool:
        """The step is done: is it time to write?"""
        due, self._due = bool(self._due), None
        if due:
            self.since_last = 0
        return due
