"""Team: what the processes of a training do together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from lamina.defaults import defaults
from lamina.metrics import Mean
from lamina.processes import Gradients, LaidOut, Share, World, finding_lost, joined, laid_out, sum_over_all
from lamina.training.data import Batch
from lamina.training.shared_losses import SharedLosses

from .numbers import Numbers


class Team(SharedLosses):
    """The processes that train, evaluate or predict one model, for as long as that takes.

    Args:
        world: the processes.
        laid: how the model lies on them, where its backward pass averages its gradients itself.

    Attributes:
        parts: those that have different rows.
        share: of the batch in hand, which rows are this process's.
        numbers: losses and metrics of all rows.
        is_watching: a step of the user's is running.
    """

    def __init__(self, world: World, laid: LaidOut | None = None) -> None:
        super().__init__()
        self.world, self._laid = world, laid
        self.parts = world if laid is None else laid.parts
        self.group = self.parts.group
        self.numbers = Numbers(self.parts)
        self._gradients = Gradients(world.size)
        self._synchronized: list[Any] = []
        self._means: list[Mean] = []
        self.is_watching = False

    # -- a batch

    def begin_epoch(self, model: Any, metrics: Sequence[Any]) -> None:
        """Layers that look at all rows are told whom to ask.

        Args:
            metrics: those that take batches.
        """
        self.close()
        self.numbers.begin()
        self.share = Share(0, 1)
        self._means = [metric for metric in metrics if isinstance(metric, Mean)]
        self._synchronized = [m for m in model.modules() if getattr(m, "synchronized", False) is True]
        for layer in self._synchronized:
            layer.together = self

    def close(self) -> None:
        """Layers and metrics let go of the team."""
        for mean in self._means:
            mean.number_counts = 1
        self._means = []
        for layer in self._synchronized:
            layer.together = None
        self._synchronized = []
        if self._laid is not None:
            self._laid.reset()

    def take(self, batch: Batch) -> None:
        """Note which rows of a batch are this process's."""
        share: Share = batch.share  # type: ignore[attr-defined]  # sources of a team give parts
        if self._laid is not None:
            self._laid.weight = share.weight
        if share != self.share:
            self.share = share
            for mean in self._means:
                mean.number_counts = share.weight

    @property
    def is_idle(self) -> bool:
        """Whether this process has no row of the batch and only takes part."""
        return not self.share.rows

    # -- sums

    def reduce(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Make the gradients those of the whole batch, unless they are."""
        if self._laid is not None:
            return
        with torch.no_grad():
            self._gradients.reduce(parameters, self.share.weight)

    @contextmanager
    def watched(self, model: Any, training: bool) -> Iterator[None]:
        """Within, ``backward()`` of a step of the user's leaves the gradients of the whole batch.

        Where this process has no rows, metrics are as before afterwards.
        """
        kept = [(metric, metric.state_dict()) for metric in model.metrics] if self.is_idle else []
        if training:
            self.is_watching = True
            try:
                with self._averaged(model):
                    yield
            finally:
                self.is_watching = False
        else:
            yield
        for metric, state in kept:
            metric.load_state_dict(state)

    def _averaged(self, model: Any) -> AbstractContextManager[None]:
        if self._laid is not None:
            return nullcontext()
        return self._gradients.watched(list(model.parameters()), self.share.weight)

    def sum(self, value: torch.Tensor) -> torch.Tensor:
        """The sum over all processes that have rows; gradients go through it."""
        if self.is_idle:  # filled, not replaced: going back through the sum is something that all do together, too
            value = value.masked_fill(torch.ones_like(value, dtype=torch.bool), 0)
        return sum_over_all(value, self.share.weight, self.group)

    def whole(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss of the whole batch as a number, with the gradients of this process's loss."""
        with torch.no_grad():
            part = torch.zeros_like(loss) if self.is_idle else loss.detach() * self.share.weight
            every = sum_over_all(part, 1.0, self.group)
        own = torch.zeros_like(loss) if self.is_idle else loss.detach()
        return loss + (every - own)


@contextmanager
def teamed(step: Any, model: Any) -> Iterator[Team | None]:
    """Within, a step works with the other processes, if there are any; in a training that does, with the same team.

    A model that is not laid out yet is, where `lamina.distribution.set_distribution` has said how.
    """
    if step.team is not None:
        yield step.team
        return
    world = joined()
    if world is None:
        yield None
        return
    if defaults.distribution is not None and defaults.distribution.cuts_weights and laid_out(model) is None:
        defaults.distribution.lay_out(model)
    step.team = team = Team(world, laid_out(model))
    try:
        with finding_lost(world):
            yield team
    finally:
        team.close()
        step.team = None
