"""The optimizers that hold no other optimizer, by name, and how any optimizer in a config becomes one again.

Those that hold others read theirs with the functions here, and so cannot stand in this table themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lamina.registry import Registry

from . import schedules
from .adadelta import Adadelta
from .adafactor import Adafactor
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .ftrl import Ftrl
from .lamb import Lamb
from .lion import Lion
from .muon import Muon
from .nadam import Nadam
from .rmsprop import RMSprop
from .schedule_free_adamw import ScheduleFreeAdamW
from .sgd import SGD

SINGLE = {
    cls.__name__: cls
    for cls in (
        SGD,
        Adadelta,
        Adafactor,
        Adagrad,
        Adam,
        AdamW,
        Adamax,
        Ftrl,
        Lamb,
        Lion,
        Muon,
        Nadam,
        RMSprop,
        ScheduleFreeAdamW,
    )
}


Reading = Callable[[Any, Mapping[str, Any] | None], Any]


def read_optimizer(
    registry: Registry,
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    parts: Mapping[str, Reading] = MappingProxyType({}),
) -> Any:
    """The optimizer that `registry` has for a name or for data from `serialize`.

    What its constructor takes as an object is made first, since that may be the user's own: the schedule, and `parts`,
    argument -> function of (data, custom_objects).
    """
    arguments = config.get("config") if isinstance(config, dict) else None
    if isinstance(arguments, dict):
        readings = {"learning_rate": schedules.deserialize, **parts}
        made = {
            name: read(arguments[name], custom_objects)
            for name, read in readings.items()
            if isinstance(arguments.get(name), dict)
        }
        config = {**config, "config": {**arguments, **made}}
    return registry.deserialize(config, custom_objects)
