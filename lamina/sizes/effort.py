"""How much a trial may cost: a loop over the steps of an unknown axis is not tried at thousands of steps.

What costs is the calls of PyTorch's functions. Where they grow with the sizes, what a larger world costs is known from
the worlds that were tried, so it is not even begun; a limit ends what was not foreseen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import TracebackType

from .world import Unknown, World

FIRST = 10_000  # calls of the first trial: a loop of 1,000 steps
_TOGETHER = 2 * FIRST  # of the trials that look for what a call takes
FEW = 1_000  # a trial that is not needed may make as many in any case


class TooManyCallsError(RuntimeError):
    """A trial was ended, since it costs too much."""


class _Now(threading.local):
    effort: Effort | None = None


_now = _Now()


def effort_now() -> Effort | None:
    """What counts the calls of the trial that goes on in this thread."""
    return _now.effort


class Effort:
    """The calls of the trials of one operation, by world; in a ``with`` block those of this thread are counted.

    Attributes:
        limit: how many calls a trial may make; None for any number.
        exceeded: whether a trial was ended.
    """

    __slots__ = ("_calls", "_done", "_ended", "_outer", "_spent", "exceeded", "limit")

    def __init__(self) -> None:
        self.limit: int | None = None
        self.exceeded = False
        self._calls = self._spent = 0
        self._done: dict[World, int] = {}
        self._ended: list[World] = []

    def __enter__(self) -> Effort:
        self._outer, _now.effort = _now.effort, self
        self._calls = 0
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _now.effort = self._outer

    def count(self) -> None:
        """One more call.

        Raises:
            TooManyCallsError: this one is beyond the limit.
        """
        self._calls += 1
        if self.limit is not None and self._calls > self.limit:
            self.exceeded = True
            raise TooManyCallsError("a trial of this size takes too long")

    def note(self, world: World) -> None:
        """The trial in this world is over."""
        self._spent += self._calls
        if self.limit is not None and self._calls > self.limit:
            self._ended.append(world)
        else:
            self._done[world] = self._calls

    def allow(self, limit: int | None) -> None:
        """Another limit, and a new beginning: what ended before may be tried again."""
        self.limit, self.exceeded, self._spent = limit, False, 0
        self._ended.clear()

    def spare(self) -> None:
        """From here on a trial may cost some times as much as those that were made."""
        self.allow(3 * max(self._done.values(), default=0) + FEW)

    def foretells(self, world: World, unknowns: Callable[[], Sequence[Unknown]]) -> bool:
        """Whether the trial in this world would be ended.

        One about as large was, or each further step costs as much as those before, or all together cost too much.
        """
        if self.limit is not None and self._spent > _TOGETHER:
            return True
        few, many = min(self._done.values(), default=0), max(self._done.values(), default=0)
        grows = many > 2 * few + 50  # less may come from what was inferred anew on the way
        if self.limit is None or not (self._ended or grows):
            return False
        axes = unknowns()  # takes a walk through the graph
        if any(all(2 * world.size(u) >= ended.size(u) for u in axes) for ended in self._ended):
            return True
        if not grows:
            return False
        low, high = (end(self._done, key=self._done.__getitem__) for end in (min, max))
        ends = [(u, low.size(u), high.size(u)) for u in axes]
        parts = [(world.size(u) - least) / (most - least) for u, least, most in ends if most > least]
        # The axis that the loop goes over is not known: the one that grows least tells what is certain.
        return bool(parts) and few + (many - few) * min(parts) > self.limit
