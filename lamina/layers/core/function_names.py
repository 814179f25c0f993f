"""Public functions by exact name, and back: what a file may say of a function without any code in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from lamina import activations
from lamina.graph import ArgumentError
from lamina.graph.node import function_name

# Kernels that trust their arguments: given others they read past their tensors, or give what lies in fresh memory.
_UNSAFE = frozenset(
    f"torch.{name}" for name in (
        "native_batch_norm lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell native_norm "
        "empty_strided from_file"
    ).split()
)  # fmt: skip
_ACTIVATIONS = "lamina.activations."


@lru_cache(maxsize=1)
def _torch_functions() -> dict[str, Callable[..., Any]]:
    """Every function of PyTorch that computes on tensors, by its public name; PyTorch itself keeps the list."""
    found: dict[str, Callable[..., Any]] = {}
    for functions in torch.overrides.get_overridable_functions().values():
        for function in functions:
            name = function_name(function)
            if name.startswith("torch.") and "._" not in name and not name.endswith("_") and name not in _UNSAFE:
                found[name] = function
    return found


def name_of_function(function: Any) -> str | None:
    """``"torch.tanh"`` for `torch.tanh`, ``"lamina.activations.relu"``; None for a function that is not ours.

    >>> name_of_function(torch.tanh), name_of_function(len)
    ('torch.tanh', None)
    """
    if not callable(function):
        return None
    short = getattr(function, "__name__", "")
    if short in activations.__all__ and getattr(activations, short) is function:
        return _ACTIVATIONS + short
    name = function_name(function)
    return name if _torch_functions().get(name) is function else None


def function_of_name(name: str) -> Callable[..., Any]:
    """Reverse of `name_of_function`. Looks into two closed tables; nothing is imported or evaluated.

    Raises:
        ArgumentError: no such function.

    >>> function_of_name("torch.tanh") is torch.tanh
    True
    """
    short = name.removeprefix(_ACTIVATIONS)
    if name != short and short in activations.__all__:
        result: Callable[..., Any] = getattr(activations, short)
        return result
    function = _torch_functions().get(name)
    if function is None:
        raise ArgumentError(
            f"No function is called {name!r}.",
            got=repr(name),
            expected="torch.<name>, torch.nn.functional.<name>, torch.Tensor.<name> or lamina.activations.<name>",
            hint="pass your own function in custom_objects",
        )
    return function
