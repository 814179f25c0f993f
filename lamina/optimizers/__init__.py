"""Optimizers: how gradients change weights. Names, arguments and arithmetic are Keras'; the work is done by PyTorch's
fused kernels where the mathematics is the same, and by operations on lists of tensors elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lamina.graph.errors import ArgumentError
from lamina.public_names import names_of
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from . import legacy, schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .base import Optimizer
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .loss_scale import LossScaleOptimizer, read_inner
from .multi import MultiOptimizer, read_map
from .muon import Muon
from .nadam import Nadam
from .optimizer_map import OptimizerMap
from .rmsprop import RMSprop
from .schedule_free_adamw import ScheduleFreeAdamW
from .sgd import SGD
from .table import SINGLE, read_optimizer

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_OPTIMIZERS = Registry(
    "optimizer",
    classes={**SINGLE, "LossScaleOptimizer": LossScaleOptimizer, "MultiOptimizer": MultiOptimizer},
)


@at_users_line
def get(identifier: Any) -> Any:
    """The optimizer for a name in any spelling, a class, a config or an object; None for None.

    Raises:
        ArgumentError: an unknown name, or something that has no ``apply(grads, parameters)``.

    >>> get("adamw").get_config()["weight_decay"]
    0.004
    """
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    optimizer = _OPTIMIZERS.get(identifier)
    if optimizer is not None and not hasattr(optimizer, "apply"):
        raise ArgumentError(
            "This cannot be used as optimizer.",
            got=repr(identifier),
            expected="a name, an object or class of lamina.optimizers, a config, or None",
        )
    return optimizer


def serialize(optimizer: Any) -> Any:
    """An optimizer as JSON types: {"class_name", "config"}."""
    return _OPTIMIZERS.serialize(optimizer)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`. Own classes and schedules of the user come from `custom_objects`, by name."""
    parts = {"inner_optimizer": read_inner, "optimizer_map": read_map}
    return read_optimizer(_OPTIMIZERS, config, custom_objects, parts)
