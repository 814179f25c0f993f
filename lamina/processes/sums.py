"""Sums over all processes that gradients go through."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


def sum_over_all(value: torch.Tensor, weight: float, group: Any = None) -> torch.Tensor:
    """The sum of a tensor over all processes, the same on each.

    Each process computes the gradients of its own loss, and these are averaged by the weights of the processes. So the
    gradient of what all have in common is the weighted sum of theirs, divided by the weight that this process's
    gradients get later.

    Args:
        value: what this process adds.
        weight: of this process's gradients in the average; 0 where its loss does not count.
        group: the processes; None for all.
    """
    return _Sum.apply(value, weight, group)  # type: ignore[no-any-return, no-untyped-call]


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: torch.Tensor, weight: float, group: Any) -> torch.Tensor:
        ctx.weight, ctx.group = weight, group
        total = value.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        weight = ctx.weight
        # Not a product with zero: a loss that does not count may be no number.
        total = gradients[0] * weight if weight else torch.zeros_like(gradients[0])
        total = total.contiguous()
        distributed.all_reduce(total, group=ctx.group)
        return (total / weight if weight else torch.zeros_like(total)), None, None
