"""Optimizers: how gradients change weights. Names, arguments and arithmetic are Keras'; the work is done by PyTorch's
fused kernels where the mathematics is the same, and by operations on lists of tensors elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.graph.registry import Registry

from . import schedules
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .base import Optimizer
from .nadam import Nadam
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_CLASSES = (SGD, Adadelta, Adagrad, Adam, AdamW, Adamax, Nadam, RMSprop)
_OPTIMIZERS = Registry("optimizer", classes={cls.__name__: cls for cls in _CLASSES})


def get(identifier: Any) -> Any:
    """The optimizer for a name in any spelling, a class, a config or an object; None for None.

    >>> get("adamw").get_config()["weight_decay"]
    0.004
    """
    return _OPTIMIZERS.get(identifier)


def serialize(optimizer: Any) -> Any:
    """An optimizer as JSON types: {"class_name", "config"}."""
    return _OPTIMIZERS.serialize(optimizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`. Own classes and schedules of the user come from `custom_objects`, by name."""
    arguments = config.get("config") if isinstance(config, dict) else None
    if arguments and isinstance(arguments.get("learning_rate"), dict):
        schedule = schedules.deserialize(arguments["learning_rate"], custom_objects)
        config = {**config, "config": {**arguments, "learning_rate": schedule}}
    return _OPTIMIZERS.deserialize(config, custom_objects)
