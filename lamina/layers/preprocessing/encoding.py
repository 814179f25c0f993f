"""Integers as vectors: what the layers share that end in categories."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ShapeError
from lamina.layers.core.embedding import IdError
from lamina.layers.geometry import Shape

from .data_layer import whole_numbers

MODES = ("one_hot", "multi_hot", "count")


def drops_last(shape: Shape, mode: str) -> bool:
    """Whether integers of this shape are one for each row, (..., 1), whose last axis gives way to the categories."""
    return mode == "one_hot" and len(shape) > 1 and shape[-1] == 1


def encoded_shape(shape: Shape, mode: str, depth: int) -> Shape:
    """The shape of `encode`'s result."""
    shape = tuple(shape)
    return (*(shape if mode == "one_hot" and not drops_last(shape, mode) else shape[:-1]), depth)


def encode(
    layer: Any,
    inputs: torch.Tensor,
    mode: str,
    depth: int,
    dtype: torch.dtype,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Integers (..., K) as vectors of length `depth`, see `CategoryEncoding`; negative ones are left out.

    Gathering into an array of the result's size takes no array K times as large, as a one for each integer would.

    Args:
        layer: whose call this is, for the message.
        weights: for "count", what each integer adds; 1 by default.

    Raises:
        IdError, an IndexError: an integer is too large (on a CPU). DtypeError: fractions.
        ShapeError: the weights' shape is not that of the integers.
    """
    indices = whole_numbers(layer, inputs)
    if indices.dim() == 0 or (mode == "one_hot" and not layer.drops_last):
        indices = indices.unsqueeze(-1)
    present = indices >= 0
    if weights is None:
        added = present.to(dtype)
    elif weights.shape == inputs.shape:
        added = torch.where(present, weights.reshape(indices.shape), 0)
    else:
        raise ShapeError(
            f"{layer.label} needs a weight for each integer.",
            got=f"count_weights {tuple(weights.shape)} for integers {tuple(inputs.shape)}",
            expected=str(tuple(inputs.shape)),
        )
    zeros = indices.new_zeros((*indices.shape[:-1], depth), dtype=dtype)  # of the integers' own: `vmap` writes into it
    try:
        counts = zeros.scatter_add_(-1, indices.clamp(min=0), added)
    except (IndexError, RuntimeError) as error:
        if (indices < depth).all():
            raise
        raise _too_large(layer, indices, depth) from error
    # In place: for 4096 rows of 1000 categories 1.7 ms instead of 35.
    return counts.clamp_(max=1) if mode == "multi_hot" else counts


def _too_large(layer: Any, indices: torch.Tensor, depth: int) -> IdError:
    large = indices[indices >= depth]
    return IdError(
        f"{layer.label} got an integer that it has no place for.",
        got=f"{int(large[0])}, the first of {large.numel()} such integers",
        expected=f"integers in [0, {depth})",
        hint="num_tokens = largest integer + 1",
    )
