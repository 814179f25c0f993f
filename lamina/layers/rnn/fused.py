"""Recurrence by PyTorch's kernels for whole sequences, with any mask and without reading a value on the host.

A masked step changes no state. So the steps that count are moved to the front, in their order; the kernel runs over all
T steps, and what it makes of the padding behind is not read. Against packed sequences this costs the steps of the
padding, and saves the wait for the device, the sorting and, on CPUs, the slower kernel: 90 ms instead of 232 ms for a
training step of B=64, T=80, U=128 on 2 cores, where the kernel without a mask takes 82 ms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .cell import SteppedCell
from .time_loop import Result, Wanted


def run_fused(
    cell: SteppedCell, inputs: torch.Tensor, states: list[torch.Tensor], mask: torch.Tensor | None, wanted: Wanted
) -> Result:
    """As `time_loop` of the cell's steps, for inputs (B, T, F), states (B, U) each and a mask (B, T)."""
    if mask is None:
        outputs, last = cell.fused(inputs, states, None)
        return outputs, last[0], last
    lengths = mask.sum(1, keepdim=True)
    padding = torch.arange(inputs.shape[1], device=mask.device) >= lengths
    # Zeros, because the padding may hold anything, and a NaN there would reach the weights' gradients.
    packed = _rows(_table(inputs), _steps_that_count(mask, padding), inputs.shape[1])
    outputs, last = cell.fused(packed, states, padding if wanted.states else None)

    table = _table(outputs)
    at_end = _rows(table, lengths - 1, inputs.shape[1]).squeeze(1)
    last[0] = torch.where(lengths > 0, at_end, states[0].to(at_end.dtype))  # under autocast they differ
    if not wanted.sequences:
        return None, at_end.masked_fill(mask[:, -1:].logical_not(), 0) if wanted.zero_masked else at_end, last
    place = mask.cumsum(1) - 1
    spread = _rows(table, place.masked_fill(mask.logical_not(), -1) if wanted.zero_masked else place, inputs.shape[1])
    return spread, spread[:, -1], last


def _steps_that_count(mask: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    """(B, T): of each sample the steps that the mask keeps, in their order, then -1."""
    if not torch.compiler.is_exporting():
        order = torch.argsort(mask.logical_not().byte(), dim=1, stable=True)
        return order.masked_fill(padding, -1)
    # ONNX has no stable sort. Each step is written to its place; the last column takes those that do not count.
    batch, length = mask.shape
    steps = torch.arange(length, device=mask.device).expand(batch, length)
    place = (mask.cumsum(1) - 1).masked_fill(mask.logical_not(), length)
    return steps.new_full((batch, length + 1), -1).scatter(1, place, steps)[:, :-1]


def _table(sequences: torch.Tensor) -> torch.Tensor:
    """All steps (B, T, F) of all samples one below the other, and a row of zeros: (B*T + 1, F)."""
    return F.pad(sequences.flatten(0, 1), (0, 0, 0, 1))


def _rows(table: torch.Tensor, steps: torch.Tensor, length: int) -> torch.Tensor:
    """(B, S, F): of each sample these steps (B, S), zeros for step -1.

    By rows, since `torch.gather` along time goes element by element: 30 us instead of 300 for (32, 40, 128).
    """
    end = table.shape[0] - 1  # len() makes a number of it, and an exporter takes the batch for fixed
    first = torch.arange(0, end, length, device=steps.device).unsqueeze(1)
    rows = torch.where(steps < 0, end, steps + first).flatten()
    return table.index_select(0, rows).view(*steps.shape, table.shape[1])
