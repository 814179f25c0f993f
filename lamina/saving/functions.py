"""Functions that a file may name, by exact public name: PyTorch's that compute on tensors, and Python's operators.

The names stand in closed tables. Nothing is imported, and no attribute is looked up by what a file says.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import FunctionType, MappingProxyType
from typing import Any

import torch

from lamina import ops
from lamina.graph import ArgumentError
from lamina.graph.factories import FACTORIES, device_of
from lamina.graph.node import function_name
from lamina.layers.core.function_names import function_of_name as function_of_common_name
from lamina.layers.core.function_names import name_of_function as common_name_of_function
from lamina.ops.creation import arange_beside
from lamina.ops.derivatives import differentiated
from lamina.ops.vectorizing import mapped
from lamina.random import samplers

from .errors import LoadingError

_OPERATORS = (
    "add sub mul truediv floordiv mod pow neg matmul invert and_ or_ xor lshift rshift abs lt le gt ge eq ne getitem"
).split()
_OF_NUMBERS = (math.ceil, math.floor, math.trunc, round, torch.sym_min, torch.sym_max, torch.sym_int, torch.sym_float)
_METHODS = (
    "__and__ __or__ __xor__ __lshift__ __rshift__ __floordiv__ __rfloordiv__ __pow__ __rpow__ __rsub__ __rtruediv__ "
    "__rmod__ __rmatmul__ __radd__ __rmul__ __rand__ __ror__ __rxor__ new_zeros new_ones new_full new_empty new_tensor "
    "norm split stft istft lu unflatten unique unique_consecutive type is_floating_point"
).split()
_FUNCTIONAL = "hardsigmoid hardswish logsigmoid sigmoid tanh upsample".split()
_PREFIXES = {torch.linalg: "torch.linalg.", torch.fft: "torch.fft.", torch.special: "torch.special."}


@lru_cache(maxsize=1)
def _further_functions() -> MappingProxyType[str, Callable[..., Any]]:
    """Name -> function of those that the table in `lamina.layers.core.function_names` does not have."""
    return MappingProxyType(dict((*_of_torch(), *_of_ours())))


def _of_torch() -> Iterator[tuple[str, Any]]:
    yield from ((f"operator.{name}", getattr(operator, name)) for name in _OPERATORS)
    yield from ((f"torch.Tensor.{name}", getattr(torch.Tensor, name)) for name in _METHODS)
    yield from ((f"torch.nn.functional.{name}", getattr(torch.nn.functional, name)) for name in _FUNCTIONAL)
    # Not among the functions that PyTorch lists, since no tensor is among their arguments.
    yield from ((function_name(function), function) for function in (*FACTORIES, *_OF_NUMBERS, device_of))
    yield from (("torch.as_tensor", torch.as_tensor), ("torch.tensor", torch.tensor))
    overridable = torch.overrides.get_overridable_functions()
    for namespace, prefix in _PREFIXES.items():
        allowed = {id(function) for function in overridable[namespace]}
        yield from ((prefix + name, value) for name, value in vars(namespace).items() if id(value) in allowed)


def _of_ours() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of `lamina.ops` that are one node of a graph; the others record functions of PyTorch's."""
    yield "lamina.ops.arange_beside", arange_beside
    yield "lamina.ops.mapped", mapped
    yield "lamina.ops.differentiated", differentiated
    yield from ((f"lamina.random.{name}", getattr(samplers, name)) for name in samplers.__all__)
    for namespace, prefix in ((ops.image, "lamina.ops.image."), (ops, "lamina.ops.")):
        public = ((name, getattr(namespace, name)) for name in namespace.__all__)
        yield from (
            (prefix + name, value)
            for name, value in public
            if isinstance(value, FunctionType) and (hasattr(value, "__wrapped__") or hasattr(value, "output_example"))
        )


@lru_cache(maxsize=1)
def _further_names_by_id() -> MappingProxyType[int, str]:
    # Of two names for one function the first is written.
    return MappingProxyType({id(function): name for name, function in reversed(list(_further_functions().items()))})


def name_of_function(function: Any) -> str | None:
    """The exact name by which a file may call this function; None for one that it may not.

    >>> import operator
    >>> name_of_function(operator.add), name_of_function(torch.linalg.norm), name_of_function(print)
    ('operator.add', 'torch.linalg.norm', None)
    """
    return _further_names_by_id().get(id(function)) or common_name_of_function(function)


def function_of_name(name: str) -> Callable[..., Any]:
    """Reverse of `name_of_function`.

    Raises:
        LoadingError: no function has exactly this name.
    """
    found = _further_functions().get(name)
    if found is not None:
        return found
    try:
        return function_of_common_name(name)
    except ArgumentError:
        raise LoadingError(
            f"No function is called {name!r}.",
            expected='the exact public name of a function of PyTorch or operator, such as "torch.tanh"',
            hint="a newer Lamina or PyTorch, if the file was written with one",
        ) from None
