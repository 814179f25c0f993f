"""The one place that decides how a cell goes over time: PyTorch's kernel, a loop of cheap steps, or a loop of calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch.nn.utils import prune

from lamina._torch import transforms

from .cell import SteppedCell
from .fused import run_fused
from .stacked_rnn_cells import StackedRNNCells
from .states import as_list, step_of
from .time_loop import Result, Wanted, time_loop


def run_over_time(
    cell: Any,
    inputs: torch.Tensor,
    states: Any,
    mask: torch.Tensor | None,
    training: bool,
    wanted: Wanted,
    fuse: bool = True,
) -> Result:
    """Run a cell over inputs (B, T, ...) from `states` on.

    Args:
        cell: any cell; one of ours whose `call` a subclass changed counts as foreign.
        states: nested as `cell.state_size` is.
        mask: (B, T), False at steps to skip.
        training: whether dropout is drawn.
        wanted: which results the caller reads.
        fuse: PyTorch's kernels may be used.
    """
    if _is_ours(cell, StackedRNNCells):
        return _run_stack(cell, inputs, states, mask, training, wanted, fuse)
    if _is_ours(cell, SteppedCell):
        return _run_steps(cell, inputs, states, mask, training, wanted, fuse)
    return time_loop(step_of(cell), inputs, states, mask, wanted)


def _is_ours(cell: Any, kind: type) -> bool:
    return isinstance(cell, kind) and type(cell).call is kind.call  # type: ignore[attr-defined]


def _run_stack(
    stack: StackedRNNCells,
    inputs: torch.Tensor,
    states: Any,
    mask: torch.Tensor | None,
    training: bool,
    wanted: Wanted,
    fuse: bool,
) -> Result:
    """One cell after the other, each over the whole sequence: the same as all of them step by step."""
    inner = replace(wanted, sequences=True, zero_masked=False)
    result: Result = (inputs, inputs, [])
    new = []
    for place, (cell, state) in enumerate(zip(stack.cells, states, strict=True)):
        is_last = place == len(stack.cells) - 1
        result = run_over_time(cell, inputs, state, mask, training, wanted if is_last else inner, fuse)
        new.append(result[2])
        inputs = result[0]  # type: ignore[assignment]
    return result[0], result[1], new


def _run_steps(
    cell: SteppedCell,
    inputs: torch.Tensor,
    states: Any,
    mask: torch.Tensor | None,
    training: bool,
    wanted: Wanted,
    fuse: bool,
) -> Result:
    for hook in cell._forward_pre_hooks.values():  # the cell is not called, but pruning computes its weights there
        if isinstance(hook, prune.BasePruningMethod) or hasattr(hook, "compute_weight"):
            hook(cell, (inputs, states))
    states = as_list(states)
    drops, recurrent_drops = cell.draw_dropout((inputs.shape[0], *inputs.shape[2:]), states[0], training)
    shared = drops is None or len(drops) == 1
    if fuse and shared and recurrent_drops is None and cell.fuses() and not transforms.beyond_kernels():
        if drops is not None:
            inputs = inputs * drops[0].unsqueeze(1)
        outputs, last, new = run_fused(cell, inputs, states, mask, wanted)
    else:
        projected = cell.project(inputs, drops)
        outputs, last, new = time_loop(lambda x, s: cell.step(x, s, recurrent_drops), projected, states, mask, wanted)
    return outputs, last, new if isinstance(cell.state_size, list) else new[0]
