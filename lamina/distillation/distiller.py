"""Distiller: a student is trained by what a teacher gives, and by the targets."""

from __future__ import annotations

from typing import Any

import torch

from lamina import tree
from lamina.custom_objects import register_keras_serializable
from lamina.graph import ArgumentError, ShapeError
from lamina.metrics import Mean
from lamina.models import Model
from lamina.saving import deserialize_keras_object, serialize_keras_object

from .losses import DistillationLoss, loss_of

_WHOLE = "final_output"


@register_keras_serializable("lamina")
class Distiller(Model):
    """A student that learns from a teacher; called, it is the student.

    ``loss = w * student_loss + (1 - w) * sum of weight * distillation loss`` with w the `student_loss_weight`. The
    teacher is frozen and runs in inference mode, without gradients. In the logs stand `student_loss`,
    `distillation_loss` and `total_loss`.

    Args:
        teacher: a trained model.
        student: a model with inputs and outputs of the same shapes and dtypes.
        distillation_losses: `LogitsDistillation`, `FeatureDistillation`, one of your own, or a list of these.
        distillation_loss_weights: a number for each of a list; 1 by default.
        student_loss_weight: from 0 to 1.
        name: of the model.

    Raises:
        ArgumentError: a number or a loss that cannot be, or models that a loss cannot compare.
        ShapeError: inputs or outputs of other shapes or dtypes.

    >>> from lamina.distillation import LogitsDistillation
    >>> teacher = lamina.Sequential([lamina.layers.Dense(3, input_shape=(4,))])
    >>> student = lamina.Sequential([lamina.layers.Dense(3, input_shape=(4,))])
    >>> softened = LogitsDistillation(2.0, lamina.losses.KLDivergence())
    >>> distiller = Distiller(teacher, student, softened, student_loss_weight=0.3)
    >>> distiller.compile("adam", lamina.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> history = distiller.fit(np.ones((8, 4), "float32"), np.zeros(8, "int64"), verbose=0).history
    >>> sorted(history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(
        self,
        teacher: Model,
        student: Model,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        for role, model in (("teacher", teacher), ("student", student)):
            if not isinstance(model, torch.nn.Module) or not hasattr(model, "get_layer"):
                got = f"{type(model).__name__}"
                raise ArgumentError(f"The {role} must be a model.", got=got, hint="models.from_module for an nn.Module")
        _check_alike(teacher, student)
        weight = student_loss_weight
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
            raise ArgumentError(f"student_loss_weight cannot be {weight!r}.", expected="a number from 0 to 1")
        if distillation_losses is None or distillation_losses == []:
            hint = "LogitsDistillation() or FeatureDistillation()"
            raise ArgumentError("Distiller needs something to compare.", got="distillation_losses=None", hint=hint)
        several = isinstance(distillation_losses, (list, tuple))
        self.distillation_losses = list(distillation_losses) if several else [distillation_losses]
        count = len(self.distillation_losses)
        weights = distillation_loss_weights if several else None
        self.distillation_loss_weights = [1.0] * count if weights is None else list(weights)
        if len(self.distillation_loss_weights) != count:
            got = f"{len(self.distillation_loss_weights)} weights, {count} losses"
            raise ArgumentError("distillation_loss_weights must have a number for each loss.", got=got)
        for loss in self.distillation_losses:
            if not isinstance(loss, DistillationLoss):
                raise ArgumentError(
                    "This is no loss between two models.",
                    got=f"{loss!r}"[:100],
                    expected="a DistillationLoss",
                    hint="FeatureDistillation(loss=...)",
                )
            loss.validate_model_compatibility(teacher, student)
        self.student_loss_weight = weight
        self.teacher, self.student = teacher, student
        self.teacher.trainable = False
        self._of_teacher = _Features(teacher, [_names(loss)[0] for loss in self.distillation_losses])
        self._of_student = _Features(student, [_names(loss)[1] for loss in self.distillation_losses])
        self._student_loss: Any = None
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(  # type: ignore[override]  # Keras' own order
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Say how the student is trained.

        Args:
            optimizer, metrics, kwargs: as of any model.
            loss: between the targets and the student's outputs, in their structure.

        Raises:
            ArgumentError: no loss.
        """
        if loss is None:
            raise ArgumentError("'loss' cannot be `None`: it is that of the student.", hint='loss="mse"')
        self._student_loss = tree.map_structure(loss_of, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> dict[str, Any]:
        """How the student is trained, as JSON types; empty where `compile` was not called.

        Raises:
            SavingError: an optimizer, loss or metric that has neither a name nor ``get_config``.
        """
        config = super().get_compile_config()
        return config and {**config, "loss": serialize_keras_object(self._student_loss)}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as `get_compile_config` says."""
        self.compile(**deserialize_keras_object(config))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """What the student gives."""
        return self.student(inputs, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The weighted sum of the student's loss and those between the two models; `sample_weight` weighs the first."""
        if y_pred is None:
            y_pred = self(x, training=training)
        zero = next(leaf for leaf in tree.flatten(y_pred) if leaf is not None).new_zeros(())
        own, between = zero, zero
        if self.student_loss_weight > 0 and y is not None:
            own = self._loss_of_student(y, y_pred, sample_weight)
        if self.student_loss_weight < 1:
            between = self._loss_between(x, y_pred, training)
        total = self.student_loss_weight * own + (1 - self.student_loss_weight) * between
        self.student_loss_tracker.update_state(own.detach())
        self.distillation_loss_tracker.update_state(between.detach())
        self.total_loss_tracker.update_state(total.detach())
        return total

    def _loss_of_student(self, y: Any, y_pred: Any, sample_weight: Any) -> torch.Tensor:
        def of_one(loss: Any, target: Any, predicted: Any) -> torch.Tensor:
            if sample_weight is None:
                return torch.mean(loss(target, predicted))
            if hasattr(loss, "get_config"):
                return torch.mean(loss(target, predicted, sample_weight=sample_weight))
            return torch.mean(loss(target, predicted) * sample_weight)

        parts = tree.flatten(tree.map_structure(of_one, self._student_loss, y, y_pred))
        return torch.stack(parts).sum()

    def _loss_between(self, x: Any, y_pred: Any, training: bool) -> torch.Tensor:
        with torch.no_grad():
            of_teacher = self._of_teacher(x, False)
        of_student = self._of_student(x, training, y_pred)
        parts = []
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            teacher_name, student_name = _names(loss)
            given = of_teacher[teacher_name or _WHOLE], of_student[student_name or _WHOLE]
            loss.validate_outputs(*given)
            value = loss.compute_loss(*given)
            if getattr(value, "shape", ()) != ():
                raise ShapeError(
                    f"{type(loss).__name__}.compute_loss must give a scalar.", got=f"shape {tuple(value.shape)}"
                )
            parts.append(weight * value)
        return torch.stack([torch.as_tensor(part) for part in parts]).sum()

    def get_config(self) -> dict[str, Any]:
        """The arguments, models and losses as JSON types."""
        return {
            "name": self.name,
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(loss) for loss in self.distillation_losses],
            "distillation_loss_weights": self.distillation_loss_weights,
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Distiller:
        """One from what `get_config` gave."""
        parts = {name: _read(config[name], custom_objects) for name in ("teacher", "student")}
        told = [_read(loss, custom_objects) for loss in config["distillation_losses"]]
        return cls(**{**config, **parts, "distillation_losses": told})


class _Features:
    """What layers of a model give, by their names, and the model's outputs.

    It is no module: the layers are the model's, and are saved with that.
    """

    def __init__(self, model: Model, names: list[str | None]) -> None:
        wanted = list(dict.fromkeys(name for name in names if name))
        self._model, self._names = model, wanted
        self._extractor = None
        graph = model.graph
        if wanted and graph is not None:
            outputs = {name: model.get_layer(name=name).output for name in wanted}
            self._extractor = Model(graph.input_structure, {_WHOLE: graph.output_structure, **outputs})

    def __call__(self, x: Any, training: bool, known: Any = None) -> dict[str, Any]:
        if self._extractor is not None:
            found: dict[str, Any] = self._extractor(x, training=training)
            return found if known is None else {**found, _WHOLE: known}
        return {_WHOLE: self._model(x, training=training) if known is None else known}


def _names(loss: Any) -> tuple[str | None, str | None]:
    """The layers that a loss compares. As in Keras, both are outputs where none of the teacher is named."""
    teacher = getattr(loss, "teacher_layer_name", None)
    return (teacher, getattr(loss, "student_layer_name", None)) if teacher is not None else (None, None)


def _read(told: Any, custom_objects: Any) -> Any:
    return deserialize_keras_object(told, custom_objects=custom_objects) if isinstance(told, dict) else told


def _check_alike(teacher: Model, student: Model) -> None:
    """Refuse models whose inputs or outputs differ, where both are drawn."""
    if getattr(teacher, "graph", None) is None or getattr(student, "graph", None) is None:
        return
    for what in ("inputs", "outputs"):
        ours, theirs = getattr(teacher, what), getattr(student, what)
        shapes = [[(tuple(tensor.shape), tensor.dtype) for tensor in tensors] for tensors in (ours, theirs)]
        pairs = zip(*shapes, strict=True) if len(ours) == len(theirs) else None
        if pairs is None or not all(_fit(a, b) for a, b in pairs):
            raise ShapeError(
                f"Teacher and student have {what} of different shapes or dtypes.",
                got=f"teacher {shapes[0]}, student {shapes[1]}",
                expected="the same, in the same order",
            )


def _fit(one: Any, other: Any) -> bool:
    same_rank = len(one[0]) == len(other[0]) and one[1] == other[1]
    return same_rank and all(a is None or b is None or a == b for a, b in zip(one[0], other[0], strict=True))
