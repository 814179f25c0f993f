"""Learning-rate schedules by Keras' names: functions of the step, computed in Python's float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lamina.public_names import names_of
from lamina.registry import Registry

from .base import LearningRateSchedule
from .cosine import CosineDecay, CosineDecayRestarts
from .decay import ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "get",
    "serialize",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_CLASSES = (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
_SCHEDULES = Registry("learning-rate schedule", classes={cls.__name__: cls for cls in _CLASSES})


def get(identifier: Any) -> Any:
    """The schedule for a config; schedules, functions and None come back as they are."""
    return _SCHEDULES.get(identifier)


def serialize(learning_rate_schedule: Any) -> Any:
    """A schedule as JSON types: {"class_name", "config"}."""
    return _SCHEDULES.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`. Own classes and functions of the user come from `custom_objects`, by name."""
    return _SCHEDULES.deserialize(config, custom_objects)
