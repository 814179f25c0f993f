"""Run: a fit in progress. Where it is, and everything that its continuation depends on."""

from __future__ import annotations

import warnings
from typing import Any

from lamina.callbacks import CallbackList
from lamina.graph import StructureError

from . import generators
from .execution import Execution, evaluate
from .feed import Feed
from .progress import Progress
from .step import Step

State = dict[str, Any]


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
        self._pending: Any = None

    def train(self) -> None:
        """All epochs that are left. Whatever ends it, Ctrl-C too, callbacks get to do what they promised."""
        self.model.stop_training = False
        try:
            self.hooks.call("on_train_begin", {})
            if self._pending is not None:
                self.epoch, self.batch = self._pending.epoch, self._pending.batch
                if not self.batch:
                    self._continue()
            while self.epoch < self.epochs and not self.model.stop_training and not self.feed.ended:
                self._train_epoch()
            if self.feed.ended and self.epoch < self.epochs and not self.model.stop_training:
                self._warn_of_end()
            finalize = getattr(self.model.optimizer, "finalize_variable_values", None)
            if finalize is not None:
                finalize(self.model.trainable_weights)
        finally:
            self.progress.stop()
            self.step.forget_model()
            try:
                self.hooks.call("on_train_end", {})
            finally:
                self.feed.close()
                if self.held is not None:
                    self.held.close()

    def _train_epoch(self) -> None:
        epoch = self.epoch
        execution = Execution(self.model, self.step, training=True)
        self.hooks.call("on_epoch_begin", epoch, {})
        self.progress.start(epoch)
        execution.begin()
        if self._pending is not None:  # in the middle of this epoch: what its beginning changed is put back
            self._continue()
        self._train_batches(execution)
        if not self.batch:
            raise StructureError(
                "There is no data to train on.", got="no batches", hint="a source that can be iterated anew"
            )
        done, logs = self.batch, execution.logs()
        if self.held is not None and _due(self.validation_freq, epoch):
            logs |= {f"val_{name}": value for name, value in self._validate().items()}
        self.progress.finish(done, logs)
        self.epoch, self.batch = epoch + 1, 0
        self.hooks.call("on_epoch_end", epoch, logs)

    def _train_batches(self, execution: Execution) -> None:
        hooks, progress, every = self.hooks, self.progress, self.steps_per_execution
        begins = hooks.listens("on_train_batch_begin", "on_batch_begin")
        ends = ("on_train_batch_end", "on_batch_end")
        may_end = hooks.listens(*ends)
        with execution.mode():
            for batch in self.feed.epoch(self.batch):
                if begins and self.batch % every == 0:
                    hooks.call("on_train_batch_begin", self.batch, {})
                    hooks.call("on_batch_begin", self.batch, {})
                execution.run(batch)
                self.batch += 1
                if may_end and self.batch % every == 0 and hooks.listens(*ends):
                    logs = execution.logs()
                    hooks.call("on_train_batch_end", self.batch - 1, logs)
                    hooks.call("on_batch_end", self.batch - 1, logs)
                if progress.wants_drawing():
                    progress.draw(self.batch, execution.logs())
                if self.model.stop_training:
                    break

    def _validate(self) -> dict[str, Any]:
        logs = evaluate(Execution(self.model, self.step, training=False), self.held, self.hooks)
        if not logs:
            raise StructureError(
                "There is no data to validate on.",
                got="no batches" if not self.epoch else f"no batches in epoch {self.epoch + 1}",
                hint="validation_data that can be iterated anew, or validation_steps=",
            )
        return logs

    def _warn_of_end(self) -> None:
        if self.feed.steps is None:
            warnings.warn(
                f"The data is a one-shot iterator, which ended with epoch {self.epoch} of {self.epochs}; training ends "
                "with it. Pass a function that returns an iterator, or steps_per_epoch=.",
                UserWarning,
                stacklevel=4,
            )

    # -- its state

    def state_dict(self) -> State:
        """Where the run is, as JSON types and tensors: with the weights and the optimizer, all that a restart needs."""
        objective = self.step.objective
        state: State = {
            "epoch": self.epoch,
            "batch": self.batch,
            "stopping": bool(self.model.stop_training),
            "feed": self.feed.state_dict(),
            "objective": objective.state_dict() if objective is not None and self.batch else {},
            "callbacks": self.hooks.state_dict(),
            "generators": {"global": generators.global_state(), "layers": generators.states_by_path(self.model)},
        }
        if self.held is not None:
            state["held"] = self.held.state_dict()
        return state

    def resume_from(self, checkpoint: Any) -> None:
        """Go on from a checkpoint, once the callbacks have begun.

        Args:
            checkpoint: has ``epoch``, ``batch`` and ``restore(model, run)``, which loads weights and optimizer and calls
                `load_state_dict`.
        """
        self._pending = checkpoint

    def _continue(self) -> None:
        checkpoint, self._pending = self._pending, None
        checkpoint.restore(self.model, self)

    def load_state_dict(self, state: State) -> None:
        """Put back what `state_dict` gave: the generators last, since moving the feed draws from them."""
        self.epoch, self.batch = int(state["epoch"]), int(state["batch"])
        self.model.stop_training = bool(state["stopping"])
        if state["objective"]:
            self.step.resume(state["objective"])
        self.hooks.load_state_dict(state["callbacks"])
        if self.held is not None and "held" in state:
            self.held.load_state_dict(state["held"])
        self.feed.load_state_dict(state["feed"])
        generators.set_states_by_path(self.model, state["generators"]["layers"])
        generators.set_global_state(state["generators"]["global"])


def _due(frequency: Any, epoch: int) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency
