"""What some functions make of tensors without storage, found at once: PyTorch's own way is Python, 40 to 800 us a call.

Pointwise functions take 15 us by the rule of broadcasting; what most layers of users consist of otherwise has a rule
too (`rules.py`), since PyTorch's own way also imports its compiler when it is first gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina._torch import transforms
from lamina.operations import OPERATIONS
from lamina.sizes import tree
from lamina.sizes.pointwise import pointwise_result

from .in_place import is_in_place, written
from .rules import Found, RefusedError, laid_out_like, rule_for


def on_shapes_at_once(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """What a function makes of tensors without storage, if there is a rule and it makes a tensor of its own.

    Args:
        args, kwargs: have no real tensors.

    Returns:
        None where PyTorch itself is to be asked: strides or refusals hang on more than shapes.

    Raises:
        RefusedError: PyTorch would refuse it.
    """
    pointwise = OPERATIONS.of(func).pointwise
    rule = None if pointwise else rule_for(func)
    if rule is None and not pointwise and not is_in_place(func):
        return None
    tensors = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    if any(type(tensor) is not torch.Tensor for tensor in tensors):
        return None
    if torch.compiler.is_compiling() or transforms.at_work():
        return None
    try:
        if rule is None and not pointwise:
            return written(func, args, kwargs)
        found: Any = _pointwise(func, args, kwargs, tensors) if rule is None else rule(args, kwargs)
        return torch.empty(found[0], dtype=found[1], device="meta") if type(found) is tuple else found
    except RefusedError:
        raise
    except (RuntimeError, TypeError, ValueError):
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


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, torch.Tensor) else None
