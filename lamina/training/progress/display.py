"""Progress: knows how far a training is, decides where that is shown, and when."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from lamina.config import is_interactive_logging_enabled
from lamina.graph import ArgumentError

from .lines import Lines
from .moment import Moment
from .notebook import Notebook, is_notebook
from .terminal import Terminal, can_draw
from .writing import StreamBroken, write

_LOGGER = logging.getLogger("lamina")


class Progress:
    """Shows epochs: live on a terminal or in a notebook, one line of ASCII each anywhere else.

    Drawing goes by the clock: at most five times a second on a terminal, twice in a notebook, and in a log after 10
    seconds and then once a minute. Only when `wants_drawing` says so need the running averages come to the host.
    What is printed while an epoch is shown on a terminal lands above it: `stop` must come, at best by ``with``.
    Nothing that a stream does ends a training: what cannot be printed goes to the logger ``lamina``.

    Args:
        verbose: 0 nothing; 1 or "auto" as above; 2 one line per epoch everywhere.
        epochs: their number.
        steps: per epoch, None where unknown.
        what: what an epoch is called: ``"Epoch"``, ``"Evaluation"``; with ``""`` a bar stands in the place of a name.
        outputs: names of the model's outputs; the numbers of several stand on rows of their own.
        batch_size: rows of a step, for logs.
        device: where the model runs; of a CUDA device the memory is shown.
        learning_rate: called for the learning rate when something is drawn.
        stream: where to; by default ``sys.stdout`` as it is when an epoch starts.
        unit: what a step is called.
        clock: seconds.

    Raises:
        ArgumentError: `verbose` is none of these.

    >>> with Progress(verbose=2, epochs=3, steps=20, clock=lambda: 0.0) as progress:
    ...     progress.start(0)
    ...     if progress.wants_drawing():
    ...         progress.draw(1, {"loss": 0.7})
    ...     progress.finish(20, {"loss": 0.5, "val_loss": 0.6})
    Epoch 1/3 - 20 steps - 0ms - 0.00 us/step - loss: 0.5000 - val_loss: 0.6000
    """

    def __init__(
        self,
        verbose: Any,
        epochs: int,
        steps: int | None,
        what: str = "Epoch",
        *,
        outputs: Sequence[str] = (),
        batch_size: int | None = None,
        device: Any = None,
        learning_rate: Callable[[], Any] | None = None,
        stream: Any = None,
        unit: str = "step",
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if verbose != "auto" and not (isinstance(verbose, (int, np.integer, np.bool_)) and verbose >= 0):
            raise ArgumentError("verbose says how much is shown.", got=repr(verbose), expected='"auto", 0, 1 or 2')
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs, self.steps, self.what, self.unit = epochs, steps, what, unit
        self.outputs = list(outputs) if len(outputs) > 1 else []
        self.batch_size, self.device, self.learning_rate = batch_size, device, learning_rate
        self._stream, self._clock = stream, clock
        self._screen: Any = None
        self._place: Any = None
        self._due: float | None = None  # when to draw next; never
        self._drawn = -float("inf")
        self._now: Moment | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- what a loop calls

    def start(self, epoch: int, done: int = 0, quiet: bool = False) -> None:
        """An epoch begins.

        Args:
            epoch: its number, from 0.
            done: steps that an earlier run has done of it, where a training is resumed.
            quiet: draw nothing before the first step.
        """
        if not self.verbose:
            return
        self._choose_screen()
        self._epoch, self._began, self._done = epoch, self._clock(), done
        self._trained: float | None = None
        self._head = self._name(epoch)
        self._begin(done, self.steps, {}, validating=False)
        wait = self._screen.wait()
        self._due = None if wait is None else max(self._began + wait, self._drawn + self._screen.interval)
        if self.wants_drawing() and not quiet:
            self.draw(done, {})

    def wants_drawing(self) -> bool:
        """Whether it is time to draw. Costs 0.1 us, a look at the clock, or half of it where nothing is ever drawn."""
        return self._due is not None and self._clock() >= self._due

    def draw(self, step: int, logs: dict[str, Any]) -> None:
        """Show how far it is, after `step` steps of training or, after `validate`, of validation."""
        if self._now is None:
            return
        now = self._clock()
        self._update(self._now, step, logs, now)
        self._now.notes = self._notes()
        self._try("show", self._now)
        # From the end of the drawing on: a slow terminal gets fewer drawings, not all of the time.
        self._drawn = self._clock()
        if self._due is not None:
            self._due = self._drawn + self._screen.interval

    def validate(self, steps: int | None, logs: dict[str, Any]) -> None:
        """The steps of an epoch are done and its validation begins. `draw` then takes the validation's own logs.

        Args:
            steps: of the validation, None where unknown.
            logs: those of the training, shown all along.
        """
        if self._now is None:
            return
        self._trained = self._clock() - self._began
        self._begin(0, steps, logs, validating=True)
        if self.wants_drawing():
            self.draw(0, {})

    def finish(self, steps: int, logs: dict[str, Any]) -> None:
        """The epoch is over, after `steps` steps of training; `logs` are its numbers, ``val_`` ones too."""
        if self._now is None:
            return
        now = self._clock()
        elapsed = now - self._began
        trained = elapsed if self._trained is None else self._trained
        last = self._epoch + 1 >= self.epochs
        self._now = None
        self._due = None
        done = self._moment(steps, self.steps or steps, logs)
        done.elapsed, done.ended = elapsed, "done"
        done.per_step = trained / (steps - self._done) if steps > self._done else None
        hurry = last or now >= self._drawn + self._screen.interval
        if hurry:
            self._drawn = now
        self._try("leave", done, hurry)

    def stop(self) -> None:
        """Leave the screen in order, also in the middle of an epoch, whose last numbers then stay."""
        unfinished, self._now, self._due = self._now, None, None
        if unfinished is not None and unfinished.step:
            unfinished.ended, unfinished.elapsed = "stopped", self._clock() - self._began
            self._try("leave", unfinished, True)
        if self._screen is not None:
            self._try("close")

    # -- where

    def _choose_screen(self) -> None:
        """Anew for each epoch, for ``sys.stdout`` may be another one; the same screen if it is not."""
        stream = sys.stdout if self._stream is None else self._stream
        place = (stream, is_interactive_logging_enabled())
        if self._screen is None or place != self._place:
            if self._screen is not None:
                self._try("close")
            self._place, self._screen = place, self._screen_for(*place)

    def _screen_for(self, stream: Any, interactive: bool) -> Any:
        facts = [f"batch size {self.batch_size}"] if self.batch_size is not None else []
        facts += [f"on {self.device}"] if self.device is not None else []
        if not interactive:
            return Lines(_LOGGER.info, self.verbose == 1, facts)
        if self.verbose == 1 and is_notebook(stream):
            return Notebook()
        if self.verbose == 1 and can_draw(stream):
            return Terminal(stream)
        return Lines(lambda line: write(stream, line + "\n"), self.verbose == 1, facts)

    def _try(self, verb: str, *args: Any) -> None:
        """A stream that broke must not end a training: from then on the logger is told."""
        try:
            getattr(self._screen, verb)(*args)
        except StreamBroken as broken:
            self._screen = Lines(_LOGGER.info, self.verbose == 1)
            _LOGGER.info("Progress goes to this logger: %s.", broken)
            getattr(self._screen, verb)(*args)

    # -- what

    def _name(self, epoch: int) -> str:
        if self.what != "Epoch" and self.epochs <= 1:
            return self.what
        return f"{self.what} {epoch + 1:>{len(str(self.epochs))}}/{self.epochs}"

    def _begin(self, done: int, steps: int | None, logs: dict[str, Any], validating: bool) -> None:
        self._now = self._moment(done, steps, logs)
        self._now.validating = validating
        # When how many steps were done. The first steps may be slow (a compiler, full caches, workers that start), so
        # the beginning is forgotten as soon as there are two later drawings.
        self._first_step_counts = True
        self._points: deque[tuple[float, int]] = deque([(self._clock(), done)], maxlen=50)

    def _moment(self, step: int, steps: int | None, logs: dict[str, Any]) -> Moment:
        return Moment(self._head, step, steps, logs=_named(logs), outputs=self.outputs, unit=self.unit)

    def _update(self, moment: Moment, step: int, logs: dict[str, Any], now: float) -> None:
        moment.step, moment.elapsed = step, now - self._began
        moment.logs |= _named(logs, "val_" if moment.validating else "")
        if self._first_step_counts and len(self._points) > 2:
            self._points.popleft()
            self._first_step_counts = False
        began, before = self._points[0]
        if step > before:
            moment.per_step = (now - began) / (step - before)
            if moment.steps is not None:
                moment.left = max(0, moment.steps - step) * moment.per_step
            self._points.append((now, step))

    def _notes(self) -> list[str]:
        notes = [f"lr {float(self.learning_rate()):.3g}"] if self.learning_rate is not None else []
        device = torch.device(self.device) if self.device is not None else None
        if device is not None and device.type == "cuda" and torch.cuda.is_available():
            held = torch.cuda.memory_reserved(device) / 2**30
            whole = torch.cuda.get_device_properties(device).total_memory / 2**30
            notes.append(f"GPU {held:.1f} of {whole:.0f} GiB")
        return notes


def _named(logs: dict[Any, Any], prefix: str = "") -> dict[str, Any]:
    """Logs under names that surely are text."""
    return {f"{prefix}{name}": value for name, value in logs.items()}
