"""BatchProfiler: PyTorch's profiler, running from one batch to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.graph import ArgumentError


class BatchProfiler:
    """Profiles some batches into a trace that TensorBoard's PyTorch plugin, Perfetto and Chrome open.

    Args:
        batches: 0 for none; the number of one, from 1; or a pair, the first and the last. Also a text, ``"10,20"``.
        folder: where the trace, ``*.pt.trace.json``, goes.

    Raises:
        ArgumentError: `batches` is something else.

    >>> BatchProfiler("10,20", Path("logs")).last
    20
    """

    def __init__(self, batches: Any, folder: Path) -> None:
        self.first, self.last = _range(batches)
        self.folder = folder
        self._running: Any = None

    def __bool__(self) -> bool:
        return self.last > 0

    def ends_with(self, batch: int) -> bool:
        """Whether a batch is the last of those under the profiler."""
        return self._running is not None and batch >= self.last

    def begin(self, batch: int) -> None:
        """Before a batch, counted from 1 over all epochs."""
        if batch != self.first:
            return
        from torch.profiler import profile, tensorboard_trace_handler

        # acc_events: for one range it changes nothing, and without it torch 2.11 warns that events are lost.
        self._running = profile(on_trace_ready=tensorboard_trace_handler(str(self.folder)), acc_events=True)
        self._running.start()

    def end(self, batch: int) -> None:
        """After a batch."""
        if self.ends_with(batch):
            self.stop()

    def stop(self) -> None:
        """Write the trace, if one is running."""
        if self._running is not None:
            self._running.stop()
            self._running = None


def _range(batches: Any) -> tuple[int, int]:
    try:
        parts = batches.split(",") if isinstance(batches, str) else batches
        pair = [int(n) for n in parts] if isinstance(parts, list | tuple) else [int(parts)]
    except (TypeError, ValueError):
        pair = []
    first, last = pair if len(pair) == 2 else (pair * 2 if len(pair) == 1 else (-1, -1))
    if first < 0 or last < first or (first == 0 and last > 0):
        raise ArgumentError(
            "TensorBoard(profile_batch=) is a batch, or a first and a last one, counted from 1; 0: none.",
            got=repr(batches),
            hint="profile_batch=(10, 20)",
        )
    return first, last
