"""Loops along an axis: a state carried from slice to slice, a function of each slice, sums of any kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError, TensorSpec, record, tree
from lamina.graph.infer import Array
from lamina.graph.source import caller
from lamina.sizes.world import AXIS_SIZE

from .body import draw, drawn_as, spec_of
from .higher_order import returns_of, scanned, trained
from .loops import refuse_changed
from .one_node import holds_symbolic
from .operands import tensor


def _of_scan(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    step, state, xs, length, *_ = args
    result = step.example(state, tree.map_leaves(_slice_of_example, xs))
    if not isinstance(result, (list, tuple)) or len(result) != 2:
        raise ShapeError(
            "The function of scan returns a state and an output.",
            got=tree.describe(result),
            expected="(state, output); None for no output",
        )
    new, output = result
    refuse_changed("scan", state, new)
    return state, _stacked_example(output, _steps(xs, length))


@drawn_as(_of_scan)
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[Any, Any]:
    """`state, y = f(state, x)` for each slice `x` along the first axis of `xs`; the last state, and all `y` stacked.

    Where something is symbolic, `f` becomes a graph within the graph.

    Args:
        f: takes the state and one slice, returns the next state and an output, or None.
        init: the first state; any nesting.
        xs: tensors with a common first axis, in any nesting; or None, and `length` says how often.
        length: number of steps; need not be said where `xs` tell.
        reverse: from the last slice to the first; the outputs stand in the order of `xs` all the same.
        unroll: a whole number above 0, or a bool; taken for Keras' sake.

    Raises:
        ArgumentError: neither `xs` nor `length`, or they differ; `unroll` is none. ShapeError: in a graph, a state that
            changes.

    >>> scan(lambda total, x: (total + x, total), torch.tensor(0.0), torch.tensor([1.0, 2.0, 3.0]))
    (tensor(6.), tensor([0., 1., 3.]))
    """
    if not isinstance(unroll, int) or (unroll < 1 and not isinstance(unroll, bool)):
        raise ArgumentError("ops.scan: unroll is a whole number or a bool.", got=f"unroll={unroll!r}", expected=">= 1")
    state, xs = tree.map_leaves(_tensor_or_none, (init, xs))
    if holds_symbolic((state, xs)):
        drawn = draw("f", f, tree.map_leaves(spec_of, state), tree.map_leaves(_slice_spec, xs))
        result: tuple[Any, Any] = record(scan, (drawn, state, xs, length, reverse, unroll), {})
        return result
    steps = _steps(xs, length)
    if torch.compiler.is_compiling() and xs is not None:
        if steps and torch.is_grad_enabled():
            state = trained(f, state, _slice(xs, steps - 1 if reverse else 0))
        return _compiled_scan(f, state, xs, reverse)
    outputs = []
    for i in reversed(range(steps)) if reverse else range(steps):
        state, output = f(state, _slice(xs, i))
        outputs.append(output)
    return state, _stacked(outputs[::-1] if reverse else outputs)


def _compiled_scan(f: Callable[[Any, Any], Any], state: Any, xs: Any, reverse: bool) -> tuple[Any, Any]:
    """PyTorch's operator stacks tensors only: None among the outputs is put back afterwards."""
    known = returns_of(f)
    # Else by a call, for its structure alone: the compiler drops what nobody reads.
    _, like = known if known is not None else f(state, _slice(xs, 0))
    filler = next(tree.leaves(state)).new_zeros(())

    def step(now: Any, x: Any) -> tuple[Any, list[torch.Tensor]]:
        new, output = f(now, x)
        outputs = [leaf for leaf in tree.leaves(output) if leaf is not None]
        return new, outputs or [filler.clone()]  # without any, its gradient fails

    last, stacked = scanned(step, state, xs, reverse)
    rest = iter(stacked)
    return last, tree.map_leaves(lambda leaf: None if leaf is None else next(rest), like)


def _of_map(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    function, xs = args
    return _stacked_example(function.example(tree.map_leaves(_slice_of_example, xs)), _steps(xs, None))


def _total(outputs: Any) -> torch.Tensor | None:
    """A number that requires a gradient if one of the outputs does."""
    totals = [leaf.sum() for leaf in tree.leaves(outputs) if leaf is not None and leaf.requires_grad]
    return sum(totals[1:], start=totals[0]) if totals else None


@drawn_as(_of_map)
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """`f` of each slice along the first axis, stacked; one after the other.

    Args:
        f: takes a slice, in the structure of `xs`. On symbolic tensors it becomes a graph within the graph.
        xs: tensors with a common first axis, in any nesting.

    Raises:
        ArgumentError: first axes of several sizes.

    >>> map(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([1., 4.])
    """
    xs = tree.map_leaves(tensor, xs)
    if holds_symbolic(xs):
        return record(map, (draw("f", f, tree.map_leaves(_slice_spec, xs)), xs), {})
    if torch.compiler.is_compiling():
        state = next(tree.leaves(xs)).new_zeros(())
        if torch.is_grad_enabled() and _steps(xs, None):
            state = trained(lambda _, x: (_total(f(x)), None), state, _slice(xs, 0))
        return scanned(lambda state, x: (state, f(x)), state, xs, False)[1]
    return _stacked([f(_slice(xs, i)) for i in range(_steps(xs, None))])


@drawn_as(_of_map)
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each slice along the first axis, stacked; all at once.

    Args:
        function: takes a slice, in the structure of `elements`; must not look at values. On symbolic tensors it becomes
            a graph within the graph.
        elements: tensors with a common first axis, in any nesting.

    Raises:
        ArgumentError: first axes of several sizes.

    >>> vectorized_map(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([1., 4.])
    """
    elements = tree.map_leaves(tensor, elements)
    if holds_symbolic(elements):
        return record(
            vectorized_map, (draw("function", function, tree.map_leaves(_slice_spec, elements)), elements), {}
        )
    _steps(elements, None)
    # By a function of ours, since a closure has no name for PyTorch to call it by.
    return torch.vmap(lambda part: function(part), randomness="different")(elements)


def _of_associative_scan(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    function, elems, _, axis = args
    parts = [tree.map_leaves(partial(_of_length, axis=axis, size=n), elems) for n in (AXIS_SIZE, 1)]
    drawn_for = [function.body.drawn_for([*tree.leaves((part, part)), *function.captures]) for part in parts]
    part = parts[1] if drawn_for[1] is not None else parts[0]
    refuse_changed("associative_scan", part, function.example(part, part))
    return elems


@drawn_as(_of_associative_scan)
def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """``x_0, f(x_0, x_1), f(f(x_0, x_1), x_2), ...`` along an axis: a cumulative sum by any associative function.

    Takes log2(n) rounds of `f` on many slices at once (Blelloch, "Prefix sums and their applications", 1990).

    Args:
        f: takes two nestings like `elems`, with as many slices each, and returns such a one; slice by slice, and
            ``f(a, f(b, c)) == f(f(a, b), c)``. On symbolic tensors it becomes a graph within the graph.
        elems: tensors with a common size along the axis, in any nesting.
        reverse: from the last slice to the first.
        axis: along which.

    Raises:
        ArgumentError: sizes that differ along the axis. ShapeError: `f` returns something else than it was given.

    >>> associative_scan(lambda a, b: a * b, torch.tensor([1.0, 2.0, 3.0, 4.0]))
    tensor([ 1.,  2.,  6., 24.])
    """
    elems = tree.map_leaves(tensor, elems)
    sizes = {leaf.shape[axis] for leaf in tree.leaves(elems)}
    if len(sizes - {None}) > 1 or not sizes:
        raise ArgumentError("associative_scan needs one size along the axis.", got=f"sizes {sorted(sizes - {None})}")
    if holds_symbolic(elems):
        part = tree.map_leaves(lambda leaf: _any_length(leaf, axis), elems)
        return record(associative_scan, (draw("f", f, part, part), elems, reverse, axis), {})
    turned = tree.map_leaves(lambda leaf: leaf.flip(axis), elems) if reverse else elems
    result = _prefixes(f, turned, sizes.pop(), axis)
    return tree.map_leaves(lambda leaf: leaf.flip(axis), result) if reverse else result


def _prefixes(f: Callable[[Any, Any], Any], elems: Any, size: int, axis: int) -> Any:
    """Pairs are joined until one is left; on the way back the slices between them are filled in."""
    levels = [elems]
    while size > 1:
        now = levels[-1]
        levels.append(f(_every_other(now, axis, 0, size // 2), _every_other(now, axis, 1, size // 2)))
        size //= 2
    done = levels.pop()
    while levels:
        done = _filled_in(f, levels.pop(), done, axis)
    return done


def _every_other(elems: Any, axis: int, first: int, count: int) -> Any:
    def part(leaf: torch.Tensor) -> torch.Tensor:
        picked = [slice(None)] * leaf.ndim
        picked[axis] = slice(first, first + 2 * count, 2)
        return leaf[tuple(picked)]

    return tree.map_leaves(part, elems)


def _filled_in(f: Callable[[Any, Any], Any], elems: Any, odd: Any, axis: int) -> Any:
    """All prefixes, where those that end at odd places are known."""
    size = next(tree.leaves(elems)).shape[axis]
    between = (size - 1) // 2
    known = tree.map_leaves(lambda leaf: leaf.narrow(axis, 0, between), odd)
    even = f(known, _every_other(tree.map_leaves(lambda leaf: leaf.narrow(axis, 1, size - 1), elems), axis, 1, between))
    pieces = zip(tree.leaves(elems), tree.leaves(even), tree.leaves(odd), strict=True)
    return tree.pack_like(elems, iter([_alternating(x.narrow(axis, 0, 1), e, o, axis) for x, e, o in pieces]))


def _alternating(first: torch.Tensor, even: torch.Tensor, odd: torch.Tensor, axis: int) -> torch.Tensor:
    """first, odd[0], even[0], odd[1], even[1], ..."""
    even = torch.cat([first, even], axis)
    count = odd.shape[axis]
    pairs = torch.stack([even.narrow(axis, 0, count), odd], dim=axis % odd.ndim + 1)
    joined = pairs.flatten(axis % odd.ndim, axis % odd.ndim + 1)
    return torch.cat([joined, even.narrow(axis, count, even.shape[axis] - count)], axis)


# -- slices, of tensors and of what is known of them


def _tensor_or_none(leaf: Any) -> Any:
    return None if leaf is None else tensor(leaf)


def _steps(xs: Any, length: int | None) -> int:
    sizes = {leaf.shape[0] for leaf in tree.leaves(xs) if leaf is not None}
    sizes |= set() if length is None else {int(length)}
    if len(sizes) != 1:
        raise ArgumentError(
            "The first axes must have one size.", got=f"sizes {sorted(sizes)}", hint="xs, or length=..."
        )
    result: int = sizes.pop()
    return result


def _slice(xs: Any, i: int) -> Any:
    return tree.map_leaves(lambda leaf: None if leaf is None else leaf[i], xs)


def _stacked(outputs: list[Any]) -> Any:
    """One structure of stacked tensors from many structures of tensors; None stays None."""
    if not outputs:
        return None
    columns = zip(*(list(tree.leaves(output)) for output in outputs), strict=True)
    joined = [None if column[0] is None else torch.stack([tensor(v) for v in column]) for column in columns]
    return tree.pack_like(outputs[0], iter(joined))


def _slice_of_example(leaf: Any) -> Any:
    return None if leaf is None else Array(leaf.shape[1:], leaf.dtype)


def _stacked_example(output: Any, steps: int) -> Any:
    return tree.map_leaves(lambda leaf: None if leaf is None else Array((steps, *leaf.shape), leaf.dtype), output)


def _slice_spec(leaf: Any) -> TensorSpec | None:
    spec = spec_of(leaf)
    if spec is None:
        return None
    if not spec.examples[0]:
        raise ArgumentError(
            "A number has no slices.", got=str(leaf), expected="a tensor with a first axis", where=str(caller())
        )
    return TensorSpec((spec.examples[0][1:], spec.examples[1][1:]), spec.dtype)


def _of_length(leaf: Array, axis: int, size: int) -> Array:
    return Array(_replaced(leaf.shape, axis, size), leaf.dtype)


def _any_length(leaf: Any, axis: int) -> TensorSpec:
    spec = spec_of(leaf)
    assert spec is not None
    first, second = (_replaced(shape, axis, size) for shape, size in zip(spec.examples, (AXIS_SIZE, 1), strict=True))
    return TensorSpec((first, second), spec.dtype)


def _replaced(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    sizes = list(shape)
    sizes[axis] = size
    return tuple(sizes)
