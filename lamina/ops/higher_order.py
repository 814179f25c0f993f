"""Choices and loops under ``torch.compile``: PyTorch's higher-order operators, which keep them in its graph.

A Python ``if`` or ``while`` on a tensor would end the graph there. These operators demand that no result is an input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def chosen(pred: torch.Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` or `false_fn()`; both return the same structure of tensors."""
    return torch.cond(pred, lambda: _copied(true_fn()), lambda: _copied(false_fn()), ())


def repeated(cond: Callable[..., Any], body: Callable[..., Any], state: tuple[torch.Tensor, ...]) -> Any:
    """`state = body(*state)` as long as `cond(*state)`, with tensors of shapes that stay."""
    from torch._higher_order_ops.while_loop import while_loop  # loads the compiler, which is at work already

    return while_loop(lambda *now: cond(*now).reshape(()).bool(), lambda *now: tuple(_copied(list(body(*now)))), state)


def scanned(step: Callable[..., Any], state: Any, xs: Any, reverse: bool) -> Any:
    """`state, y = step(state, x)` for each slice of `xs`; the last state, and all `y` stacked."""
    from torch._higher_order_ops.scan import scan

    return scan(lambda now, x: _copied(step(now, x)), state, xs, dim=0, reverse=reverse)


def _copied(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_copied(item) for item in value])
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value.clone() if isinstance(value, torch.Tensor) else value
