"""Recurrence by PyTorch's kernels for whole sequences, with any mask and without reading a value on the host.

A masked step changes no state. So the steps that count are moved to the front, in their order; the kernel runs over all
T steps, and what it makes of the padding behind is not read. Against packed sequences this costs the steps of the
padding, and saves the wait for the device, the sorting and, on CPUs, the slower kernel: 90 ms instead of 232 ms for a
training step of B=64, T=80, U=128 on 2 cores, where the kernel without a mask takes 82 ms.
"""

from __future__ import annotations

from typing import Any

import torch

from .cell import SteppedCell
from .time_loop import Result, Wanted


def run_fused(
    cell: SteppedCell, inputs: torch.Tensor, states: list[torch.Tensor], mask: torch.Tensor | None, wanted: Wanted
) -> Result:
    """As `time_loop` of the cell's steps, for inputs (B, T, F), states (B, U) each and a mask (B, T)."""
    if mask is None:
        outputs, last = cell.fused(inputs, states, None)
        return outputs, last[0], last
    order = torch.argsort(mask.logical_not().byte(), dim=1, stable=True)
    lengths = mask.sum(1, keepdim=True)
    padding = torch.arange(inputs.shape[1], device=mask.device) >= lengths
    # Zeros, because the padding may hold anything, and a NaN there would reach the weights' gradients.
    packed = torch.gather(inputs, 1, _over_features(order, inputs)).masked_fill(padding.unsqueeze(-1), 0)
    outputs, last = cell.fused(packed, states, padding if wanted.states else None)

    at_end = torch.gather(outputs, 1, _over_features((lengths - 1).clamp(min=0), outputs)).squeeze(1)
    last[0] = torch.where(lengths > 0, at_end, states[0].to(at_end.dtype))  # under autocast they differ
    if not wanted.sequences:
        silent = mask[:, -1:].logical_not() if wanted.zero_masked else lengths == 0
        return None, at_end.masked_fill(silent, 0), last
    place = mask.cumsum(1) - 1
    spread = torch.gather(outputs, 1, _over_features(place.clamp(min=0), outputs))
    silent = mask.logical_not() if wanted.zero_masked else place < 0
    spread = spread.masked_fill(silent.unsqueeze(-1), 0)
    return spread, spread[:, -1], last


def _over_features(index: torch.Tensor, like: torch.Tensor) -> Any:
    """An index (B, T) for `torch.gather` along time, the same for all features."""
    return index.unsqueeze(-1).expand(-1, -1, like.shape[-1])
