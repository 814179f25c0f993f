"""Progress as lines of text: for files, pipes and loggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .moment import Moment
from .wording import ascii_only, clean, duration, number, rate, watch


class Lines:
    """One line of ASCII when an epoch ends. In a long epoch also one now and then, so that nobody wonders.

    The first line of the latter kind tells what is known about the training: batch size and device.

    Args:
        write: takes a line.
        talkative: whether long epochs speak before they end: after 10 seconds the first, then once a minute.
        facts: ``["batch size 32", "on cuda:0"]``.

    >>> lines = Lines(print)
    >>> lines.leave(Moment("Epoch 1/3", 20, 20, 4.0, 0.2, logs={"loss": 0.5}, ended="done"), hurry=False)
    Epoch 1/3 - 20 steps - 4.0s - 200 ms/step - loss: 0.5000
    """

    interval = 60.0

    def __init__(self, write: Callable[[str], Any], talkative: bool = False, facts: Sequence[str] = ()) -> None:
        self._write, self._talkative, self._facts = write, talkative, list(facts)

    def wait(self) -> float | None:
        """Seconds from the start of an epoch to the first line inside it; None where there is none."""
        if not self._talkative:
            return None
        return 10.0 if self._facts else self.interval

    def show(self, moment: Moment) -> None:
        """A line inside an epoch."""
        if not self._talkative or not moment.step:
            return
        what = "validation step" if moment.validating else moment.unit
        parts = [f"{what} {moment.count.strip()}", duration(moment.elapsed)]
        if moment.per_step is not None:
            parts.append(rate(moment.per_step, moment.unit))
        if moment.left is not None:
            parts.append(f"ETA {watch(moment.left)}")
        self._say(moment, [*parts, *moment.notes, *self._facts])
        self._facts = []

    def leave(self, moment: Moment, hurry: bool) -> None:
        """The line of an epoch that is over. An epoch that was cut off leaves none: what cut it off says so."""
        if moment.ended == "done":
            parts = [f"{moment.step} {moment.unit}{'s' * (moment.step != 1)}", duration(moment.elapsed)]
            if moment.per_step is not None:
                parts.append(rate(moment.per_step, moment.unit))
            self._say(moment, parts)

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, moment: Moment, parts: list[str]) -> None:
        numbers = [f"{clean(name)}: {number(value)}" for name, value in moment.logs.items()]
        self._write(ascii_only(" - ".join(filter(None, [moment.head, *parts, *numbers]))))
