"""Lost: a process that has ended, or does not answer any more, is told by its rank."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lamina._torch.stores import store_of_group

from .errors import ProcessError
from .world import World

_SIGNS = ("closed by peer", "reset by peer", "timed out", "timeout", "broken pipe", "connection refused", "socket")
_GRACE = 3.0
"""Seconds in which the others notice the same."""


@contextmanager
def finding_lost(world: World) -> Iterator[None]:
    """Within, PyTorch's error of a process that is gone becomes one that names it.

    Raises:
        ProcessError: some process has ended with an error of its own, or has not answered for the timeout.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error).lower()
        if isinstance(error, ProcessError) or not any(sign in text for sign in _SIGNS):
            raise
        raise _told(world, error) from error


def _told(world: World, error: RuntimeError) -> ProcessError:
    """Each process that waits in vain says so where all can read it; who says nothing is the one that is missing."""
    try:
        store = store_of_group()
        store.set(f"lamina/waits/{world.rank}", "yes")
        others = [rank for rank in range(world.size) if rank != world.rank]
        end = time.monotonic() + _GRACE
        missing = others
        while missing and time.monotonic() < end:
            time.sleep(0.1)
            missing = [rank for rank in others if not store.check([f"lamina/waits/{rank}"])]
    except (RuntimeError, ValueError):  # the store has ended with its process, which is the first one or torchrun
        missing = [0]
    ranks = ", ".join(map(str, missing))
    who = f"Rank {ranks}" if len(missing) == 1 else f"Ranks {ranks}" if missing else "A process"
    return ProcessError(
        f"{who} {'have' if len(missing) > 1 else 'has'} ended, or does not answer; rank {world.rank} cannot go on.",
        got=str(error).splitlines()[0][:160],
        expected=f"all {world.size} processes in the same step",
        hint="the traceback of that rank, above, if there is one; fit, evaluate and predict are called on every rank",
    )
