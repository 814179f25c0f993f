"""Initializers by Keras' names, and `get`, `serialize`, `deserialize` for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamina.public_names import names_of
from lamina.registry import Registry
from lamina.users_traceback import at_users_line

from .absent import AbsentInitializer
from .base import Initializer
from .constant import Constant, Identity, Ones, Zeros
from .random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from .stft import STFT
from .variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFTInitializer = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_CLASSES: tuple[type[Initializer], ...] = (
    STFT,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Identity,
    LecunNormal,
    LecunUniform,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)

_REGISTRY = Registry(
    "initializer",
    classes={cls.__name__: cls for cls in _CLASSES},
    stand_in=AbsentInitializer,
    aliases={
        "IdentityInitializer": "Identity",
        "OrthogonalInitializer": "Orthogonal",
        "STFTInitializer": "STFT",
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "one": "Ones",
        "zero": "Zeros",
    },
)


@at_users_line
def get(identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., torch.Tensor] | None:
    """The initializer meant by a name, a dict, a class, an array (its values) or a callable; None for None.

    Raises:
        ArgumentError: unknown name, or something that cannot be an initializer.

    >>> get("he_normal").get_config()["seed"] is None, get(np.eye(2))((2, 2)).sum()
    (True, tensor(2.))
    """
    if isinstance(identifier, (torch.Tensor, np.ndarray, np.generic)):
        return Constant(identifier)
    initializer: Callable[..., torch.Tensor] | None = _REGISTRY.get(identifier, custom_objects)
    return initializer


def serialize(initializer: Any) -> Any:
    """Plain data for an initializer, JSON types only.

    Raises:
        ArgumentError: it has neither `get_config()` nor a name, such as a lambda.

    >>> serialize(Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    return _REGISTRY.serialize(initializer)


@at_users_line
def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Reverse of `serialize`; your own classes and functions come from `custom_objects`.

    Raises:
        ArgumentError: a name that is neither ours nor in `custom_objects`.

    >>> deserialize({"class_name": "Constant", "config": {"value": 2.0}}).value
    2.0
    """
    return _REGISTRY.deserialize(config, custom_objects)
