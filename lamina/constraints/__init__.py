"""Constraints by Keras' names, and `get`, `serialize`, `deserialize` for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamina.public_names import names_of
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .absent import AbsentConstraint
from .base import Constraint
from .norms import MaxNorm, MinMaxNorm, NonNeg, UnitNorm

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "serialize",
    "unit_norm",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm

_REGISTRY = Registry(
    "constraint",
    classes={cls.__name__: cls for cls in (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)},
    stand_in=AbsentConstraint,
)


@at_users_line
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[[Tensor], Tensor] | None:
    """The constraint meant by a name, a dict, a class or a callable; None for None.

    Raises:
        ArgumentError: unknown name, or something that cannot be a constraint.

    >>> get("max_norm").get_config()
    {'max_value': 2, 'axis': 0}
    """
    constraint: Callable[[Tensor], Tensor] | None = _REGISTRY.get(identifier, custom_objects)
    return constraint


def serialize(constraint: Any) -> Any:
    """Plain data for a constraint, JSON types only.

    Raises:
        ArgumentError: it has neither `get_config()` nor a name, such as a lambda.

    >>> serialize(UnitNorm())
    {'class_name': 'UnitNorm', 'config': {'axis': 0}}
    """
    return _REGISTRY.serialize(constraint)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`; your own classes and functions come from `custom_objects`.

    Raises:
        ArgumentError: a name that is neither ours nor in `custom_objects`.

    >>> deserialize({"class_name": "UnitNorm", "config": {"axis": 1}}).axis
    1
    """
    return _REGISTRY.deserialize(config, custom_objects)
