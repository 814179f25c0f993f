"""What some functions make of tensors without storage, found at once: PyTorch's own way is Python, 40 to 800 us a call.

Pointwise functions take 15 us by the rule of broadcasting; what most layers of users consist of otherwise has a rule
too (`rules.py`), since PyTorch's own way also imports its compiler when it is first gone.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
import torch.nn.functional as F

from lamina._torch import transforms
from lamina.operations import OPERATIONS
from lamina.sizes import tree
from lamina.sizes.pointwise import pointwise_result

from .rules import Found, laid_out_like, rule_for


def on_shapes_at_once(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """What a function makes of tensors without storage, if there is a rule and it makes a tensor of its own.

    Args:
        args, kwargs: have no real tensors.

    Returns:
        None where PyTorch itself is to be asked: strides or refusals hang on more than shapes.
    """
    rule = _RULES.get(func, _pointwise if OPERATIONS.of(func).pointwise else None)
    other = rule_for(func) if rule is None else None
    if rule is None and other is None:
        return None
    tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if any(type(tensor) is not torch.Tensor for tensor in tensors):
        return None
    if torch.compiler.is_compiling() or transforms.at_work():
        return None
    with suppress(RuntimeError, TypeError, ValueError):
        found: Any = rule(func, args, kwargs, tensors) if rule is not None else other(args, kwargs)  # type: ignore[misc]
        return torch.empty(found[0], dtype=found[1], device="meta") if type(found) is tuple else found
    return None


def _pointwise(func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Found:
    facts = OPERATIONS.of(func)
    if facts.casts or facts.changes or kwargs.get("inplace") or kwargs.get("out") is not None:
        return None
    if any(tensor.is_complex() for tensor in tensors):
        return None  # parts of complex numbers are views
    found = pointwise_result(func, args, kwargs, _shape_and_dtype)
    if found is None or all(tensor.is_contiguous() for tensor in tensors):
        return found
    return laid_out_like(tensors, *found)


def _product(func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Found:
    """Of `torch.addmm` with one row added."""
    row, a, b = tensors
    fits = len(args) == 3 and not kwargs and a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0]
    if not fits or row.shape != b.shape[1:] or not row.dtype == a.dtype == b.dtype:
        return None
    return (a.shape[0], b.shape[1]), a.dtype


def _layer_norm(func: Any, args: Any, kwargs: dict[str, Any], tensors: list[torch.Tensor]) -> Found:
    x, *weights = tensors
    sizes = tuple(args[1])
    fits = args[0] is x and sizes and x.shape[-len(sizes) :] == sizes and x.is_contiguous() and x.is_floating_point()
    if not fits or any(tuple(weight.shape) != sizes or weight.dtype != x.dtype for weight in weights):
        return None
    return tuple(x.shape), x.dtype


_RULES: dict[Any, Callable[..., Found]] = {
    torch.addmm: _product, F.layer_norm: _layer_norm, torch.layer_norm: _layer_norm,
}  # fmt: skip


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, torch.Tensor) else None
