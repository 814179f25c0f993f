"""The form of a case: a layer, its arguments, what it is called with. `parity.check` runs it beside Keras."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

L2 = {"class_name": "L2", "config": {"l2": 0.01}}
NON_NEG = {"class_name": "NonNeg", "config": {}}
FIRST = {"data_format": "channels_first"}
INFERENCE = {"test_training": (False,)}
# Keras adds float32 adapters to a float64 kernel in float32.
F32 = {"test_dtypes": ("float32",)}


class Sub:
    """An argument that is itself a layer: `layer=Sub("LSTM", units=4)` is made in each library's own namespace."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        self.name, self.kwargs = name, kwargs

    def __repr__(self) -> str:
        return f"{self.name}({_listed(self.kwargs)})"


@dataclass(frozen=True)
class Case:
    """One row of the tables.

    Attributes:
        layer: public name, the same in both libraries.
        shapes: of the inputs, all sizes known: a tuple for one tensor, a list of tuples for a list of tensors.
        call: further arguments of the call; arrays become tensors.
        arguments: of the layer; a value, or one in a list, may be a `Sub`.
        options: how `parity.check` compares.
    """

    layer: str
    shapes: Any
    call: Mapping[str, Any]
    arguments: Mapping[str, Any]
    options: Mapping[str, Any]

    def __str__(self) -> str:
        called = _listed({key: "..." if _has_arrays(value) else value for key, value in self.call.items()})
        return short(f"{self.layer}({_listed(self.arguments)}){self.shapes}{called}")


def short(text: str) -> str:
    """A name for a test: without addresses, which differ between processes."""
    return re.sub(r" at 0x[0-9a-f]+", "", text).replace(" ", "")[:100]


def case(layer: str, shapes: Any, call: Mapping[str, Any] | None = None, /, **arguments: Any) -> Case:
    """One row: `case("LSTM", (2, 5, 3), {"mask": MASK}, units=4, test_rtol=1e-3)`; `test_` is for `parity.check`."""
    options = {key.removeprefix("test_"): arguments.pop(key) for key in list(arguments) if key.startswith("test_")}
    return Case(layer, shapes, call or {}, arguments, options)


def weight_options(*weights: str) -> dict[str, Any]:
    """Arguments that give each weight another initializer, a regularizer and a constraint."""
    kinds = {"initializer": "ones", "regularizer": "l2", "constraint": "non_neg"}
    given = {f"{weight}_{kind}": value for weight in weights for kind, value in kinds.items()}
    return given | {"gamma_initializer": "zeros"} if "gamma" in weights else given


def numbers(*shape: int) -> np.ndarray:
    """An array for an argument of the call."""
    return np.random.default_rng(5).normal(size=shape)


def subs(value: Any) -> Iterator[Sub]:
    """The layers within an argument, outermost first."""
    if isinstance(value, Sub):
        yield value
        value = value.kwargs
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        yield from subs(item)


def made(value: Any, namespace: Any, dtype: str | None = None) -> Any:
    """The layers among arguments, made from `namespace`, in `dtype` unless they say themselves."""
    if isinstance(value, Sub):
        own = {"dtype": dtype, **value.kwargs} if dtype else value.kwargs
        return getattr(namespace, value.name)(**made(own, namespace, dtype))
    if isinstance(value, dict):
        return {key: made(item, namespace, dtype) for key, item in value.items()}
    return [made(item, namespace, dtype) for item in value] if isinstance(value, list) else value


def _listed(arguments: Mapping[str, Any]) -> str:
    return ",".join(f"{key}={value}" for key, value in arguments.items())


def _has_arrays(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (isinstance(value, list) and any(map(_has_arrays, value)))
