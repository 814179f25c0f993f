"""Run: a fit in progress. Where it is, and everything that its continuation depends on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from lamina.callbacks import CallbackList
from lamina.graph import StructureError
from lamina.graph.source import warn

from . import generators
from .execution import Execution, evaluate
from .feed import Feed
from .progress import Progress
from .step import Step
from .steps import has_own

State = dict[str, Any]
_BATCH_ENDS = ("on_train_batch_end", "on_batch_end")
_TEST_HOOKS = ("on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end")


class Run:
    """Epochs of training, from wherever it stands.

    Args:
        model: what is trained; it is in training mode while its batches are worked on, and as before in between.
        step: its step.
        feed: training data.
        held: validation data, or None.
        hooks: the callbacks.
        progress: what a person sees.
        epochs: number of the last epoch.
        first_epoch: number of the first one, from 0.
        validation_freq: epochs from one validation to the next, or the epochs that end with one.
        steps_per_execution: batches from one call of the batch hooks to the next.

    Attributes:
        epoch: number of the epoch in progress, or of the next one.
        batch: batches of it that are done.
        finished: all of it is done that was to be done; neither an error nor Ctrl-C ended it.
    """

    def __init__(
        self,
        model: Any,
        step: Step,
        feed: Feed,
        held: Feed | None,
        hooks: CallbackList,
        progress: Progress,
        *,
        epochs: int,
        first_epoch: int = 0,
        validation_freq: Any = 1,
        steps_per_execution: int = 1,
    ) -> None:
        self.model, self.step, self.feed, self.held = model, step, feed, held
        self.hooks, self.progress = hooks, progress
        self.epoch, self.epochs, self.batch = first_epoch, epochs, 0
        self.validation_freq, self.steps_per_execution = validation_freq, steps_per_execution
        self.finished = False
        self._execution: Execution | None = None
        # A batch is drawn and not done; all batches of the epoch are done; the state as its validation began.
        self._in_hand, self._trained, self._validated = 0, False, False
        self._before_validation: State | None = None
        self._pending: Any = None
        self._logs: dict[str, Any] = {}
        """The numbers of the last epoch."""

    def train(self) -> None:
        """All epochs that are left. Whatever ends it, Ctrl-C too, callbacks get to do what they promised."""
        self.model.stop_training = False
        try:
            self.hooks.call("on_train_begin", {})
            if self._pending is not None:
                self.epoch, self.batch = self._pending.epoch, self._pending.batch
                if not self.batch:
                    self._continue()
            while self.epoch < self.epochs and not self.model.stop_training:
                if self.feed.is_used_up():
                    self._warn_of_end(self.feed, "training ends with it")
                    break
                self._train_epoch()
            finalize = getattr(self.model.optimizer, "finalize_variable_values", None)
            if finalize is not None:
                finalize(self.model.trainable_weights)
            self.finished = True
        finally:
            self.progress.stop()
            self.step.forget_model()
            try:
                self.hooks.call("on_train_end", self._logs)
            finally:
                self.feed.close()
                if self.held is not None:
                    self.held.close()

    def _train_epoch(self) -> None:
        epoch = self.epoch
        self._execution = execution = Execution(self.model, self.step, training=True)
        self.hooks.call("on_epoch_begin", epoch, {})
        self.progress.start(epoch, done=self.batch)
        execution.begin()
        if self._pending is not None:  # in the middle of this epoch: what its beginning changed is put back
            self._continue()
        if not self._trained:
            self._train_batches(execution)
        if not self.batch and self._logs:
            return  # the data do not begin anew; what was trained so far is kept
        if not self.batch:
            raise StructureError(
                "There is no data to train on.", got="no batches", hint="a source that can be iterated anew"
            )
        self._trained = True
        done, logs = self.batch, execution.logs()
        if self.held is not None and _due(self.validation_freq, epoch) and self._may_validate(self.held):
            self.progress.validate(self.held.length, logs)
            logs |= {f"val_{name}": value for name, value in self._validate().items()}
        self.epoch, self.batch, self._trained, self._logs = epoch + 1, 0, False, logs
        self.hooks.call("on_epoch_end", epoch, logs)  # callbacks add to the numbers: a learning rate
        self._stop_together()
        self.progress.finish(done, logs)

    def _train_batches(self, execution: Execution) -> None:
        hooks, progress, every = self.hooks, self.progress, self.steps_per_execution
        begins = hooks.listens("on_train_batch_begin", "on_batch_begin")
        may_end = hooks.listens(*_BATCH_ENDS)
        untold = False
        with execution.mode():
            for batch in self.feed.epoch(self.batch):
                self._in_hand = 1
                if begins and self.batch % every == 0:
                    hooks.call("on_train_batch_begin", self.batch, {})
                    hooks.call("on_batch_begin", self.batch, {})
                execution.run(batch)
                self.batch, self._in_hand, untold = self.batch + 1, 0, may_end
                if untold and self.batch % every == 0:
                    self._tell_batch_end(execution)
                    untold = False
                if begins or may_end:
                    self._stop_together()
                if progress.wants_drawing():
                    progress.draw(self.batch, execution.logs(everywhere=False))
                if self.model.stop_training:
                    break
            if untold:  # the last group of an epoch may be shorter
                self._trained = True
                self._tell_batch_end(execution)

    def _stop_together(self) -> None:
        """Where a callback stops the training on one process, it stops on all."""
        if self.step.team is not None:
            self.model.stop_training = self.step.team.world.any(self.model.stop_training)

    def _tell_batch_end(self, execution: Execution) -> None:
        if self.hooks.listens(*_BATCH_ENDS):
            logs = execution.logs()
            for hook in _BATCH_ENDS:
                self.hooks.call(hook, self.batch - 1, logs)

    def _validate(self) -> dict[str, Any]:
        if self.hooks.listens(*_TEST_HOOKS):  # somebody may ask for the state meanwhile
            self._before_validation = self.state_dict()
        execution = Execution(self.model, self.step, training=False)
        _, logs = evaluate(execution, self.held, self.hooks, self.progress)
        self._before_validation = None
        if not logs and self._validated and self.held is not None:
            self._may_validate(self.held)  # the data do not begin anew
        elif not logs:
            raise StructureError(
                "There is no data to validate on.",
                got="no batches",
                hint="validation_data that can be iterated anew",
            )
        self._validated = True
        return logs

    def _may_validate(self, held: Feed) -> bool:
        if held.is_used_up():
            self._warn_of_end(held, "later epochs are not validated")
        return not held.ended

    @contextmanager
    def numbers_kept(self) -> Iterator[None]:
        """Within, a callback may evaluate the model: the means of the epoch in progress are as before afterwards."""
        execution, class_weight = self._execution, self.step.class_weight
        kept = copy.deepcopy(execution.state_dict()) if execution is not None and self.batch else None
        try:
            yield
        finally:
            self.step.class_weight = class_weight
            if kept is not None and execution is not None:
                execution.load_state_dict(kept)

    def _warn_of_end(self, feed: Feed, what: str) -> None:
        if feed.told:
            return
        feed.told = True
        data = "The validation data" if feed is self.held else "The data"
        kind = "is a one-shot iterator, which ended" if feed.source.one_shot else "did not begin anew: it ended"
        steps = "validation_steps" if feed is self.held else "steps_per_epoch"
        fewer = f"{steps}=" if feed.steps is None else f"a smaller {steps}="
        warn(
            f"{data} {kind} with epoch {self.epoch} of {self.epochs}; {what}. Pass a function that returns an "
            f"iterator, or {fewer}."
        )

    # -- its state

    def state_dict(self) -> State:
        """Where the run is, as JSON types and tensors: with the weights and the optimizer, all that a restart needs.

        Validation is not interrupted: until its end this is the state at its beginning.
        """
        if self._before_validation is not None:
            return self._before_validation | {"callbacks": self.hooks.state_dict()}
        state: State = {
            "epoch": self.epoch,
            "batch": self.batch,
            "trained": self._trained,
            "stopping": bool(self.model.stop_training),
            "feed": self.feed.state_dict(undone=self._in_hand),
            "numbers": self._execution.state_dict(everywhere=True)
            if self._execution is not None and self.batch
            else None,
            "callbacks": self.hooks.state_dict(),
            "generators": {"global": generators.global_state(), "layers": generators.states_by_path(self.model)},
        }
        if self.held is not None:
            state["held"] = self.held.state_dict()
        return state

    def faults(self, state: State) -> list[str]:
        """Why this run cannot go on from a `state_dict`: its data is not the same."""
        found = [f"data        {fault}" for fault in self.feed.faults(state["feed"])]
        if self.held is not None and "held" in state:
            found += [f"data        for validation: {fault}" for fault in self.held.faults(state["held"])]
        return found

    def make_weights(self) -> None:
        """Let a model without a graph make its weights, losses and metrics, by trying its first batch.

        Raises:
            StructureError: it has a training step of its own, so nobody knows what it makes of a batch.
        """
        own = has_own(self.model, "train_step")
        if self.model.built and (own or self.step.objective is not None):
            return
        if own:
            raise StructureError(
                f"{self.model.label} has no weights yet to resume with.", hint="model(x) on data before fit"
            )
        execution = Execution(self.model, self.step, training=False)
        execution.begin()
        with execution.mode(), torch.no_grad():
            batch: Any = self.feed.peek()
            execution.run(batch)
        execution.end()

    def resume_from(self, checkpoint: Any) -> None:
        """Go on from a checkpoint, once the callbacks have begun.

        Args:
            checkpoint: has ``epoch``, ``batch`` and ``restore(model, run)``, which loads weights and optimizer and
                calls `load_state_dict`.
        """
        self._pending = checkpoint

    def _continue(self) -> None:
        checkpoint, self._pending = self._pending, None
        checkpoint.restore(self.model, self)

    def load_state_dict(self, state: State) -> None:
        """Put back what `state_dict` gave: the generators last, since moving the feed draws from them."""
        self.epoch, self.batch = int(state["epoch"]), int(state["batch"])
        self.model.stop_training = bool(state["stopping"])
        # A training that was to stop stops at once: no further batch.
        self._trained = bool(state["trained"]) or (self.model.stop_training and self.batch > 0)
        if self._execution is not None and state["numbers"] is not None:
            self._execution.load_state_dict(state["numbers"], everywhere=True)
        self.hooks.load_state_dict(state["callbacks"])
        if self.held is not None and "held" in state:
            self.held.load_state_dict(state["held"])
        self.feed.load_state_dict(state["feed"])
        generators.set_states_by_path(self.model, state["generators"]["layers"])
        generators.set_global_state(state["generators"]["global"])


def _due(frequency: Any, epoch: int) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency
