"""Feed: which batches make up each epoch, ahead of time and on the right device."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import torch

from lamina.graph import StructureError, tree
from lamina.graph.source import warn

from . import generators
from .data import Batch, Source
from .data.cuts import merged
from .data.part import Part


class Feed:
    """Cuts a source of batches into epochs, and brings batches to the device.

    Without ``steps``, an epoch is one pass over the source. With ``steps``, it is that many batches, and the next epoch
    goes on where the last one stopped. An epoch ends with the source, as in Keras, so one may have fewer batches; the
    epoch after it begins a source anew that can be. Where it `repeats`, each epoch begins the source anew, so that it
    has the same batches every time.

    To a GPU the next batches travel while the current one is worked on, from pinned memory.

    Its position is a state that can be kept: `load_state_dict` sets the generators to where they were when the pass
    began, begins it again and leaves out what was used already.

    Args:
        source: the data.
        steps: batches of an epoch; None for a whole pass.
        device: where batches are due; None leaves them where they are.
        purpose: what ends when the data do, for warnings.
        repeats: every epoch is of the first ``steps`` batches, of a source that can begin anew.

    Attributes:
        ended: a one-shot source has no more batches.
        told: a warning has said that the data ended within an epoch.
    """

    BATCHES_AHEAD = 2

    def __init__(
        self,
        source: Source,
        steps: int | None = None,
        device: torch.device | None = None,
        purpose: str = "training",
        repeats: bool = False,
    ) -> None:
        self.source = source
        self.steps = steps
        self.device = device
        self.purpose = purpose
        self._repeats = steps is None or (repeats and not source.one_shot)
        self.ended = self.told = False
        self._ahead = self.BATCHES_AHEAD if device is not None and device.type == "cuda" else 0
        self._pass: Iterator[Batch] | None = None
        self._at_start: dict[str, Any] | None = None
        # Items that this pass has drawn from the source; batches that it has given.
        self._drawn = self._given = 0
        self._waiting: deque[Batch] = deque()
        # Number of an item -> the global generators before it was drawn, of those not yet given; and such ones from
        # the run that goes on here.
        self._before: dict[int, Any] = {}
        self._replay: dict[int, Any] = {}

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

    def is_used_up(self) -> bool:
        """Whether there is no batch for another epoch: a one-shot source may end just where an epoch does."""
        if not self.ended and self.source.one_shot and self.peek() is None:
            self._end_pass()
            self.ended = True
        return self.ended

    def epoch(self, done: int = 0) -> Iterator[Batch]:
        """The batches of the next epoch, or of the one in progress, of which `done` were given already."""
        if self._repeats and self._given != done:  # the last epoch was broken off, or ended before the source did
            self._end_pass()
        while self.steps is None or done < self.steps:
            batch = self._next()
            if batch is not None:
                done += 1
                yield batch
                continue
            was_empty, too_short = self._given == 0, self._given <= done
            self._end_pass()
            if self.source.one_shot or was_empty:
                self.ended = True
            if self.steps is not None and (self.ended or (done and too_short)):
                self._warn(done)
            if self.steps is None or self.ended or done:
                return

    def close(self) -> None:
        """End the pass and what works for it."""
        self._end_pass()
        self.source.close()

    # -- its position

    def state_dict(self, undone: int = 0) -> dict[str, Any]:
        """Where it is, as JSON types and tensors.

        Args:
            undone: batches that were given and are still to be worked on.
        """
        given = self._given - undone
        state: dict[str, Any] = {
            "given": given,
            "waiting": len(self._waiting) + undone,
            "before": [generators.described(self._before[n]) for n in range(given, self._drawn) if n in self._before],
            "ended": self.ended,
            "length": self.length,
        }
        if self._at_start is None:
            return state | {"data": self.source.state_dict()}
        return state | {"start": self._at_start | {"global": generators.described(self._at_start["global"])}}

    def faults(self, state: dict[str, Any]) -> list[str]:
        """Why it cannot go to where `state_dict` was taken: the data is not the same."""
        found = []
        if state["given"] and self.length != state["length"]:
            found.append(f"{self.length} batches instead of {state['length']}, in the middle of a pass")
        own, kept = len(self.source.generators()), len(state["start"]["own"]) if "start" in state else None
        if kept is not None and own != kept:
            found.append(f"{own} generators of its own instead of {kept}")
        return found

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where `state_dict` was taken; leaves the global generators wherever that brings them.

        A one-shot iterator cannot begin anew: what was given already is taken out of it and dropped.

        Raises:
            StructureError: it has fewer batches than that.
        """
        self.ended = bool(state["ended"])
        given, start = int(state["given"]), state.get("start")
        self._replay = dict(enumerate(state["before"], start=given))
        if self.source.one_shot:
            self._drop(given)
            return
        self._end_pass(called_off=True)
        self.source.load_state_dict(start["data"] if start is not None else state["data"])
        if start is None:
            return
        generators.set_global_state(start["global"])
        generators.set_states(self.source.generators(), start["own"])
        # The last batch that was given is drawn once more and dropped: a pass draws its order with its first batch.
        self._begin_pass(skip=max(given - 1, 0))
        if given:
            self._fetch()
        self._given = given
        self._draw(int(state["waiting"]))

    def _drop(self, given: int) -> None:
        while self._given < given:
            if self._next() is None:
                raise StructureError(
                    f"The {self.source.kind} ended before the place where the interrupted run was.",
                    got=f"{self._given} batches",
                    expected=f"more than {given}",
                )

    # -- one pass

    def _begin_pass(self, skip: int = 0) -> None:
        if self.source.order is not None:
            self.source.order.together(self.source.generators())
        self._at_start = {
            "global": generators.capture(),
            "own": generators.states_of(self.source.generators()),
            "data": self.source.state_dict(),
        }
        self.source.on_epoch_begin()
        self._drawn = self._given = skip
        self._pass = self._items(self.source.unjoined(skip))
        if self.source.joins_at_end:
            self._pass = merged(self._pass, self.source.tell_of_merging)

    def _items(self, items: Iterator[Batch]) -> Iterator[Batch]:
        """The items of a pass. For those that are drawn ahead of their time, the generators before it are kept."""
        ahead = self.source.draws and (self._ahead > 0 or self.source.joins_at_end)
        apart = self.source.order.apart if self.source.order is not None else None
        while True:
            if self._drawn in self._replay:
                generators.set_global_state(self._replay.pop(self._drawn))
            if ahead:
                self._before[self._drawn] = generators.capture()
            item = next(items, None)
            if item is None:
                return
            self._drawn += 1
            if apart is not None:
                apart()
                apart = None
            yield item

    def _end_pass(self, called_off: bool = False) -> None:
        running, self._pass = self._pass, None
        self._at_start = None
        self._drawn = self._given = 0
        self._waiting.clear()
        self._before.clear()
        if running is not None and not called_off:
            self.source.on_epoch_end()
        if running is not None and not self.source.one_shot:
            self.source.close()

    def _next(self) -> Batch | None:
        """The next batch of the pass, begun if there is none; None at its end."""
        if self._pass is None:
            self._begin_pass()
        if self._ahead or self._waiting:
            self._draw(1 + self._ahead)
            batch = self._waiting.popleft() if self._waiting else None
        else:
            batch = self._fetch()
        if batch is not None:
            self._given += 1
            self._before.pop(self._given - 2, None)
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
        if self.device is None:
            return batch
        return batch.mapped(self._moved) if isinstance(batch, Part) else to_device(batch, self.device)

    def _moved(self, batch: Batch) -> Batch:
        return to_device(batch, self.device)  # type: ignore[arg-type]  # asked where there is one

    def _warn(self, done: int) -> None:
        self.told = True
        goes_on = f"{self.purpose} ends with it." if self.ended else "the next epoch begins it anew."
        warn(f"The data ended after {done} of {self.steps} batches of this epoch; {goes_on}")


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
