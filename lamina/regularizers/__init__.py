"""Regularizers by Keras' names, and `get`, `serialize`, `deserialize` for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from lamina.public_names import names_of
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .absent import AbsentRegularizer
from .base import Regularizer
from .norms import L1, L1L2, L2
from .orthogonal import OrthogonalRegularizer

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "deserialize",
    "get",
    "l1",
    "l1_l2",
    "l2",
    "orthogonal_regularizer",
    "serialize",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer

_REGISTRY = Registry(
    "regularizer",
    classes={cls.__name__: cls for cls in (L1, L1L2, L2, OrthogonalRegularizer)},
    stand_in=AbsentRegularizer,
)


@at_users_line
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[[Tensor], Tensor] | None:
    """The regularizer meant by a name, a dict, a class or a callable; None for None.

    Raises:
        ArgumentError: unknown name, or something that cannot be a regularizer.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    regularizer: Callable[[Tensor], Tensor] | None = _REGISTRY.get(identifier, custom_objects)
    return regularizer


def serialize(regularizer: Any) -> Any:
    """Plain data for a regularizer, JSON types only.

    Raises:
        ArgumentError: it has neither `get_config()` nor a name, such as a lambda.

    >>> serialize(L1(0.5))
    {'class_name': 'L1', 'config': {'l1': 0.5}}
    """
    return _REGISTRY.serialize(regularizer)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`; your own classes and functions come from `custom_objects`.

    Raises:
        ArgumentError: a name that is neither ours nor in `custom_objects`.

    >>> deserialize({"class_name": "L1", "config": {"l1": 0.5}}).l1
    0.5
    """
    return _REGISTRY.deserialize(config, custom_objects)
