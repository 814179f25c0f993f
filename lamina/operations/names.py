"""Public names of functions, and the functions of PyTorch's and Python's that a file may call by such a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType, MappingProxyType, MethodDescriptorType
from typing import Any

import torch

from .registry import OPERATIONS

# Kernels that trust their arguments: given others they read past their tensors, or give what lies in fresh memory.
_UNSAFE = frozenset(
    f"torch.{name}" for name in (
        "native_batch_norm lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell native_norm "
        "empty_strided from_file"
    ).split()
)  # fmt: skip
_PUBLIC = {
    "torch.nn.functional": torch.nn.functional,
    "torch": torch,
    **{f"torch.{name}": getattr(torch, name) for name in ("linalg", "fft", "special")},
}


def function_name(fn: Any) -> str:
    """The public name of a function: ``torch.tanh``, ``torch.Tensor.view``, ``operator.add``."""
    if isinstance(fn, MethodDescriptorType):  # torch.Tensor.relu and its like live on the C base class
        return f"torch.Tensor.{fn.__name__}"
    short: str = getattr(fn, "__name__", None) or type(fn).__name__
    module = getattr(fn, "__module__", None) or ""
    name = getattr(fn, "__qualname__", short)
    for public, namespace in _PUBLIC.items():
        last = short.removeprefix(public.rpartition(".")[2] + "_")  # torch.linalg.det calls itself linalg_det
        if getattr(namespace, last, None) is fn:
            return f"{public}.{last}"
    if _is_method(fn):
        return f"torch.Tensor.{short}"
    if module == "_operator":
        module = "operator"
    return f"{module}.{name}" if module else str(name)


def _is_method(fn: Any) -> bool:
    """Whether it is a method of tensors that PyTorch writes in Python, such as `split` and `unflatten`."""
    return isinstance(fn, FunctionType) and getattr(torch.Tensor, fn.__name__, None) is fn


def callable_by_name() -> Mapping[str, Callable[..., Any]]:
    """Exact name -> function: those of the registry, and all that PyTorch lists as computing on tensors."""
    found: dict[str, Callable[..., Any]] = {}
    for functions in torch.overrides.get_overridable_functions().values():
        for function in functions:
            if _is_method(function):
                continue  # `backward`, `register_hook`, `storage`; those that compute stand in the registry
            name = function_name(function)
            if name.startswith("torch.") and "._" not in name and not name.endswith("_") and name not in _UNSAFE:
                found[name] = function
    for facts in OPERATIONS:
        found |= facts.functions
    return MappingProxyType(found)
