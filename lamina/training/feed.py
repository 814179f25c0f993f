"""Feed: which batches make up each epoch, ahead of time and on the right device."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Iterator
from typing import Any

import torch

from lamina.graph import tree

from . import generators
from .data import Batch, Source


class Feed:
    """Cuts a source of batches into epochs, and brings batches to the device.

    Without ``steps``, an epoch is one pass over the source. With ``steps``, it is that many batches: the next epoch
    goes on where the last one stopped, and a source that can be iterated anew starts over when it ends.

    To a GPU the next batches travel while the current one is worked on, from pinned memory.

    Its position is a state that can be kept: `load_state_dict` sets the generators to where they were when the pass
    began, begins it again and leaves out what was used already.

    Args:
        source: the data.
        steps: batches of an epoch; None for a whole pass.
        device: where batches are due; None leaves them where they are.

    Attributes:
        ended: a one-shot source has no more batches.
    """

    BATCHES_AHEAD = 2

    def __init__(self, source: Source, steps: int | None = None, device: torch.device | None = None) -> None:
        self.source = source
        self.steps = steps
        self.device = device
        self.ended = False
        self._ahead = self.BATCHES_AHEAD if device is not None and device.type == "cuda" else 0
        self._pass: Iterator[Batch] | None = None
        self._at_start: dict[str, Any] | None = None
        self._drawn = self._given = 0
        self._waiting: deque[Batch] = deque()

    @property
    def length(self) -> int | None:
        """Number of batches of an epoch, None where unknown."""
        if self.steps is not None:
            return self.steps
        try:
            return len(self.source)
        except TypeError:
            return None

    def peek(self) -> Batch | None:
        """The batch that comes next, which it stays; None where there is none."""
        if self._pass is None:
            self._begin_pass()
        self._draw(1)
        return self._waiting[0] if self._waiting else None

    def epoch(self, done: int = 0) -> Iterator[Batch]:
        """The batches of the next epoch, or of the one in progress, of which `done` were given already."""
        if self.steps is None and self._given != done:  # the last epoch was broken off
            self._end_pass()
        while self.steps is None or done < self.steps:
            batch = self._next()
            if batch is not None:
                done += 1
                yield batch
                continue
            was_empty = self._given == 0
            self._end_pass()
            if self.source.one_shot or was_empty:
                self.ended = True
                if self.steps is not None:
                    self._warn(done)
                return
            if self.steps is None:
                return

    def close(self) -> None:
        """End the pass and what works for it."""
        self._end_pass()
        self.source.close()

    # -- its position

    def state_dict(self) -> dict[str, Any]:
        """Where it is, as JSON types and tensors."""
        state: dict[str, Any] = {"drawn": self._drawn, "given": self._given, "ended": self.ended}
        if self._at_start is not None:
            state["start"] = self._at_start
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where `state_dict` was taken; leaves the global generators wherever that brings them.

        A one-shot iterator cannot begin anew: what was given already is taken out of it and dropped.
        """
        self.ended = bool(state["ended"])
        if self.source.one_shot:
            while self._given < state["given"] and self._next() is not None:
                pass
            return
        self._end_pass(called_off=True)
        if "start" not in state:
            return
        generators.set_global_state(state["start"]["global"])
        generators.set_states(self.source.generators(), state["start"]["own"])
        # The last batch that was given is drawn once more and dropped: a pass draws its order with its first batch.
        given = int(state["given"])
        self._begin_pass(skip=max(given - 1, 0))
        if given:
            self._fetch()
        self._drawn = self._given = given
        self._draw(int(state["drawn"]) - given)

    # -- one pass

    def _begin_pass(self, skip: int = 0) -> None:
        self.source.on_epoch_begin()
        self._at_start = {
            "global": generators.global_state(), "own": generators.states_of(self.source.generators())
        }  # fmt: skip
        self._pass = iter(self.source.batches(skip))
        self._drawn = self._given = skip

    def _end_pass(self, called_off: bool = False) -> None:
        running, self._pass = self._pass, None
        self._at_start = None
        self._drawn = self._given = 0
        self._waiting.clear()
        if running is not None and not called_off:
            self.source.on_epoch_end()
        if running is not None and not self.source.one_shot and hasattr(running, "close"):
            running.close()

    def _next(self) -> Batch | None:
        """The next batch of the pass, begun if there is none; None at its end."""
        if self._pass is None:
            self._begin_pass()
        if self._ahead or self._waiting:
            self._draw(1 + self._ahead)
            batch = self._waiting.popleft() if self._waiting else None
        else:
            batch = self._fetch()
        self._given += batch is not None
        return batch

    def _draw(self, wanted: int) -> None:
        """See that `wanted` batches wait, as far as the pass has them."""
        while len(self._waiting) < wanted:
            batch = self._fetch()
            if batch is None:
                return
            self._waiting.append(batch)

    def _fetch(self) -> Batch | None:
        batch = next(self._pass, None) if self._pass is not None else None
        if batch is None:
            return None
        self._drawn += 1
        return batch if self.device is None else to_device(batch, self.device)

    def _warn(self, done: int) -> None:
        warnings.warn(
            f"The data ended after {done} of {self.steps} batches of this epoch; training ends with it.",
            UserWarning,
            stacklevel=2,
        )


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device; to a GPU without waiting, from pinned memory."""
    if all(part is None or (type(part) is torch.Tensor and part.device == device) for part in batch):
        return batch

    def move(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or leaf.device == device:
            return leaf
        if device.type == "cuda" and leaf.device.type == "cpu" and not leaf.is_pinned():
            leaf = leaf.pin_memory()
        return leaf.to(device, non_blocking=True)

    return tree.map_leaves(move, batch)  # type: ignore[no-any-return]
