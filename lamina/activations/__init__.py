"""Activation functions by Keras' names, and `get`, `serialize`, `deserialize` for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lamina.public_names import names_of
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from . import functions
from .functions import (
    celu,
    elu,
    exponential,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    keras2_hard_sigmoid,
    leaky_relu,
    linear,
    log_sigmoid,
    log_softmax,
    mish,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)

__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

hard_swish = hard_silu
swish = silu

_REGISTRY = Registry(
    "activation",
    classes={},
    # Beside Keras 3's names, what files of Keras 2 mean by one of them.
    functions={name: function for name, function in vars(functions).items() if name in __all__}
    | {"keras2_hard_sigmoid": keras2_hard_sigmoid},
    aliases={"swish": "silu", "hard_swish": "hard_silu"},
)


@at_users_line
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """The activation function meant by a name, a dict or a callable; `linear` for None.

    Raises:
        ArgumentError: unknown name, or something that cannot be an activation.

    >>> get("relu") is relu, get(None) is linear
    (True, True)
    """
    function: Callable[..., Any] = linear if identifier is None else _REGISTRY.get(identifier, custom_objects)
    return function


def serialize(activation: Callable[..., Any]) -> Any:
    """The name of one of our functions, or a dict for one of yours.

    Raises:
        ArgumentError: it has no name, such as a lambda.

    >>> serialize(swish)
    'silu'
    """
    return _REGISTRY.serialize(activation)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Reverse of `serialize`; your own functions come from `custom_objects`.

    Raises:
        ArgumentError: a name that is neither ours nor in `custom_objects`.

    >>> deserialize("gelu") is gelu
    True
    """
    function: Callable[..., Any] = _REGISTRY.deserialize(config, custom_objects)
    return function
