"""Functions that a file may call, by exact public name and back: PyTorch's and Python's, and our own that are one node.

The names stand in closed tables. Nothing is imported, and no attribute is looked up by what a file says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import FunctionType, MappingProxyType
from typing import Any

from lamina import activations, ops
from lamina.graph import ArgumentError
from lamina.graph.factories import device_of
from lamina.operations import callable_by_name, function_name
from lamina.ops.creation import arange_beside
from lamina.ops.derivatives import differentiated
from lamina.ops.vectorizing import mapped
from lamina.random import samplers


@lru_cache(maxsize=1)
def functions() -> Mapping[str, Callable[..., Any]]:
    """Exact name -> function."""
    return MappingProxyType({**callable_by_name(), **dict(_of_ours())})


def _of_ours() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of ours that are one node of a graph; the others record functions of PyTorch's."""
    yield function_name(device_of), device_of
    yield from ((f"lamina.activations.{name}", getattr(activations, name)) for name in activations.__all__)
    yield "lamina.ops.arange_beside", arange_beside
    yield "lamina.ops.mapped", mapped
    yield "lamina.ops.differentiated", differentiated
    yield from ((f"lamina.random.{name}", getattr(samplers, name)) for name in samplers.__all__)
    for prefix, namespace in (("lamina.ops.image.", ops.image), ("lamina.ops.", ops)):
        for name in namespace.__all__:
            value = getattr(namespace, name)
            if isinstance(value, FunctionType) and (hasattr(value, "__wrapped__") or hasattr(value, "output_example")):
                yield prefix + name, value


@lru_cache(maxsize=1)
def _names() -> Mapping[int, str]:
    """Of several names for one function its own is written, else the first."""
    found: dict[int, str] = {}
    for name, function in functions().items():
        own = function_name(function)
        found.setdefault(id(function), own if functions().get(own) is function else name)
    return MappingProxyType(found)


def name_of_function(function: Any) -> str | None:
    """The exact name by which a file may call this function; None for one that it may not.

    >>> import operator
    >>> name_of_function(operator.add), name_of_function(torch.linalg.norm), name_of_function(print)
    ('operator.add', 'torch.linalg.norm', None)
    """
    return _names().get(id(function))


def function_of_name(name: str) -> Callable[..., Any]:
    """Reverse of `name_of_function`.

    Raises:
        ArgumentError: no function has exactly this name.

    >>> function_of_name("torch.tanh") is torch.tanh
    True
    """
    function = functions().get(name)
    if function is None:
        raise ArgumentError(
            f"No function is called {name!r}.",
            got=repr(name),
            expected="torch.<name>, torch.nn.functional.<name>, torch.Tensor.<name> or lamina.activations.<name>",
            hint="pass your own function in custom_objects",
        )
    return function
