"""What is compared of a teacher and a student: the last outputs, softened, or what layers within give."""

from __future__ import annotations

from typing import Any

import torch

from lamina import losses, tree
from lamina.custom_objects import register_keras_serializable
from lamina.graph import ArgumentError, LaminaError, ShapeError, StructureError
from lamina.saving import deserialize_keras_object, serialize_keras_object


class DistillationLoss:
    """Base: a subclass writes ``compute_loss(teacher_outputs, student_outputs)``, which gives a scalar.

    >>> class Gap(DistillationLoss):
    ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
    ...         return (teacher_outputs - student_outputs).abs().mean()
    >>> Gap().compute_loss(torch.ones(2, 3), torch.zeros(2, 3))
    tensor(1.)
    """

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The loss, a scalar, of outputs in one structure."""
        raise NotImplementedError(f"{type(self).__name__} has no compute_loss(teacher_outputs, student_outputs).")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs in different structures.

        Raises:
            StructureError: they are.
        """
        _check_alike(teacher_outputs, student_outputs, "The student's outputs are in another structure")

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models of which this cannot compare what it should; by default none."""


@register_keras_serializable("lamina")
class FeatureDistillation(DistillationLoss):
    """The mean of a loss between what a layer of the teacher gives and what one of the student gives.

    Args:
        loss: by name, an object, or a nesting of these like the outputs; None in it leaves one out.
        teacher_layer_name, student_layer_name: the layers; None for the models' outputs.

    Raises:
        ArgumentError: no loss at all.

    >>> FeatureDistillation("mse").compute_loss(torch.ones(2, 3), torch.zeros(2, 3))
    tensor(1.)
    """

    def __init__(
        self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None
    ) -> None:
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name
        self.loss = _losses(self, loss)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that lack the layers.

        Raises:
            ArgumentError: one has no such layer, or no graph to find it in.
        """
        pairs = (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name))
        for role, model, name in pairs:
            if name is None:
                continue
            if getattr(model, "graph", None) is None:
                raise ArgumentError(
                    f"FeatureDistillation finds no layers in the {role}, which is no drawn graph.",
                    got=f"{model.label} and the layer {name!r}",
                    hint="a functional or built Sequential model; or no layer names; or LogitsDistillation",
                )
            try:
                model.get_layer(name=name)
            except ValueError as error:
                if not isinstance(error, LaminaError):
                    raise
                facts = {"got": error.got, "expected": error.expected, "hint": error.hint}
                raise ArgumentError(f"In the {role} model: {error.headline}", **facts) from error

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs in another structure than each other, or than the losses.

        Raises:
            StructureError: they are.
        """
        super().validate_outputs(teacher_outputs, student_outputs)
        _check_alike(self.loss, teacher_outputs, "The losses are in another structure than the outputs")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum of the losses' means.

        Raises:
            ShapeError: teacher and student give what the loss cannot compare.
        """
        return _total(self._compared, self.loss, teacher_outputs, student_outputs)

    def _compared(self, loss: Any, taught: Any, learned: Any) -> torch.Tensor:
        try:
            return torch.mean(loss(taught, learned))
        except ShapeError as error:
            names = [f"the layer {name!r}" for name in (self.teacher_layer_name, self.student_layer_name) if name]
            raise ShapeError(
                f"FeatureDistillation cannot compare what {' and '.join(names) or 'the models'} give"
                f"{'s' if len(names) == 1 else ''}.",
                got=f"teacher {tuple(taught.shape)}, student {tuple(learned.shape)}",
                expected="the same shape",
                hint="layers of the same width, or a Dense behind the student's that makes as many features",
            ) from error

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        names = {"teacher_layer_name": self.teacher_layer_name, "student_layer_name": self.student_layer_name}
        return {"loss": _said(self.loss), **names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FeatureDistillation:
        """One from what `get_config` gave."""
        return cls(**{**config, "loss": _read(config["loss"])})


@register_keras_serializable("lamina")
class LogitsDistillation(DistillationLoss):
    """A loss between the logits of both, divided by a temperature (Hinton and others 2015).

    ``losses.KLDivergence()`` as an object is that of the softmax of both, times the square of the temperature, which
    keeps gradients as large as they are without one: this is what the paper has. A loss by name, or another object,
    compares the divided outputs as they are, as in Keras; "kl_divergence" is for models that give probabilities.

    Args:
        temperature: above 0; large ones tell more of the classes that the teacher thinks unlikely.
        loss: by name, an object, or a nesting of these like the outputs; None in it leaves one out.

    Raises:
        ArgumentError: no loss at all, or another temperature.

    >>> LogitsDistillation(2.0, losses.KLDivergence()).compute_loss(torch.ones(2, 3), torch.zeros(2, 3))
    tensor(0.)
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        is_number = isinstance(temperature, (int, float)) and not isinstance(temperature, bool)
        if not is_number or not temperature > 0:
            raise ArgumentError(
                f"temperature cannot be {temperature!r}.", expected="temperature must be positive, and a number"
            )
        self.temperature = temperature
        self.loss = _losses(self, loss)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum of the losses' means."""

        def of_one(loss: Any, teacher: torch.Tensor, student: torch.Tensor) -> torch.Tensor:
            teacher, student = teacher / self.temperature, student / self.temperature
            if isinstance(loss, losses.KLDivergence):
                divergence = torch.mean(loss(teacher.softmax(-1), student.softmax(-1)))
                return divergence * self.temperature**2
            return torch.mean(loss(teacher, student))

        return _total(of_one, self.loss, teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"temperature": self.temperature, "loss": _said(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> LogitsDistillation:
        """One from what `get_config` gave."""
        return cls(**{**config, "loss": _read(config["loss"])})


def loss_of(item: Any) -> Any:
    """A loss by name, as a function; other things as they are."""
    return losses.get(item) if isinstance(item, (str, dict)) else item


def _losses(owner: object, loss: Any) -> Any:
    found = _mapped(loss_of, loss)
    if all(one is None for one in _flat(found)):
        raise ArgumentError(f"{type(owner).__name__} needs at least one non-`None` loss.", got=repr(loss))
    return found


def _total(of_one: Any, loss: Any, teacher: Any, student: Any) -> Any:
    triples = zip(_flat(loss), _flat(teacher), _flat(student), strict=True)
    return torch.stack([of_one(one, a, b) for one, a, b in triples if one is not None]).sum()


def _flat(structure: Any) -> list[Any]:
    """The leaves, None among them."""
    if isinstance(structure, dict):
        return [leaf for key in structure for leaf in _flat(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for part in structure for leaf in _flat(part)]
    return [structure]


def _mapped(function: Any, structure: Any) -> Any:
    if isinstance(structure, dict) and "class_name" not in structure:
        return {key: _mapped(function, part) for key, part in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(_mapped(function, part) for part in structure)
    return function(structure)


def _check_alike(one: Any, other: Any, headline: str) -> None:
    try:
        tree.assert_same_structure(one, other)
    except (ValueError, TypeError) as error:
        raise StructureError(f"{headline}.", got=f"{error}"[:300]) from error


def _said(loss: Any) -> Any:
    return _mapped(lambda one: None if one is None else serialize_keras_object(one), loss)


def _read(loss: Any) -> Any:
    return _mapped(lambda one: deserialize_keras_object(one) if isinstance(one, dict) else one, loss)
