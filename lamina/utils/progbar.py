"""Progbar: Keras' progress bar for loops that people write themselves, drawn like the one of `fit`."""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterable
from numbers import Number
from typing import Any

import numpy as np
import torch

from lamina.graph import ArgumentError
from lamina.training.progress import Progress

_AVERAGED: tuple[Any, ...] = (Number, np.ndarray, torch.Tensor)


class Progbar:
    """A bar for a loop of one's own: live on a terminal or in a notebook, one line at the end anywhere else.

    Args:
        target: number of steps; None where unknown, then the last `update` says ``finalize=True``.
        width: accepted so that Keras code runs; the bar takes the room there is.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: seconds between drawings; at least 0.2 on a terminal.
        stateful_metrics: names whose values are shown as they come; the others are averaged over the steps.
        stateless_metrics: the other way round: only these are averaged.
        unit_name: what a step is called.

    Raises:
        ArgumentError: both `stateful_metrics` and `stateless_metrics` are given.

    >>> bar = Progbar(target=3, verbose=2)
    >>> for step in range(3):
    ...     bar.update(step + 1, [("loss", 1.0 / (step + 1))])
    3 steps - ... - loss: 0.6111
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: Any = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ArgumentError("Progbar takes stateful_metrics or stateless_metrics, not both.")
        self.target, self.width, self.verbose, self.interval, self.unit_name = (
            target,
            width,
            verbose,
            interval,
            unit_name,
        )
        self._sums: dict[str, tuple[Any, int]] = {}  # name -> (sum, over how many steps)
        self._seen, self._over, self._drawn = 0, False, -float("inf")
        self._as_is = set(stateful_metrics or ())
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._progress = Progress(verbose, 1, target, what="", unit=unit_name)
        # A loop may be left without the last update: then the screen is put in order when nobody has the bar any more.
        weakref.finalize(self, self._progress.stop)
        self._begin()

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """The loop has done `current` steps.

        Args:
            current: number of steps done.
            values: pairs of a name and its value in the last step, or in the steps since the last update.
            finalize: whether the loop is over; by default when `current` reaches the target.
        """
        if self._over:
            self._begin()
        finalize = self.target is not None and current >= self.target if finalize is None else finalize
        for name, value in values or ():
            # A second update of the last step tells the numbers of the whole, not of one more step.
            self._take(name, value, current - self._seen, as_is=finalize and current == self._seen)
        self._seen = current
        if finalize:
            self._over = True
            self._progress.finish(current, self._logs())
        elif self._progress.wants_drawing() and time.perf_counter() - self._drawn >= self.interval:
            self._drawn = time.perf_counter()
            self._progress.draw(current, self._logs())

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """The loop has done `n` more steps.

        >>> bar = Progbar(target=64, verbose=2, unit_name="sample")
        >>> bar.add(32, [("loss", 2.0)])
        >>> bar.add(32, [("loss", 1.0)])
        64 samples - ... - loss: 1.5000
        """
        self.update(self._seen + n, values)

    def _begin(self) -> None:
        self._sums.clear()
        self._seen, self._over, self._drawn = 0, False, -float("inf")
        self._progress.start(0, quiet=True)

    def _take(self, name: str, value: Any, steps: int, as_is: bool) -> None:
        wants_average = name not in self._as_is if self._averaged is None else name in self._averaged
        if isinstance(value, torch.Tensor):
            value = value.detach()  # else a sum would hold the graphs of all steps
        if as_is or not wants_average or not isinstance(value, _AVERAGED):
            self._sums[name] = (value, 0)
            return
        total, count = self._sums.get(name, (0, 0))
        steps = max(steps, 1)
        # On the device, if there: numbers come to the host when they are drawn.
        self._sums[name] = (total + value * steps if count else value * steps, count + steps)

    def _logs(self) -> dict[str, Any]:
        return {name: total / count if count else total for name, (total, count) in self._sums.items()}
