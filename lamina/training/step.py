"""Step: what happens to one batch. How a step is executed is decided here and nowhere else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch

from lamina._torch.sharding import whole
from lamina.graph import ArgumentError, tree
from lamina.graph.source import Source, caller
from lamina.layers.weight_facts import Place, places
from lamina.layers.weights import Weights
from lamina.optimizers import Optimizer

from .class_weights import ClassWeights
from .data import Batch
from .masks import output_masks
from .naming import Outputs
from .objective import Objective, Shapes
from .own_steps import no_loss
from .parallel.team import Team
from .sense import (
    LossWatch,
    Said,
    check_held,
    tell_of_metrics,
    tell_of_no_gradient,
    tell_of_predictions,
    tell_of_strangers,
    tell_of_uncalled,
    tell_of_unheld,
    tell_of_unreached,
)
from .sense.loss_watch import tell
from .taken import taken_by
from .trackers import LossTracker


class Step:
    """Forward, losses, backward, optimizer, metrics. Nothing here waits for the device.

    The model owns its step, so the step is handed the model at each call and keeps no hold on it.

    Args:
        optimizer: has ``apply(grads, parameters)``, and perhaps ``build`` and ``scale_loss``.
        compiled: loss, loss_weights, metrics, weighted_metrics as given to ``compile``.
        line: where that was called.

    Attributes:
        said: the warnings that were given.
        objective: losses and metrics, known once the shapes of targets and predictions are.
        class_weight: weights of classes, for the length of a fit.
        team: the processes that train together, while they do; None where this one is alone.
        unchecked: whether training -> what is to be asked of the data, (objective, shapes of the predictions), once a
            model without a graph has said by running what its outputs are.
    """

    def __init__(self, optimizer: Any, compiled: dict[str, Any], line: Source | None = None) -> None:
        self.optimizer = optimizer
        self.said = Said(line)
        self._watch: LossWatch | None = None
        self.compiled = compiled
        self.objective: Objective | None = None
        self.total = LossTracker("loss")
        self.class_weight: ClassWeights | None = None
        self.unchecked: dict[bool, Callable[[Objective, list[Any]], None]] = {}
        self._scale_loss: Callable[[Any], Any] | None = getattr(optimizer, "scale_loss", None)
        self._losing: list[Weights] = []
        self._every: list[torch.nn.Parameter] = []
        self._trained: list[torch.nn.Parameter] = []
        self._regularized: list[Place] = []
        self._constrained: list[Place] = []
        self._parts: list[torch.nn.Module] = []
        self._needs_grad: list[bool] = []
        self._ready = self._warned = False
        self._held = 0  # how many weights were trained when it was asked whether the optimizer has them
        self._known: list[torch.nn.Parameter] = []
        self.own_results: Any = None
        self.team: Team | None = None
        self._resumed: dict[str, Any] | None = None

    def begin_epoch(self, model: Any) -> None:
        """Forget the running means; the layers and weights that there are, are looked at anew in the first step."""
        if self.objective is not None:
            self.objective.reset()
        self.own_results = self._resumed = self._watch = None
        self._losing = model._losing_parts()
        self._every, self._ready = [], False

    def forget_model(self) -> None:
        """Let go of the model's parts between epochs: the model owns its step, and a part may be the model itself."""
        self._losing, self._every, self._trained = [], [], []
        self._regularized, self._constrained, self._parts = [], [], []
        self.unchecked, self._ready = {}, False

    # -- a step of training, of evaluation

    def train(self, model: Any, forward: Callable[[Any], Any], batch: Batch) -> None:
        """One step of the optimizer.

        Args:
            model: in the mode (training or inference) that the loop has set.
            forward: calls the model.
        """
        total = self.loss(model, forward, batch, True)
        looks, first = not self._ready and not self.said.is_learning, not self._ready and self.said.asks("reached")
        if not self._ready:
            self._make_ready(model.label)
            if self.said.asks("weights"):
                tell_of_unheld(self.said, model, self.optimizer)
                tell_of_uncalled(self.said, model)
            if len(self._trained) != self._held and hasattr(self.optimizer, "held"):  # the more once layers are thawed
                check_held(self.said, model, self.optimizer)
                self._held = len(self._trained)
        if not total.requires_grad or not self._trained:
            self._nothing_to_train(model)
            return
        scaled = total if self._scale_loss is None else self._scale_loss(total)
        scaled.backward()
        trained = self._trained
        if self.team is not None and not self.team.is_watching:
            self.team.reduce(trained)
        gradients = [p.grad for p in trained]
        if looks:
            tell_of_no_gradient(self.said, model.label, total, gradients)
        if first and not model.computes_own_loss and any(gradient is None for gradient in gradients):
            reached = {id(p) for p, gradient in zip(trained, gradients, strict=True) if gradient is not None}
            objective: Any = self.objective
            tell_of_unreached(self.said, model, objective.terms, bool(objective.joint), reached)
        self.optimizer.apply(gradients, trained)
        del gradients
        for place in self._constrained:
            place.constrain()
        for parameter in trained:
            parameter.grad = None

    def test(self, model: Any, forward: Callable[[Any], Any], batch: Batch) -> None:
        """Losses and metrics only: no gradient and no optimizer is touched."""
        self.loss(model, forward, batch, False)

    def loss(self, model: Any, forward: Callable[[Any], Any], batch: Batch, training: bool) -> torch.Tensor:
        """The loss of a batch, a scalar; losses and metrics are taken into account."""
        x, y, weight = batch
        for layer in self._losing:
            layer._losses = []
        y_pred = forward(x)
        if self.unchecked:
            self._check_data(model, y, y_pred, training)
        if not self._every or self._needs_grad != [p.requires_grad for p in self._every]:
            self._look_at_weights(model)
        total: torch.Tensor
        if model.computes_own_loss:
            given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight, "training": training}
            total = model.compute_loss(**taken_by(type(model).compute_loss, given))
            if not isinstance(total, torch.Tensor):
                raise no_loss(model, total)
        else:
            total = self.loss_of(model, x, y, y_pred, weight)
        if self.team is not None and self.team.is_idle:
            return total
        with torch.no_grad():
            self._track(model, total, x, y, y_pred, weight)
        if training:
            if self._watch is None:
                self._watch = LossWatch(self.objective.total.total)  # type: ignore[union-attr]  # it was tracked
            if self._watch.is_broken():
                run = model._running
                tell(self.said, model, run, batch, y_pred, self.objective.outputs.names)  # type: ignore[union-attr]
        return total

    def loss_of(self, model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> torch.Tensor:
        """The outputs' losses, ``add_loss`` and regularizers, together: a scalar."""
        flat, targets, weights, masks = self._arranged(model, x, y, y_pred, sample_weight)
        team = self.team
        total = self.objective.loss(targets, flat, weights, masks, team)  # type: ignore[union-attr]
        rows = team.rows if team is not None else len(flat[0]) if flat and flat[0].ndim else 1
        for term in self._extra(rows):
            total = term if total is None else total + term
        if total is None:
            raise ArgumentError("There is nothing to minimise.", hint="compile(loss=...), or add_loss in a layer")
        return total

    def measure(self, model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Update the metrics of the outputs."""
        flat, targets, weights, masks = self._arranged(model, x, y, y_pred, sample_weight)
        self.objective.measure(targets, flat, weights, masks)  # type: ignore[union-attr]

    def _track(self, model: Any, total: torch.Tensor, x: Any, y: Any, y_pred: Any, weight: Any) -> None:
        objective = self.objective or self._know_result(model, y, y_pred)
        first = y_pred if isinstance(y_pred, torch.Tensor) else next(tree.leaves(y_pred))
        rows = self.team.rows if self.team is not None else first.shape[0] if first.ndim else 1
        objective.total.track(total, rows)
        if model.computes_own_metrics:
            self.own_results = model.compute_metrics(x, y, y_pred, weight)
        elif objective.has_metrics:
            self.measure(model, x, y, y_pred, weight)

    # -- what a batch is to the objective

    def _arranged(
        self, model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any
    ) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
        """(predictions, targets, sample weights, masks), one entry per output each."""
        lone = isinstance(y_pred, torch.Tensor)
        flat = [y_pred] if lone else list(tree.leaves(y_pred))
        outputs = (self.objective or self._know_result(model, y, y_pred)).outputs
        targets = [y] if lone and isinstance(y, torch.Tensor) else outputs.spread_data(y, "y")
        weights = [None] * len(flat) if sample_weight is None else outputs.spread_weights(sample_weight)
        if self.class_weight is not None:
            weights = self.class_weight.applied(outputs, targets, flat, weights)
        return flat, targets, weights, output_masks(model, x, flat)

    def _check_data(self, model: Any, y: Any, y_pred: Any, training: bool) -> None:
        check = self.unchecked.pop(training, None)
        if check is not None:
            objective = self.objective or self._know_result(model, y, y_pred)
            shapes = [(None, *leaf.shape[1:]) for leaf in tree.leaves(y_pred)]
            check(objective, shapes)
            tell_of_predictions(self.said, objective.terms, y_pred)
            tell_of_metrics(self.said, objective.terms, objective.outputs.spread_data(y, "y"), shapes)

    def _nothing_to_train(self, model: Any) -> None:
        """Without weights to train a step only measures, and a warning says so once.

        Raises:
            ArgumentError: there are such weights, but the loss does not hang on them.
        """
        if self._trained:
            raise ArgumentError(
                f"{model.label} has nothing to train: the loss hangs on no trainable weight.",
                got=f"{len(self._every)} weights, {len(self._trained)} of them trainable",
                hint="a loss of the predictions, without detach(), numpy() or argmax on the way",
            )
        if not self._warned:
            self._warned = True
            warnings.warn_explicit(
                f"{model.label} has nothing to train: {self._without()}. fit() measures loss and metrics and changes "
                "nothing. Try model.trainable = True, or that of some layers; layers made in __init__, not in call.",
                UserWarning,
                *caller(),
            )

    def _without(self) -> str:
        return f"{len(self._every)} weights, all of them frozen" if self._every else "it has no weights"

    def _know_result(self, model: Any, y: Any, y_pred: Any) -> Objective:
        """The objective for what a model has just returned, where its shapes were not known before."""
        outputs = Outputs.of_graph(model.graph) if model.graph is not None else Outputs.of_result(y_pred)
        return self.know_shapes(outputs, y, list(tree.leaves(y_pred)))

    def know_shapes(self, outputs: Outputs, y: Any, predictions: list[Any]) -> Objective:
        """Make the objective for these outputs and targets, unless there is one for the like of them.

        Args:
            outputs: of the model.
            y: targets as they come.
            predictions: anything with the shape that an output has.
        """
        targets = outputs.told(self.compiled["loss"], self.compiled["metrics"]).spread_data(y, "y")
        shapes: list[Shapes | None] = [
            None if t is None else (_shape(t), tuple(p.shape)) for t, p in zip(targets, predictions, strict=True)
        ]
        if self.objective is None or _kinds(self.objective.shapes) != _kinds(shapes):
            self.objective = Objective(outputs, self.compiled, shapes, self.total)
        if self._resumed:
            self.resume(self._resumed)
        return self.objective

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from what an interrupted run had accumulated; at once, or when the objective is made."""
        self._resumed = state if self.objective is None else None
        if self.objective is not None:
            self.objective.load_state_dict(state)

    def _extra(self, rows: int) -> list[torch.Tensor]:
        """Regularizers of the weights that are trained, and what layers gave to ``add_loss``."""
        extra = [whole(place.penalty()) for place in self._regularized]
        for layer in self._losing:
            for term in layer._losses:
                value = term.mean() if term.ndim else term
                extra.append(value)
                name = getattr(layer, "loss_name", None)
                if name is not None and self.objective is not None:
                    with torch.no_grad():
                        self.objective.track_named(name, value, rows)
        return extra

    def _make_ready(self, label: str) -> None:
        """Before the first step of training on these weights; evaluation leaves gradients and optimizer alone."""
        self.forget_lost_weights(self._every)
        for parameter in self._every:  # what a loop of the user's may have left behind is not to be added to
            parameter.grad = None
        if not self._known:
            tell_of_strangers(self.said, label, self.optimizer, self._every)
        if hasattr(self.optimizer, "build") and self._every:
            self.optimizer.build(self._every)
        self._known, self._ready = self._every, True

    def forget_lost_weights(self, parameters: list[torch.nn.Parameter]) -> None:
        """Look at the weights anew, of which these are left; the optimizer lets go of those that are not."""
        now = {id(p) for p in parameters}
        gone = [p for p in self._known if id(p) not in now]
        if gone and hasattr(self.optimizer, "forget"):
            self.optimizer.forget(gone)
        self._known = [p for p in self._known if id(p) in now]

    def _look_at_weights(self, model: Any) -> None:
        """Which weights are trained: asked at every step, so that freezing holds from the next step on."""
        if not self._every:
            self._losing = model._losing_parts()
            self._parts = list(model.modules())
            # As `model.parameters()`, without walking over the modules once more.
            every = (p for part in self._parts for p in part._parameters.values() if p is not None)
            self._every = list({id(p): p for p in every}.values())
        self._needs_grad = [p.requires_grad for p in self._every]
        self._trained = [p for p in self._every if p.requires_grad]
        self._regularized = [place for place in places(self._parts, "regularizer") if place.is_trained]
        # Our optimizers know the constraints of the weights that carry them.
        knows = isinstance(self.optimizer, Optimizer)
        limited = [place for place in places(self._parts, "constraint") if place.is_trained]
        self._constrained = [place for place in limited if not (knows and place.carries_facts)]


def _shape(target: Any) -> tuple[int, ...]:
    return tuple(target.shape) if hasattr(target, "shape") else ()


def _kinds(shapes: list[Shapes | None]) -> list[Any]:
    """What the meaning of "accuracy" hangs on: which outputs have targets, their ranks and last axes."""
    return [None if pair is None else (len(pair[0]), pair[0][-1:] if len(pair[0]) > 1 else ()) for pair in shapes]
