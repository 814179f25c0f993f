"""What a person sees while a model trains: a bar on a terminal, one plain line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """Shows epochs. On a terminal a live bar asks the clock, not the step, when to be drawn again.

    Args:
        verbose: 0 nothing; 1 a bar on a terminal, one line per epoch elsewhere; 2 one line per epoch.
        epochs: their number.
        steps: per epoch, None where unknown.
    """

    SECONDS_BETWEEN_DRAWINGS = 0.2

    def __init__(self, verbose: Any, epochs: int, steps: int | None, what: str = "Epoch") -> None:
        self.stream = sys.stdout
        self.live = verbose in ("auto", 1) and bool(getattr(self.stream, "isatty", lambda: False)())
        self.shown = verbose != 0
        self.epochs, self.steps, self.what = epochs, steps, what
        self._bar: Any = None

    def start(self, epoch: int) -> None:
        self._epoch, self._began, self._drawn = epoch, time.perf_counter(), 0.0
        if self.live:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task(self._head(), total=self.steps, info="")

    def wants_drawing(self) -> bool:
        """Whether it is time to draw; only then need the running averages come to the host."""
        return self.live and time.perf_counter() - self._drawn > self.SECONDS_BETWEEN_DRAWINGS

    def draw(self, step: int, logs: dict[str, Any]) -> None:
        self._drawn = time.perf_counter()
        self._bar.update(self._task, completed=step, info=_numbers(logs))

    def finish(self, steps: int, logs: dict[str, Any]) -> None:
        seconds = time.perf_counter() - self._began
        if self._bar is not None:
            self._bar.update(self._task, completed=steps, total=steps, info=_numbers(logs))
            self._bar.stop()
            self._bar = None
        elif self.shown:
            rate = f"{seconds / max(steps, 1) * 1e3:.1f} ms/step"
            self._print(f"{self._head()} - {steps} steps - {seconds:.1f}s - {rate} - {_numbers(logs)}")

    def stop(self) -> None:
        """Leave the terminal in order when training ends in the middle of an epoch."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _head(self) -> str:
        width = len(str(self.epochs))
        return f"{self.what} {self._epoch + 1:>{width}}/{self.epochs}" if self.epochs > 1 else self.what

    def _print(self, line: str) -> None:
        """ASCII only, so that no encoding of a log file can refuse it."""
        try:
            print(line.encode("ascii", "replace").decode(), file=self.stream, flush=True)
        except (OSError, ValueError):  # a closed or broken stream must not end a training
            self.shown = False


def _numbers(logs: dict[str, Any]) -> str:
    return " - ".join(
        f"{k}: {v:.4f}"
        if isinstance(v, float) and (abs(v) >= 1e-3 or v == 0)
        else f"{k}: {v:.2e}"
        if isinstance(v, float)
        else f"{k}: {v}"
        for k, v in logs.items()
    )


def _bar() -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("eta"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[info]}"),
        refresh_per_second=8,
    )
