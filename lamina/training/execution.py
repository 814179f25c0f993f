"""Execution: how the batches of an epoch are worked on, by Lamina's step or by one that the model defines itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.layers.mode import asking, flags
from lamina.layers.mode_watch import mode_is_said
from lamina.metrics import TorchMetric

from .data import Batch, pack_x_y_sample_weight
from .own_steps import check_results
from .parallel.team import Team
from .readout import flattened, to_host
from .sense.loss_watch import tell_late
from .step import Step
from .steps import attribute_metrics, has_own


class Execution:
    """Runs batch after batch in one mode, and knows the numbers so far.

    Args:
        model: what is trained or evaluated.
        step: its step.
        training: whether weights change.
    """

    def __init__(self, model: Any, step: Step, training: bool) -> None:
        self.model, self.step, self.training, self.team = model, step, training, step.team
        name = "train_step" if training else "test_step"
        self._own_step: Callable[[Any], Any] | None = getattr(model, name) if has_own(model, name) else None
        self._work = step.train if training else step.test
        self._forward: Any = model
        self._last: Any = {}
        self._of_all: dict[str, Any] | None = None
        self._attributes: list[tuple[str, Any]] = []

    def begin(self) -> None:
        """Forget the numbers of the epoch before."""
        self._last, self._of_all = {}, None
        self._forward = self.model._forward() if self.training else self.model
        self.step.begin_epoch(self.model)
        if self._own_step is not None:
            self.model.reset_metrics()
        self._attributes = list(attribute_metrics(self.model))
        for _, metric in self._attributes:
            metric.reset_state()
        if self.team is not None:
            self.team.begin_epoch(self.model, [self.step.total, *(metric for _, metric in self._attributes)])

    def end(self) -> None:
        self.step.forget_model()

    @contextmanager
    def mode(self) -> Iterator[None]:
        """A context in which the model is as its batches need it. Weights of classes are for training only.

        Training sets flags, which hold for the model alone: a teacher that its `train_step` asks stays as it is.
        """
        step, class_weight = self.step, self.step.class_weight
        if self.training:
            mode_is_said(self.model)
        else:
            step.class_weight = None
        try:
            with flags(self.model, True) if self.training else asking(self.model, False):
                yield
        finally:
            step.class_weight = class_weight

    def run(self, batch: Batch) -> None:
        """Work on a batch."""
        if self.team is not None:
            self.team.take(batch)
        if self._own_step is None:
            self._work(self.model, self._forward, batch)
        else:
            try:
                with _ALONE if self.team is None else self.team.watched(self.model, self.training):
                    results = self._own_step(packed(batch))
            except RuntimeError as error:
                if "does not require grad" not in str(error):
                    raise
                raise ArgumentError(
                    f"The {self._own_step.__name__} of {self.model.label} calls backward() on a loss that hangs on no "
                    "weight.",
                    expected="a loss of what self(x) returns, where gradients are recorded",
                    hint="no torch.no_grad(), detach() or numpy() on the way, and weights that are trainable",
                ) from error
            if type(results) is not dict:
                check_results(self.step.said, self.model, "train_step" if self.training else "test_step", results)
            self._last = results

    def logs(self, everywhere: bool = True) -> dict[str, Any]:
        """The numbers so far, on the host.

        Args:
            everywhere: of the rows of all processes, which then ask together; otherwise of this one's rows, without
                metrics that cannot tell these.
        """
        if self.team is not None:
            return self._logs_in_team(self.team, everywhere)
        if self._own_step is not None:
            logs = to_host(flattened(self._last or {}))
        else:
            objective = self.step.objective
            results = objective.results() if objective is not None else {}
            results |= {name: metric.result() for name, metric in self._attributes}
            logs = to_host(flattened(results | (self.step.own_results or {})))
        if self.training and logs.get("loss") != logs.get("loss"):
            tell_late(self.step.said, self.model, self.model._running)
        return logs

    def _logs_in_team(self, team: Team, everywhere: bool) -> dict[str, Any]:
        objective, own = self.step.objective, self.step.own_results if self._own_step is None else self._last
        named = dict(objective.named_metrics()) if objective is not None else {}
        with team.numbers.together(named | _by_paths(self._attributes)) if everywhere else _ALONE:
            without = () if everywhere else (TorchMetric,)
            results = objective.results(without) if objective is not None else {}
            attributes = {n: m.result() for n, m in self._attributes if not isinstance(m, without)}
            known = to_host(flattened(results | attributes))
            if everywhere:
                with suppress(ArgumentError):  # a metric of another library that cannot be kept
                    self._of_all = self.state_dict()
        if self._own_step is None and not own:
            return known
        logs = to_host(flattened(own or {}))
        if not everywhere:
            return logs
        others = team.numbers.mean({n: v for n, v in logs.items() if n not in known}, team.share.weight)
        shown = logs if self._own_step is not None else known | logs
        return {name: known[name] if name in known else others[name] for name in shown}

    # -- what an interrupted run keeps of it

    def state_dict(self, everywhere: bool = False) -> dict[str, Any]:
        """Everything that was accumulated since `begin`, as numbers and tensors.

        Args:
            everywhere: by all processes, when they last read their numbers, as before a callback hears of a batch.
        """
        if everywhere and self._of_all is not None:
            return self._of_all
        objective = self.step.objective
        return {
            "objective": objective.state_dict() if objective is not None else {},
            "attributes": [metric.state_dict() for _, metric in self._attributes],
            "last": to_host(flattened(self._last or {})),
            "own": to_host(flattened(self.step.own_results or {})),
        }

    def load_state_dict(self, state: dict[str, Any], everywhere: bool = False) -> None:
        """Put back what `state_dict` gave; what all processes had summed, the first one has from there on."""
        self.step.resume(state["objective"])
        for (_, metric), own in zip(self._attributes, state["attributes"], strict=True):
            metric.load_state_dict(own)
        self._last, self.step.own_results = state["last"], state["own"]
        if everywhere and self.team is not None and not self.team.parts.is_first and self.step.objective is not None:
            metrics = [metric for _, metric in (*self.step.objective.named_metrics(), *self._attributes)]
            for variable in (variable for metric in metrics for variable in metric.variables):
                if getattr(variable, "aggregation", "sum") == "sum":
                    variable.zero_()


_ALONE = nullcontext()


def _by_paths(attributes: list[tuple[str, Any]]) -> dict[str, Any]:
    """Metrics by names that no metric of `compile` has."""
    return {f"{number}/{name}": metric for number, (name, metric) in enumerate(attributes)}


def packed(batch: Batch) -> Any:
    """A batch as a user's own step gets it: x, (x, y) or (x, y, sample_weight); several inputs alone as (x,)."""
    x, y, weight = batch
    return (x, y, weight) if weight is not None else pack_x_y_sample_weight(x, y)


def evaluate(execution: Execution, feed: Any, hooks: Any, progress: Any) -> tuple[int, dict[str, Any]]:
    """One epoch of evaluation.

    Returns:
        (number of batches, name -> number); no number where the feed had no batch.
    """
    hooks.call("on_test_begin", {})
    heard = hooks.listens("on_test_batch_begin", "on_test_batch_end")
    wants_logs = hooks.listens("on_test_batch_end")
    execution.begin()
    done, model = 0, execution.model
    model.stop_evaluating = False
    with execution.mode(), torch.no_grad():
        for batch in feed.epoch():
            if heard:
                hooks.call("on_test_batch_begin", done, {})
            execution.run(batch)
            if heard:
                hooks.call("on_test_batch_end", done, execution.logs() if wants_logs else {})
            done += 1
            if heard and execution.team is not None:
                model.stop_evaluating = execution.team.world.any(model.stop_evaluating)
            if progress.wants_drawing():
                progress.draw(done, execution.logs(everywhere=False))
            if model.stop_evaluating:  # said by a callback
                break
    logs = execution.logs() if done else {}
    execution.end()
    hooks.call("on_test_end", logs)
    return done, logs
