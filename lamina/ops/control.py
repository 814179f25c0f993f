"""Choices and loops in Python, on real tensors: which branch runs, and how often, is known as the code runs.

On symbolic tensors they raise ValueNeededError: `ops.where` chooses by value within a graph, and a Layer with its own
`call` runs any Python on real tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from lamina.graph import ArgumentError, tree

from .one_node import one_node
from .operands import refuse_symbolic, tensor

_IN_A_GRAPH = "ops.where(condition, a, b) to choose by value; a Layer with its own call() for a Python `if` or loop"


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if the one value of `pred` is true, else `false_fn()`; only one of them runs.

    Raises:
        ValueNeededError: `pred` is symbolic.

    >>> cond(torch.tensor(3) > 2, lambda: "more", lambda: "less")
    'more'
    """
    refuse_symbolic("cond", pred, hint=_IN_A_GRAPH)
    return true_fn() if bool(pred) else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """`branches[index](*operands)`; an index that is too large or too small takes the last or the first.

    Raises:
        ValueNeededError: the index or an operand is symbolic.

    >>> switch(1, [lambda x: x, lambda x: x * 2], 5)
    10
    """
    refuse_symbolic("switch", index, operands, hint=_IN_A_GRAPH)
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`loop_vars = body(*loop_vars)`, as long as `cond(*loop_vars)`.

    Args:
        cond: takes the variables; whether to go on.
        body: takes the variables and returns the next ones, in the same structure.
        loop_vars: a list or tuple of what can become tensors, or one alone.
        maximum_iterations: after so many it ends in any case.

    Raises:
        ValueNeededError: a variable is symbolic.

    >>> while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1))
    (tensor(3, dtype=torch.int32), tensor(8, dtype=torch.int32))
    """
    refuse_symbolic("while_loop", loop_vars, hint=_IN_A_GRAPH)
    several = isinstance(loop_vars, (list, tuple))
    state = tuple(tree.map_leaves(tensor, v) for v in (loop_vars if several else (loop_vars,)))
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and bool(cond(*state)):
        new = body(*state)
        state = tuple(new) if isinstance(new, (list, tuple)) else (new,)
        count += 1
    return state if several else state[0]


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for each `i` from `lower` to `upper - 1`, from `init_val` on.

    Raises:
        ValueNeededError: a limit or the first value is symbolic.

    >>> fori_loop(0, 4, lambda i, total: total + i, 0)
    6
    """
    refuse_symbolic("fori_loop", lower, upper, init_val, hint=_IN_A_GRAPH)
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """`state, y = f(state, x)` for each slice `x` along the first axis of `xs`; the last state, and all `y` stacked.

    Args:
        f: takes the state and one slice, returns the next state and an output, or None.
        init: the first state; any nesting.
        xs: tensors with a common first axis, in any nesting; or None, and `length` says how often.
        length: number of steps; need not be said where `xs` tell.
        reverse: from the last slice to the first; the outputs stand in the order of `xs` all the same.
        unroll: taken for Keras' sake.

    Raises:
        ArgumentError: neither `xs` nor `length`, or they differ. ValueNeededError: something is symbolic.

    >>> scan(lambda total, x: (total + x, total), torch.tensor(0.0), torch.tensor([1.0, 2.0, 3.0]))
    (tensor(6.), tensor([0., 1., 3.]))
    """
    refuse_symbolic("scan", init, xs, hint=_IN_A_GRAPH)
    xs = tree.map_leaves(lambda leaf: None if leaf is None else tensor(leaf), xs)
    steps = _steps(xs, length)
    state, outputs = tree.map_leaves(tensor, init), []
    for i in reversed(range(steps)) if reverse else range(steps):
        state, output = f(state, _slice(xs, i))
        outputs.append(output)
    return state, _stacked(outputs[::-1] if reverse else outputs)


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each slice along the first axis, stacked; one after the other.

    Args:
        f: takes a slice, in the structure of `xs`.
        xs: tensors with a common first axis, in any nesting.

    Raises:
        ValueNeededError: something is symbolic; `vectorized_map` works in a graph.

    >>> map(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([1., 4.])
    """
    refuse_symbolic("map", xs, hint="ops.vectorized_map, or operations on the whole tensor")
    xs = tree.map_leaves(tensor, xs)
    return _stacked([f(_slice(xs, i)) for i in range(_steps(xs, None))])


@one_node
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each slice along the first axis, stacked; all at once. Works on symbolic tensors, too.

    Args:
        function: takes a slice, in the structure of `elements`; must not look at values.
        elements: tensors with a common first axis, in any nesting.

    >>> vectorized_map(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([1., 4.])
    """
    return torch.vmap(function)(tree.map_leaves(tensor, elements))


def _steps(xs: Any, length: int | None) -> int:
    sizes = {leaf.shape[0] for leaf in tree.leaves(xs) if leaf is not None}
    sizes |= set() if length is None else {int(length)}
    if len(sizes) != 1:
        raise ArgumentError(
            "The first axes must have one size.", got=f"sizes {sorted(sizes)}", hint="xs, or length=..."
        )
    return sizes.pop()


def _slice(xs: Any, i: int) -> Any:
    return tree.map_leaves(lambda leaf: None if leaf is None else leaf[i], xs)


def _stacked(outputs: list[Any]) -> Any:
    """One structure of stacked tensors from many structures of tensors; None stays None."""
    if not outputs:
        return None
    columns = zip(*(list(tree.leaves(output)) for output in outputs), strict=True)
    joined = [None if column[0] is None else torch.stack([tensor(v) for v in column]) for column in columns]
    return tree.pack_like(outputs[0], iter(joined))
