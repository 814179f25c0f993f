"""Loops: how often they run is known when the code runs. In a graph, what they repeat is a graph itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import ShapeError, Symbolic, TensorSpec, record, tree
from lamina.graph.infer import Array

from .body import draw, drawn_as, refuse_several, spec_of, told
from .higher_order import repeated
from .one_node import holds_symbolic
from .operands import tensor

# A loop of so many rounds is written out when it is compiled; a longer one takes less time to compile as a loop.
_WRITTEN_OUT = 8
_INDEX = TensorSpec(((), ()), torch.int32)


def _state_of_while(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The variables, which must come out of the body as they went in."""
    condition, body, state, *_ = args
    several = isinstance(state, (list, tuple))
    given = tuple(state) if several else (state,)
    verdict = list(tree.leaves(condition.example(*given)))
    refuse_several(verdict[0] if len(verdict) == 1 else verdict, "a loop")
    refuse_changed("while_loop", given, _as_tuple(body.example(*given), several))
    return given if several else state


def refuse_changed(name: str, before: Any, after: Any) -> None:
    """A loop's variables keep structure, shapes and dtypes.

    Raises:
        ShapeError: they do not; names the first that changes.
    """
    if tree.describe(before) != tree.describe(after):
        raise ShapeError(
            f"The body of {name} returns another structure than it was given.",
            got=tree.describe(after),
            expected=tree.describe(before),
        )
    for (path, old), new in zip(tree.paths(before), tree.leaves(after), strict=True):
        if old != new:
            place = "".join(f"[{step!r}]" for step in path)
            raise ShapeError(
                f"The body of {name} changes its variable{place}.",
                got=told(new),
                expected=f"{told(old)}, as it was given: the next round gets what this one returns",
                hint="begin with a variable of the last shape and dtype, or ops.cast in the body",
            )


def _as_tuple(value: Any, several: bool) -> tuple[Any, ...]:
    return tuple(value) if several or isinstance(value, (list, tuple)) else (value,)


@drawn_as(_state_of_while)
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """`loop_vars = body(*loop_vars)`, as long as `cond(*loop_vars)`.

    Where a variable is symbolic, both functions become graphs within the graph; gradients go through all rounds.

    Args:
        cond: takes the variables; whether to go on: one value.
        body: takes the variables and returns the next ones, in the same structure; in a graph, and when compiled, of
            the same shapes and dtypes.
        loop_vars: a list or tuple of what can become tensors, or one alone.
        maximum_iterations: after so many it ends in any case.

    Raises:
        ShapeError: in a graph, variables that change, or a condition of several values.

    >>> while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, 1))
    (tensor(3, dtype=torch.int32), tensor(8, dtype=torch.int32))
    """
    several = isinstance(loop_vars, (list, tuple))
    state = tuple(tree.map_leaves(tensor, v) for v in (loop_vars if several else (loop_vars,)))
    if holds_symbolic(state):
        return _drawn_while(cond, body, state if several else state[0], maximum_iterations)
    if torch.compiler.is_compiling():
        state = _compiled_while(cond, body, state, maximum_iterations)
        return state if several else state[0]
    left = maximum_iterations
    while left is None or left > 0:
        verdict = cond(*state)
        if isinstance(verdict, Symbolic):  # something symbolic from outside decides
            return _drawn_while(cond, body, state if several else state[0], left)
        if isinstance(verdict, torch.Tensor) and verdict.is_meta:
            break  # nothing is known but shapes, and these stay: no round is as good as many
        if not bool(verdict):
            break
        new = body(*state)
        state = tuple(new) if isinstance(new, (list, tuple)) else (new,)
        left = None if left is None else left - 1
    return state if several else state[0]


def _drawn_while(cond: Callable[..., Any], body: Callable[..., Any], state: Any, limit: int | None) -> Any:
    specs = tree.map_leaves(spec_of, state)
    several = specs if isinstance(specs, (list, tuple)) else (specs,)
    return record(while_loop, (draw("cond", cond, *several), draw("body", body, *several), state, limit), {})


def _compiled_while(
    cond: Callable[..., Any], body: Callable[..., Any], state: tuple[Any, ...], maximum: int | None
) -> tuple[Any, ...]:
    """The variables flat, and a count beside them where there is a limit."""
    flat = list(tree.leaves(state))
    limited = [] if maximum is None else [torch.zeros((), dtype=torch.int64, device=flat[0].device)]

    def packed(values: Any) -> Any:
        return tree.pack_like(state, iter(values))

    def goes_on(*values: torch.Tensor) -> torch.Tensor:
        verdict = torch.as_tensor(cond(*packed(values[: len(flat)]))).reshape(()).bool()
        return verdict if maximum is None else verdict & (values[-1] < maximum)

    def step(*values: torch.Tensor) -> list[torch.Tensor]:
        new = list(tree.leaves(_as_tuple(body(*packed(values[: len(flat)])), False)))
        return [*new, *(count + 1 for count in values[len(flat) :])]

    result: tuple[Any, ...] = packed(repeated(goes_on, step, (*flat, *limited))[: len(flat)])
    return result


def _state_of_for(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    lower, upper, body, value = args
    for bound in (lower, upper):
        refuse_several(bound, "the length of a loop")
    refuse_changed("fori_loop", value, body.example(Array((), torch.int32), value))
    return value


@drawn_as(_state_of_for)
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`value = body_fun(i, value)` for each `i` from `lower` to `upper - 1`, from `init_val` on.

    Where something is symbolic, `body_fun` becomes a graph within the graph, and `i` is a tensor in it.

    Args:
        lower, upper: whole numbers, or tensors of one.
        body_fun: takes a number and the value, returns the next value; in a graph of the same structure, shapes and
            dtypes.
        init_val: the first value; any nesting.

    Raises:
        ShapeError: in a graph, a value that changes.

    >>> fori_loop(0, 4, lambda i, total: total + i, 0)
    6
    """
    if holds_symbolic((lower, upper, init_val)):
        value = tree.map_leaves(tensor, init_val)
        drawn = draw("body_fun", body_fun, _INDEX, tree.map_leaves(spec_of, value))
        return record(fori_loop, (lower, upper, drawn, value), {})
    bounds = [bound for bound in (lower, upper) if isinstance(bound, torch.Tensor)]
    if torch.compiler.is_compiling() and (bounds or upper - lower > _WRITTEN_OUT):
        return _compiled_for(lower, upper, body_fun, init_val)
    value = init_val
    if any(bound.is_meta for bound in bounds):
        return value
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value


def _compiled_for(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    value = tree.map_leaves(tensor, init_val)
    device = next(leaf.device for leaf in tree.leaves(value))
    first = torch.as_tensor(lower, dtype=torch.int32, device=device).reshape(())
    state = while_loop(lambda i, _: i < upper, lambda i, now: (i + 1, body_fun(i, now)), (first, value))
    return state[1]
