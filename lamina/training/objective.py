"""Objective: the losses and metrics of a model's outputs, and the running means that are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from lamina import losses, metrics
from lamina.graph import ArgumentError, tree
from lamina.losses import Loss
from lamina.losses.base import called_with_mask
from lamina.metrics import Metric

from .naming import Outputs
from .placed_losses import JointLoss, Placed, SumOfLosses, placed_losses
from .readout import flattened
from .shared_losses import SharedLosses
from .trackers import LossTracker, OutputMetric

Shapes = tuple[tuple[int | None, ...], tuple[int | None, ...]]
"""Shapes of the targets and of the predictions of an output."""


@dataclass
class Term:
    """What is minimised and measured at one output."""

    name: str
    loss: Loss | None
    weight: float
    tracker: LossTracker | None
    plain: list[Any]
    weighted: list[Any]

    def __post_init__(self) -> None:
        self.loss_of = called_with_mask(self.loss) if self.loss is not None else None


class Objective:
    """What is minimised and what is measured.

    Everything it accumulates stays on the device.

    Args:
        outputs: the model's outputs.
        compiled: ``loss``, ``loss_weights``, ``metrics``, ``weighted_metrics`` as given to ``compile``, each per output
            by name or by position.
        shapes: one pair per output, which tell what "accuracy" means there; None for an output without targets.
        total: keeps the mean of the whole loss.

    Raises:
        StructureError: a name that is no output's, or another number of entries than outputs.
        ArgumentError: an unknown loss or metric; an output with a loss but without targets.
    """

    def __init__(
        self, outputs: Outputs, compiled: dict[str, Any], shapes: list[Shapes | None], total: LossTracker | None = None
    ) -> None:
        self.outputs = outputs
        self.shapes = shapes
        self.total = LossTracker("loss") if total is None else total
        placed = placed_losses(outputs, compiled["loss"], compiled["loss_weights"])
        several = len(placed) > 1
        given = [outputs.spread(compiled[key], key, several=True) for key in ("metrics", "weighted_metrics")]
        self.terms = []
        for i, (name, pair, plain, weighted) in enumerate(zip(outputs.names, shapes, *given, strict=True)):
            mine = [one for one in placed if one.at == i and isinstance(one.at, int)]
            loss, weight = _loss(name, mine, pair)
            called = outputs.loss_name(i, mine[0].path, mine[0].loss, loss) if loss is not None else ""
            tracker = LossTracker(f"{called}_loss") if several and loss is not None else None
            self.terms.append(Term(name, loss, weight, tracker, _metrics(plain, pair), _metrics(weighted, pair)))
        together = [one for one in placed if not isinstance(one.at, int)]
        self.joint = [(_joint(outputs, one), _factor(str(one.path), one.weight)) for one in together]
        self._joint_trackers = [LossTracker(f"{joint.name}_loss") for joint, _ in self.joint if several]
        self.extra: dict[str, LossTracker] = {}
        self._lone = self.terms[0] if len(self.terms) == 1 and not self.joint else None
        if self._lone is not None and self._lone.tracker is not None:
            self._lone = None
        self.has_metrics = any(term.plain or term.weighted for term in self.terms)

    def named_metrics(self) -> Iterator[tuple[str, Any]]:
        """(name in the logs, metric): the loss, the outputs' losses, named terms of ``add_loss``, then the metrics."""
        yield "loss", self.total
        taken = {"loss": 0}
        trackers = [term.tracker for term in self.terms if term.tracker is not None]
        for tracker in (*trackers, *self._joint_trackers, *self.extra.values()):
            name = _free(tracker.name, taken)
            yield name, tracker
        prefixes = [self.outputs.metric_prefix(i) for i in range(len(self.terms))]
        for prefix, term in zip(prefixes, self.terms, strict=True):
            for metric in term.plain:
                yield _free(f"{prefix}{metric.name}", taken), metric
        for prefix, term in zip(prefixes, self.terms, strict=True):
            for metric in term.weighted:
                name = f"{prefix}{metric.name}"
                yield _free(f"{prefix}weighted_{metric.name}" if name in taken else name, taken), metric

    def metrics(self) -> list[Any]:
        """For a training step of a user's own: each takes all targets and predictions, as the model has them."""
        if self._lone is not None:
            return [metric for _, metric in self.named_metrics()]
        place = {id(m): i for i, term in enumerate(self.terms) for m in (*term.plain, *term.weighted)}
        return [
            OutputMetric(metric, self.outputs, place[id(metric)], name) if id(metric) in place else metric
            for name, metric in self.named_metrics()
        ]

    def reset(self) -> None:
        """Forget what was accumulated, as at the start of an epoch."""
        for _, metric in self.named_metrics():
            metric.reset_state()

    # -- a batch

    def loss(
        self,
        y_true: list[Any],
        y_pred: list[Any],
        sample_weight: list[Any],
        masks: list[Any],
        shared: SharedLosses | None = None,
    ) -> torch.Tensor | None:
        """The weighted sum of the outputs' losses, a scalar; None where no output has one.

        Args:
            shared: what the losses of a part of a batch are, where several processes share it.
        """
        lone = self._lone
        if lone is not None and lone.loss_of is not None and y_true[0] is not None and shared is None:
            value = _mean(lone.loss_of(y_true[0], y_pred[0], sample_weight[0], masks[0]))
            return value if lone.weight == 1.0 else value * lone.weight
        total: torch.Tensor | None = None
        for i, term in enumerate(self.terms):
            if term.loss_of is None:
                continue
            if y_true[i] is None:
                raise _no_targets(term.name)
            given = y_true[i], y_pred[i], sample_weight[i], masks[i]
            value = _mean(term.loss_of(*given)) if shared is None else shared.value(term.loss, term.loss_of, *given)
            if term.tracker is not None:
                with torch.no_grad():
                    term.tracker.track(value, len(y_pred[i]) if shared is None else shared.rows)
            value = value if term.weight == 1.0 else value * term.weight
            total = value if total is None else total + value
        return self._with_joint(total, y_true, y_pred, sample_weight, shared) if self.joint else total

    def _with_joint(
        self,
        total: torch.Tensor | None,
        y_true: list[Any],
        y_pred: list[Any],
        sample_weight: list[Any],
        shared: SharedLosses | None,
    ) -> torch.Tensor | None:
        """The losses of several outputs together, added."""
        for i, (joint, weight) in enumerate(self.joint):
            value = _mean(joint(y_true, y_pred, sample_weight))
            if shared is not None:
                weight_of_all = sample_weight[next(tree.leaves(joint.at))]
                value = shared.scaled(value, joint.loss, y_true, y_pred, weight_of_all, None)
            if self._joint_trackers:
                with torch.no_grad():
                    self._joint_trackers[i].track(value, len(y_pred[0]) if shared is None else shared.rows)
            total = value * weight if total is None else total + value * weight
        return total

    def track_named(self, name: str, value: torch.Tensor, rows: int) -> None:
        """Add a named term of ``add_loss`` to its running mean."""
        if name not in self.extra:
            self.extra[name] = LossTracker(name)
        self.extra[name].track(value, rows)

    def measure(self, y_true: list[Any], y_pred: list[Any], sample_weight: list[Any], masks: list[Any]) -> None:
        """Update the metrics. Called under ``torch.no_grad``."""
        for i, term in enumerate(self.terms):
            if y_true[i] is None or not (term.plain or term.weighted):
                continue
            predicted = y_pred[i].detach()
            for metric in term.plain:
                _update(metric, y_true[i], predicted, None, masks[i])
            for metric in term.weighted:
                _update(metric, y_true[i], predicted, sample_weight[i], masks[i])

    # -- numbers

    def results(self, without: tuple[type, ...] = ()) -> dict[str, Any]:
        """The means so far, by the names that ``History`` has: loss, price_loss, price_accuracy, ...; on the device.

        Args:
            without: metrics of these classes are left out.
        """
        return flattened(
            {
                name: metric.result()
                for name, metric in self.named_metrics()
                if (not isinstance(metric, LossTracker) or metric.touched) and not isinstance(metric, without)
            }
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything that was accumulated, as tensors."""
        return {
            name: {"state": metric.state_dict(), "touched": getattr(metric, "touched", True)}
            for name, metric in self.named_metrics()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        known = dict(self.named_metrics())
        for name in state:
            if name not in known:
                self.extra[name] = known[name] = LossTracker(name)
        for name, kept in state.items():
            known[name].load_state_dict(kept["state"])
            if isinstance(known[name], LossTracker):
                known[name].touched = bool(kept["touched"])


def _update(metric: Any, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any) -> None:
    """A mask leaves steps out; for a metric of the user's own that has no ``mask``, as weights of zero."""
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    if mask is None:
        metric.update_state(y_true, y_pred, **weights)
    elif metrics.takes_mask(metric):
        metric.update_state(y_true, y_pred, **weights, mask=mask)
    else:
        counted = mask.to(torch.float32)
        if sample_weight is not None:
            counted = counted * sample_weight.reshape(sample_weight.shape + (1,) * (mask.ndim - sample_weight.ndim))
        metric.update_state(y_true, y_pred, sample_weight=counted)


def _mean(value: torch.Tensor) -> torch.Tensor:
    return value.mean() if value.ndim else value


def _no_targets(name: str) -> ArgumentError:
    return ArgumentError(f"The output {name!r} has a loss but no targets.", hint="leave its loss out, or give its y")


def _factor(name: str, weight: Any) -> float:
    if weight is None:
        return 1.0
    if isinstance(weight, (str, bytes)) or not hasattr(weight, "__float__"):
        raise ArgumentError(f"loss_weights of the output {name!r} is a number.", got=repr(weight))
    return float(weight)


def _loss(name: str, placed: list[Placed], shapes: Shapes | None) -> tuple[Loss | None, float]:
    """The loss of one output and its weight; several are one loss, their weighted sum."""
    if not placed:
        return None, 1.0
    if shapes is None:
        raise _no_targets(name)
    parts = [(losses.resolve_loss(one.loss, *shapes), _factor(name, one.weight)) for one in placed]
    if len(parts) == 1:
        return parts[0]
    return SumOfLosses([(loss, weight) for loss, weight in parts if loss is not None]), 1.0


def _joint(outputs: Outputs, placed: Placed) -> JointLoss:
    names = [outputs.names[i] for i in tree.leaves(placed.at)]
    return JointLoss("/".join(map(str, placed.path)) or "_".join(names), placed.loss, placed.at)


def _free(name: str, taken: dict[str, int]) -> str:
    """``name``, or the first of ``name_1``, ``name_2``, ... that is not taken; takes it."""
    free, count = name, taken.get(name, 0)
    while free in taken:
        count += 1
        free = f"{name}_{count}"
    taken[name] = count
    taken.setdefault(free, 0)
    return free


def _metrics(given: Any, shapes: Shapes | None) -> list[Metric]:
    if shapes is None or given is None:
        return []
    entries = list(given) if isinstance(given, (list, tuple)) else [given]
    resolved = (metrics.resolve_metric(metric, *shapes) for metric in entries)
    return [metric for metric in resolved if metric is not None]
