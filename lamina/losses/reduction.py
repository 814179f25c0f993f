"""From the loss of every sample to the loss of the batch: weights, masks and the five ways to reduce."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError

from .shapes import weight_for

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
REDUCTIONS = (*MEANS, "sum", "none", None)


def checked_reduction(reduction: str | None) -> str | None:
    """`reduction` itself, if it is one of `REDUCTIONS`; ArgumentError otherwise."""
    if reduction not in REDUCTIONS:
        raise ArgumentError(
            "A loss cannot be reduced this way.",
            got=f"reduction={reduction!r}",
            expected="one of " + ", ".join(repr(known) for known in REDUCTIONS),
        )
    return reduction


def reduce_losses(values: Tensor, reduction: str | None, sample_weight: Any = None, mask: Any = None) -> Tensor:
    """Weighted and masked `values`, reduced.

    With weights w and mask m (1 where valid):

    * ``"sum"``: sum(values * w * m)
    * ``"sum_over_batch_size"``, ``"mean"``: sum(values * w * m) / sum(m), where m is all ones without a mask
    * ``"mean_with_sample_weight"``: sum(values * w * m) / sum(w * m)
    * ``"none"``, None: values * w * m, not reduced

    A divisor of zero gives a loss of zero.

    Args:
        values: (B,) or (B, ...), the loss of every sample or step.
        reduction: one of `REDUCTIONS`.
        sample_weight: number, (B,) or (B, ...): see `weight_for`.
        mask: (B,) or (B, ...), True where valid.

    >>> values = torch.tensor([1.0, 3.0])
    >>> reduce_losses(values, "mean"), reduce_losses(values, "sum", sample_weight=torch.tensor([2.0, 0.0]))
    (tensor(2.), tensor(2.))
    """
    if sample_weight is None and mask is None:
        if reduction in MEANS:
            return values.mean()
        return values.sum() if reduction == "sum" else values
    weight = None
    if sample_weight is not None:
        weight = weight_for(sample_weight, values).to(values.dtype)
        values = values * weight
    if mask is not None:
        mask = weight_for(mask, values, "mask").to(torch.bool)
        # Not a product: a masked step may hold inf or nan, and 0 * inf is nan.
        values = torch.where(mask, values, 0.0)
    if reduction not in MEANS:
        return values.sum() if reduction == "sum" else values
    divisor = _divisor(values, weight if reduction == "mean_with_sample_weight" else None, mask)
    return values.sum() / torch.where(divisor == 0, 1.0, divisor) if isinstance(divisor, Tensor) else values.mean()


def _divisor(values: Tensor, weight: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """Sum of weights over the valid entries of `values`; without a weight their number; None for all of them."""
    if mask is not None:
        counted = mask.to(values.dtype) if weight is None else torch.where(mask, weight, 0.0)
    elif weight is not None:
        counted = weight
    else:
        return None
    # What was broadcast counts once for each value that it met.
    return counted.sum() * (values.numel() / max(counted.numel(), 1))
