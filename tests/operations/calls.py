"""Every pointwise function of PyTorch's, and arguments that it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina.operations import OPERATIONS

OF_TENSORS = [(name, facts) for facts in OPERATIONS for name in facts.functions if facts.pointwise]
# What a call needs besides tensors, and functions that want other tensors than a few of the usual kinds.
FURTHER: dict[str, tuple[Any, ...]] = {
    "to": (torch.float64,), "type": (torch.float64,), "threshold": (0.3, 20.0), "mvlgamma": (2,),
    "dropout": (0.5, False), "alpha_dropout": (0.5, False),
}  # fmt: skip
KINDS = (torch.float32, torch.int32, torch.bool, torch.complex64)


def values(count: int, dtype: torch.dtype, generator: torch.Generator) -> list[torch.Tensor]:
    """Tensors of one shape within the domain of most functions."""
    found = [torch.rand(2, 3, 4, generator=generator) * 0.8 + 1.1 * (i == 0) for i in range(count)]
    if dtype == torch.int32:
        return [(x * 3 + 1).to(dtype) for x in found]
    if dtype == torch.bool:
        return [x > x.mean() for x in found]
    return [x.to(dtype) for x in found]


def arguments(name: str, function: Callable[..., Any], tensors: Sequence[Any]) -> list[Any]:
    """Tensors, and what a call needs besides."""
    short = OPERATIONS.of(function).name
    args: list[Any] = [*tensors, *FURTHER.get(short, ())]
    if short == "polygamma":
        return [args[0], 1] if name.startswith("torch.Tensor") else [1, args[0]]
    if short == "masked_fill" and len(tensors) == 2:
        return [tensors[0], tensors[1].bool(), 2.0]
    return args
