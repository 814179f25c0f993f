"""Shapes that PyTorch's whole recurrences give: on tensors without storage it would take every step of them."""

from __future__ import annotations

from typing import Any

import torch

_FUSED = frozenset((torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu))
# data, states, weights, whether there are biases, layers, dropout, training, both directions, batch first.
_ARGUMENTS = 9


def recurrence_on_shapes(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a recurrence over a whole batch gives, without storage; None for another function, or packed sequences.

    >>> x, h = torch.empty(2, 5, 4, device="meta"), torch.empty(1, 2, 3, device="meta")
    >>> outputs, last = recurrence_on_shapes(torch.gru, (x, h, [], True, 1, 0.0, False, False, True), {})
    >>> tuple(outputs.shape), tuple(last.shape)
    ((2, 5, 3), (1, 2, 3))
    """
    if func not in _FUSED or kwargs or len(args) != _ARGUMENTS or isinstance(args[2], torch.Tensor):
        return None
    return results_on_shapes(args[0], args[1], args[7])


def results_on_shapes(data: torch.Tensor, states: Any, both_ways: bool) -> tuple[torch.Tensor, ...]:
    """Outputs and last states for data and first states without storage."""
    states = list(states) if isinstance(states, (list, tuple)) else [states]
    width = states[0].shape[-1] * (2 if both_ways else 1)
    # From operations on the data: a tensor made of sizes alone would be a constant, whose values a trial keeps.
    made = data.sum(-1, keepdim=True).expand(*data.shape[:-1], width).contiguous()
    return (made, *(state.clone() for state in states))
