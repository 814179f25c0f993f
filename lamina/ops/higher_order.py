"""Choices and loops under ``torch.compile``: PyTorch's higher-order operators, which keep them in its graph.

A Python ``if`` or ``while`` on a tensor would end the graph there. These operators demand that no result is an input,
and that none of what they are given is the same twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina._torch import loops
from lamina.graph import tree


def chosen(pred: torch.Tensor, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` or `false_fn()`; both return the same structure of tensors.

    Bodies of a graph may also return None and, beside what has a gradient, whole numbers: PyTorch's operator takes
    neither, so they are put back afterwards.
    """
    returns = returns_of(true_fn)
    if returns is None:
        return torch.cond(pred, lambda: _copied(true_fn()), lambda: _copied(false_fn()), ())
    found = iter(torch.cond(pred, lambda: _packed(true_fn()), lambda: _packed(false_fn()), ()))
    return tree.map_leaves(lambda dtype: None if dtype is None else _whole_again(next(found), dtype), returns)


def returns_of(function: Callable[..., Any]) -> Any:
    """The dtypes of what a body of a graph returns, None among them; None for any other function."""
    return getattr(getattr(function, "body", None), "returns", None)


def repeated(cond: Callable[..., Any], body: Callable[..., Any], state: tuple[torch.Tensor, ...]) -> Any:
    """`state = body(*state)` as long as `cond(*state)`, with tensors of shapes that stay.

    A loop that does not run at all is a choice of its own: PyTorch's operator has the gradient of one round then.
    """
    while_loop = loops.while_loop()

    def goes_on(*now: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = cond(*now).reshape(()).bool().clone()
        return result

    def loop() -> Any:
        # A copy, since what the loop starts from may also be read within.
        return while_loop(goes_on, lambda *now: tuple(_copied(list(body(*now)))), _copied(state))

    if not torch.is_grad_enabled():
        return loop()
    packed = torch.cond(goes_on(*state), lambda: _packed(loop()), lambda: _packed(state), ())
    return tuple(_whole_again(value, old.dtype) for value, old in zip(packed, state, strict=True))


def scanned(step: Callable[..., Any], state: Any, xs: Any, reverse: bool) -> Any:
    """`state, y = step(state, x)` for each slice of `xs`; the last state, and all `y` stacked."""
    return loops.scan()(lambda now, x: _copied(step(now, x)), _copied(state), xs, dim=0, reverse=reverse)


def trained(step: Callable[..., Any], state: Any, x: Any) -> Any:
    """`state`, in which each tensor requires a gradient that requires one after any number of steps.

    Up to torch 2.11 the operator carries gradients from step to step only where the first state requires one. The steps
    with the first slice `x` that are taken here are for that alone.
    """
    while True:
        pairs = list(zip(tree.leaves(state), tree.leaves(step(state, x)[0]), strict=True))
        if not any(map(_lags, pairs)):
            return state
        state = tree.pack_like(state, iter([_following(*pair) if _lags(pair) else pair[0] for pair in pairs]))


def _lags(pair: tuple[Any, Any]) -> bool:
    before, after = (isinstance(leaf, torch.Tensor) and leaf.requires_grad for leaf in pair)
    return after and not before


def _following(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """The first tensor, as one that requires a gradient because the second one does.

    The second one gets zeros, for a step that the loop takes as well: where these meet an infinite derivative, so does
    the loop's own gradient.
    """
    return torch.where(torch.ones_like(before, dtype=torch.bool), before, after)


def _packed(value: Any) -> list[torch.Tensor]:
    """The tensors, flat, whole numbers as floats that hold them exactly: those of 64 bits by their bits."""
    found = []
    for leaf in tree.leaves(value):
        if leaf is None:
            continue
        if leaf.dtype == torch.int64:
            leaf = leaf.clone().view(torch.float64)
        elif not (leaf.is_floating_point() or leaf.is_complex()):
            leaf = leaf.to(torch.float64)
        found.append(leaf.clone())
    return found


def _whole_again(value: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return value.view(dtype) if dtype == torch.int64 else value.to(dtype)


def _copied(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_copied(item) for item in value])
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value.clone() if isinstance(value, torch.Tensor) else value
