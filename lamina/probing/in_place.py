"""Arithmetic that writes into its first tensor, ``x += y``, on tensors without storage.

PyTorch's own way imports its compiler when the shapes are not equal: 1.2 s, for the first model with such a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.sizes.pointwise import pointwise_result

_Function = Callable[..., Any]


def _pairs() -> Mapping[_Function, _Function]:
    of = torch.Tensor
    pairs: dict[_Function, _Function] = {}
    for name in ("add", "sub", "mul", "div"):
        pairs[getattr(of, f"{name}_")] = getattr(of, name)
        pairs[getattr(of, f"__i{'truediv' if name == 'div' else name}__")] = getattr(of, name)
    return MappingProxyType(pairs)


_PURE = _pairs()


def is_in_place(func: _Function) -> bool:
    """Whether it is one of these functions."""
    return func in _PURE


def written(func: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The tensor that one of these functions has written into; None where PyTorch itself is to be asked.

    Raises:
        RuntimeError: the shapes do not broadcast.
    """
    if not args or kwargs or type(args[0]) is not torch.Tensor:
        return None
    into = args[0]
    others = [arg for arg in args if isinstance(arg, torch.Tensor)]
    if any(type(other) is not torch.Tensor or other.requires_grad for other in others) or not into.is_contiguous():
        return None  # subclasses have ways of their own; a stride of 0 is refused
    shape, dtype = pointwise_result(_PURE[func], args, {}, _shape_and_dtype)
    fits = shape == tuple(into.shape) and torch.can_cast(dtype, into.dtype)
    return into if fits else None  # else PyTorch says why not


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, torch.Tensor) else None
