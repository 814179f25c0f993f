"""Which dtype layers compute in and keep their weights in, by Keras' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamina.graph.dtypes import name_of, to_torch
from lamina.graph.errors import ArgumentError
from lamina.public_names import names_of
from lamina.registry import Registry

from .policy import DTypePolicy, FloatDTypePolicy, default_policy
from .policy_map import DTypePolicyMap

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "default_policy",
    "deserialize",
    "get",
    "serialize",
]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_CLASSES = {"DTypePolicy": DTypePolicy, "FloatDTypePolicy": DTypePolicy, "DTypePolicyMap": DTypePolicyMap}
_REGISTRY = Registry("dtype policy", classes=_CLASSES)


def get(identifier: Any) -> DTypePolicy:
    """The policy meant by a name, a dtype, a config, a policy, or None for the default one.

    Raises:
        ArgumentError: it names no policy; `DtypeError`: it is no dtype.

    >>> get("mixed_float16"), get(torch.float64), get(None)
    (<DTypePolicy "mixed_float16">, <DTypePolicy "float64">, <DTypePolicy "float32">)
    """
    if identifier is None:
        return default_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(dict(identifier))
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    if isinstance(identifier, (torch.dtype, np.dtype, type)):
        return DTypePolicy(name_of(to_torch(identifier)))
    raise ArgumentError(
        "This cannot be used as a dtype policy.",
        got=f"{identifier!r} of type {type(identifier).__name__}",
        expected="a dtype, a name, a config or a DTypePolicy",
        hint='dtype="mixed_bfloat16"',
    )


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Plain data for a policy.

    >>> serialize(DTypePolicy("bfloat16"))
    {'class_name': 'DTypePolicy', 'config': {'name': 'bfloat16'}}
    """
    result: dict[str, Any] = _REGISTRY.serialize(dtype_policy)
    return result


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """Reverse of `serialize`; reads what Keras writes as well.

    Raises:
        ArgumentError: an unknown class, or one of a quantized policy, which are not offered.

    >>> deserialize({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float16"}})
    <DTypePolicy "float16">
    """
    policy: DTypePolicy = _REGISTRY.deserialize(config, custom_objects)
    return policy
