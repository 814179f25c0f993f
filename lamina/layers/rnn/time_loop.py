"""Recurrence step by step in Python, for cells that PyTorch has no kernel for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Step = Callable[[torch.Tensor, Any], tuple[torch.Tensor, Any]]
# (outputs (B, T, U) or None, last output (B, U), last states)
Result = tuple[torch.Tensor | None, torch.Tensor, Any]


@dataclass(frozen=True)
class Wanted:
    """What the caller of a recurrence reads.

    Attributes:
        sequences: the outputs of all steps, not only the last.
        states: the last states.
        zero_masked: outputs at masked steps are 0; else the output before is repeated.
    """

    sequences: bool = True
    states: bool = True
    zero_masked: bool = False


def time_loop(step: Step, inputs: torch.Tensor, states: Any, mask: torch.Tensor | None, wanted: Wanted) -> Result:
    """Call `step(input (B, ...), states)` for each time step of inputs (B, T, ...).

    Where the mask (B, T) is False a step changes no state, and gives the output before it (0 before the first).
    """
    outputs = []
    output: torch.Tensor | None = None
    for t, now in enumerate(inputs.unbind(1)):
        before = output
        output, new = step(now, states)
        if mask is not None:
            keep = mask[:, t]
            blank = torch.zeros_like(output) if before is None or wanted.zero_masked else before
            output, new = _where(keep, output, blank), _where(keep, new, states)
        states = new
        if wanted.sequences:
            outputs.append(output)
    assert output is not None  # the layer refused inputs without steps
    return torch.stack(outputs, 1) if wanted.sequences else None, output, states


def _where(keep: torch.Tensor, new: Any, old: Any) -> Any:
    """`new` for the samples that keep (B,) marks, `old` for the others; at any nesting."""
    if isinstance(new, (list, tuple)):
        return [_where(keep, n, o) for n, o in zip(new, old, strict=True)]
    return torch.where(keep.view(-1, *(1,) * (new.dim() - 1)), new, old)
