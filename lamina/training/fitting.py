"""Fitting: from what `fit` was given to a run, everything checked before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lamina.callbacks import CallbackList, History, TerminateOnNaN
from lamina.config import max_epochs
from lamina.graph import ArgumentError

from .arguments import check_counts, check_frequency, limited
from .checks import check_data
from .class_weights import ClassWeights
from .data import Arrays, Source
from .feed import Feed
from .generators import seeded
from .memory import keep_freed_pages
from .parallel import agree, parted, share_weights, teamed
from .run import Run
from .sense import tell_of_rates
from .step import Step


@dataclass(frozen=True)
class Plan:
    """The arguments of `fit` but the data; see there.

    Raises:
        ArgumentError: numbers that cannot be.
    """

    batch_size: int | None
    epochs: int
    verbose: Any
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: bool
    class_weight: Any
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: Any
    seed: int | None
    resume_from: Any
    resume_learning_rate: float | None

    def __post_init__(self) -> None:
        check_counts(0, epochs=self.epochs, initial_epoch=self.initial_epoch)
        check_counts(steps_per_epoch=self.steps_per_epoch, validation_steps=self.validation_steps)
        check_frequency(self.validation_freq)
        if self.resume_from is None and self.resume_learning_rate is not None:
            got = repr(self.resume_learning_rate)
            raise ArgumentError("fit(resume_learning_rate=) needs fit(resume_from=).", got=got)

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch, within what `lamina.config` allows."""
        limit = max_epochs()
        return self.epochs if limit is None else min(self.epochs, limit)

    @property
    def held_batch_size(self) -> int | None:
        """Rows per batch of validation."""
        return self.batch_size if self.validation_batch_size is None else self.validation_batch_size


def fit(model: Any, data: tuple[Any, Any, Any], plan: Plan) -> History:
    """Train a compiled model as planned; returns its new `History`.

    Args:
        data: x, y, sample_weight.
    """
    step: Step = model._require_compiled()
    if model._device().type == "cpu":
        keep_freed_pages()
    step.class_weight = ClassWeights(plan.class_weight) if plan.class_weight is not None else None
    try:
        with teamed(step, model), seeded(plan.seed):
            model._running = _run(model, step, data, plan)
            if plan.resume_from is not None:
                model.load_checkpoint(plan.resume_from, plan.resume_learning_rate)
            model._running.train()
    finally:
        model._running = step.class_weight = None
    return model.history  # type: ignore[no-any-return]


def _run(model: Any, step: Step, data: tuple[Any, Any, Any], plan: Plan) -> Run:
    """The run, its data checked against the model."""
    merges = _has_batch_norm(model)
    source = model._source(data, plan.batch_size, shuffle=plan.shuffle, merge_single=merges)
    source, held = _split(model, source, plan)
    world = step.team.world if step.team is not None else None
    if world is not None:
        agree(world, model, source, _facts(plan))
        source, held = parted(source, world, model), None if held is None else parted(held, world, model)
    feed = Feed(source, limited(plan.steps_per_epoch), model._device())
    steps = limited(plan.validation_steps)
    valid = Feed(held, steps, model._device(), "validation", repeats=True) if held is not None else None
    history = History()
    params = {"epochs": plan.last_epoch, "steps": feed.length, "verbose": plan.verbose}
    hooks = CallbackList([plan.callbacks, history], model=model, **params)
    ends_on_nan = any(isinstance(c, TerminateOnNaN) for c in hooks.callbacks)
    check_data(model, step, feed, "fit", ends_on_nan, _targets(source, held) if plan.validation_split else None)
    tell_of_rates(step.said, step.optimizer)
    if valid is not None:
        model._validation_batch_size = plan.held_batch_size
        check_data(model, step, valid, "validation_data")
    if world is not None:
        share_weights(world, model, feed.peek())
    model.history = history
    progress = model._progress(0 if hooks.shows_progress else plan.verbose, plan.last_epoch, feed)
    return Run(
        model, step, feed, valid, hooks, progress,
        epochs=plan.last_epoch, first_epoch=plan.initial_epoch, validation_freq=plan.validation_freq,
        steps_per_execution=model.steps_per_execution,
    )  # fmt: skip


def _facts(plan: Plan) -> dict[str, Any]:
    """What of a plan must be alike on all processes, by the names that `fit` has for it."""
    names = ("seed", "batch_size", "epochs", "initial_epoch", "steps_per_epoch", "validation_steps", "shuffle",
             "validation_split", "validation_batch_size", "validation_freq", "class_weight")  # fmt: skip
    return {f"{name}=": getattr(plan, name) for name in names}


def _split(model: Any, source: Source, plan: Plan) -> tuple[Source, Source | None]:
    """(training data, validation data): as given, or the last rows cut off, or none."""
    given = plan.validation_data
    if given is not None:
        parts = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        if not 1 <= len(parts) <= 3:
            got = f"a {type(given).__name__} of {len(parts)}"
            raise ArgumentError("validation_data is (x, y) or (x, y, sample_weight).", got=got)
        return source, model._source((*parts, None, None)[:3], plan.held_batch_size, what="validation_data")
    if not plan.validation_split:
        return source, None
    if not isinstance(source, Arrays):
        raise ArgumentError("validation_split needs arrays.", got=source.kind, hint="validation_data=(x, y)")
    return source.split(plan.validation_split)


def _targets(source: Source, held: Source | None) -> tuple[Any, Any] | None:
    """All targets of two sources that were one; None where there is none, or only one of the two."""
    if not isinstance(source, Arrays) or not isinstance(held, Arrays) or source.data[1] is None:
        return None
    return source.data[1], held.data[1]


def _has_batch_norm(model: Any) -> bool:
    """Whether training needs at least two rows in a batch: statistics of one row are no statistics."""
    return any("BatchNorm" in type(module).__name__ for module in model.modules())
