"""Choices: which function runs is known when the code runs. In a graph the functions are graphs themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError, Symbolic, record, tree

from .body import draw, drawn_as, refuse_several, spec_of, told
from .higher_order import chosen
from .one_node import holds_symbolic
from .operands import tensor


def _same_results(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What each of the branches gives, which must be one thing."""
    chooser, *rest = args
    refuse_several(chooser, "a choice")
    branches, operands = (rest[0], rest[1:]) if isinstance(rest[0], list) else (rest, ())
    results = [branch.example(*operands) for branch in branches]
    for branch, result in zip(branches[1:], results[1:], strict=True):
        _refuse_unlike(branches[0].body.role, results[0], branch.body.role, result)
    return results[0]


def _refuse_unlike(first: str, expected: Any, second: str, got: Any) -> None:
    if tree.describe(expected) != tree.describe(got):
        raise ShapeError(
            "The branches of a choice return different structures.",
            got=f"{first}: {tree.describe(expected)}\n{second}: {tree.describe(got)}",
            expected="the same from each: what follows in the graph cannot know which one ran",
        )
    for ours, theirs in zip(tree.leaves(expected), tree.leaves(got), strict=True):
        if ours != theirs:
            raise ShapeError(
                "The branches of a choice return different tensors.",
                got=f"{first}: {told(ours)}\n{second}: {told(theirs)}",
                expected="one shape and one dtype, whichever runs",
                hint="ops.broadcast_to, or ops.cast(x, dtype), in one of them",
            )


@drawn_as(_same_results)
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if the one value of `pred` is true, else `false_fn()`; only one of them runs.

    Where `pred` is symbolic, both are drawn, each once, and become graphs within the graph: their layers are trained
    and saved with the model, and whatever they use from outside is an input of the node.

    Args:
        pred: one value, as a number or a tensor of one element.
        true_fn, false_fn: take nothing. In a graph they return the same structure, shapes and dtypes.

    Raises:
        ShapeError: a symbolic `pred` of several values; branches that return different things.

    >>> cond(torch.tensor(3) > 2, lambda: "more", lambda: "less")
    'more'
    >>> from lamina import Input
    >>> x = Input((4,))
    >>> cond(x.sum() > 0, lambda: x * 2, lambda: -x).shape
    (None, 4)
    """
    if isinstance(pred, Symbolic):
        return record(cond, (pred, draw("true_fn", true_fn), draw("false_fn", false_fn)), {})
    if isinstance(pred, torch.Tensor):
        if torch.compiler.is_compiling():
            return chosen(pred.reshape(()).bool(), true_fn, false_fn)
        if pred.is_meta:  # nothing is known but shapes, and these are the same
            return true_fn()
    return true_fn() if bool(pred) else false_fn()


@drawn_as(_same_results)
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index that is too large or too small takes the last or the first.

    Where the index or an operand is symbolic, the branches become graphs within the graph, as in `cond`.

    Args:
        index: one whole number.
        branches: functions of the operands. In a graph they return the same structure, shapes and dtypes.
        operands: tensors, or nestings of them.

    Raises:
        ArgumentError: no branches. ShapeError: a symbolic index of several values; branches that return different
            things.

    >>> switch(1, [lambda x: x, lambda x: x * 2], 5)
    10
    """
    if not branches:
        raise ArgumentError("switch needs at least one branch.", got=repr(branches))
    if isinstance(index, Symbolic) or holds_symbolic(operands):
        index, operands = tree.map_leaves(tensor, (index, operands))
        specs = tree.map_leaves(spec_of, operands)
        drawn = [draw(f"branch_{k}", branch, *specs) for k, branch in enumerate(branches)]
        return record(switch, (index, drawn, *operands), {})
    if isinstance(index, torch.Tensor):
        if torch.compiler.is_compiling():
            return _compiled_switch(index.reshape(()), branches, operands)
        if index.is_meta:
            return branches[0](*operands)
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def _compiled_switch(index: torch.Tensor, branches: Sequence[Callable[..., Any]], operands: Any) -> Any:
    """A chain of choices, from the last branch back."""
    chain: Callable[[], Any] = lambda: branches[-1](*operands)  # noqa: E731  the chain is made of such functions
    for k in reversed(range(len(branches) - 1)):
        chain = _link(index, k, branches[k], operands, chain)
    return chain()


def _link(
    index: torch.Tensor, k: int, branch: Callable[..., Any], operands: Any, rest: Callable[[], Any]
) -> Callable[[], Any]:
    return lambda: chosen(index <= k, lambda: branch(*operands), rest)
