"""Pointwise functions on tensors without storage: PyTorch's own way takes 40 to 800 us, the rule of broadcasting 15."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from lamina._torch import transforms
from lamina.operations import OPERATIONS
from lamina.sizes import tree
from lamina.sizes.pointwise import pointwise_result


def pointwise_on_shapes(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """What a function makes of tensors without storage, if it is pointwise and makes a tensor of its own.

    Args:
        args, kwargs: have no real tensors.

    Returns:
        None where PyTorch itself is to be asked: strides or refusals hang on more than shapes.
    """
    facts = OPERATIONS.of(func)
    if not facts.pointwise or facts.casts or facts.changes or kwargs.get("inplace") or kwargs.get("out") is not None:
        return None
    tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if not all(type(t) is torch.Tensor and t.is_contiguous() and not t.is_complex() for t in tensors):
        return None  # parts of complex numbers are views
    if torch.compiler.is_compiling() or transforms.at_work():
        return None
    with suppress(RuntimeError, TypeError, ValueError):
        shape, dtype = pointwise_result(func, args, kwargs, _shape_and_dtype)
        return torch.empty(shape, dtype=dtype, device="meta")
    return None


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, torch.Tensor) else None
