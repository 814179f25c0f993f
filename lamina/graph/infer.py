"""Shapes and dtypes of results, found while the user types.

What is unknown until run time (``None``: the batch, a picture's height, a text's length) is carried as two examples:
every symbolic tensor knows its shape in two worlds (`lamina.sizes`), where all unknown axes are large and where they
are as small as can be. An operation is asked, or tried on tensors without storage, once per world; an axis of the
result that differs is unknown, and its two sizes are the examples for whatever comes next. So
``reshape(x, (b, h * w, c))`` with several unknown axes is exact, and no operation needs a rule about ``None``. An
operation that refuses a world is tried in others: the graph is then inferred again from its inputs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch

from lamina.operations import OPERATIONS, Facts
from lamina.probing import BUILT_IN, BY_VALUES, run_on_shapes
from lamina.sizes import tree
from lamina.sizes.pointwise import pointwise_result, pointwise_shape
from lamina.sizes.questions import Array as Array
from lamina.sizes.questions import alike, doubtful, has_rule, numbers_of, unknown_in
from lamina.sizes.search import REFUSALS, Found, Search
from lamina.sizes.world import ENDS, Example, Unknown, World, example_of, joint_worlds

from .node import Constant, Leaf, Node, Symbolic
from .walk import Key, key_of, sorted_nodes

_KEPT = 32  # worlds in which a node's results are kept: a layer after it asks for the same ones
_INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64)


def infer(node: Node) -> Found:
    """What the node's call returns in two worlds: two structures with `Array` (or plain values) at the leaves."""
    call = (node.args, node.kwargs)
    if not any(symbolic.moves for symbolic in node.inputs):
        result = trial(node.op, *_example(call, 0))
        return Found(*ENDS, result, result)
    worlds = node.inputs[0].node.worlds
    same = all(symbolic.node.worlds == worlds for symbolic in node.inputs)
    facts = OPERATIONS.of(node.op)
    if same and facts.pointwise:
        with suppress(RuntimeError):  # then other worlds are looked for
            return Found(*worlds, *_pointwise(node.op, facts, *call))
    if same and _is_plain(node.op, facts):
        with suppress(TypeError, *REFUSALS):
            first, second = (trial(node.op, *_example(call, k)) for k in (0, 1))
            if alike(first, second) and not doubtful(node, first, second):
                return Found(*worlds, first, second)
    high, low = worlds if same else (joint_of(node.inputs, k) for k in (0, 1))
    return search_for(node).find(high, low, lambda first, second: doubtful(node, first, second))


def _is_plain(op: Callable[..., Any], facts: Facts) -> bool:
    """Whether an operation asks nothing about sizes and costs little to try, so no search is needed where it works."""
    return has_rule(op) or (facts.exact and isinstance(op, BUILT_IN))


def search_for(node: Node) -> Search:
    """What can be asked of a node's call."""
    asked: dict[World, list[Any]] = {}

    def run(world: World) -> Any:
        args, kwargs = _filled((node.args, node.kwargs), examples_at(node.inputs, world))
        asked[world] = []
        result = trial(node.op, args, kwargs, asked[world])
        _keep(node, world, result)
        return result

    def shapes(world: World) -> list[Example]:
        return [getattr(example, "shape", (example,)) for example in examples_at(node.inputs, world).values()]

    def unknowns() -> list[Unknown]:
        sources = (n for n in sorted_nodes(node.inputs, set()) if not n.inputs)
        dims = (dim for n in sources for spec in n.specs for dim in spec.dims or ())  # type: ignore[attr-defined]
        return [dim for dim in dims if isinstance(dim, Unknown)]

    cheap = OPERATIONS.of(node.op).exact or has_rule(node.op)
    users = isinstance(node.op, torch.nn.Module) and not cheap
    return Search(run, shapes, unknowns, lambda: numbers_of(node), alike, unknown_in, cheap, users, asked)


def examples_at(symbolics: Sequence[Symbolic], world: World) -> dict[Key, Any]:
    """What symbolics are in a world, inferred from the inputs of the graph where that is not known."""
    return _evaluated(symbolics, {}, world)


def infer_graph(graph: Any, arrays: Sequence[Any]) -> Any:
    """What a graph returns for one example of its inputs, flat: node by node, as it was drawn."""
    found = _evaluated(graph.outputs, dict(zip(map(key_of, graph.inputs), arrays, strict=True)), None)
    return _filled(graph.output_structure, found)


def _evaluated(symbolics: Sequence[Symbolic], known: dict[Key, Any], world: World | None) -> dict[Key, Any]:
    """Walks back to what is known, by a stack, and from there on."""
    stack = list(symbolics)
    while stack:
        symbolic = stack[-1]
        node, key = symbolic.node, key_of(symbolic)
        if key not in known and world is not None:
            example = _known_at(symbolic, world)
            if example is not None:
                known[key] = example
        missing = [] if key in known else [s for s in node.inputs if key_of(s) not in known]
        stack.extend(missing)
        if missing:
            continue
        stack.pop()
        if key not in known:
            returned = trial(node.op, *_filled((node.args, node.kwargs), known))
            known.update({(id(node), index): result for index, result in _by_index(node, returned).items()})
            if world is not None:
                _keep(node, world, returned)
    return {key_of(symbolic): known[key_of(symbolic)] for symbolic in symbolics}


def _known_at(symbolic: Symbolic, world: World) -> Any:
    node = symbolic.node
    if not symbolic.moves:
        return symbolic.example(0)
    if world in node.worlds:
        return symbolic.example(node.worlds.index(world))
    if not node.inputs:
        spec: Any = node.specs[symbolic.index]
        return Array(example_of(spec.dims, world), spec.dtype)
    return _by_index(node, node.found[world])[symbolic.index] if world in node.found else None


def _keep(node: Node, world: World, returned: Any) -> None:
    if len(node.found) < _KEPT:
        node.found[world] = returned


def _by_index(node: Node, returned: Any) -> dict[int, Any]:
    """The results of a call that are symbolic, in what it returned."""
    marks = zip(tree.leaves(node.template), tree.leaves(returned), strict=True)
    return {mark.index: result for mark, result in marks if isinstance(mark, Leaf)}


def joint_of(symbolics: Sequence[Symbolic], k: int) -> World:
    """The world for a call on results that were found in several ones."""
    worlds = list(dict.fromkeys(s.node.worlds[k] for s in symbolics if s.moves)) or [ENDS[k]]
    for world in joint_worlds(worlds) if len(worlds) > 1 else ():
        try:
            examples_at(symbolics, world)
            return world
        except REFUSALS:
            pass
    return worlds[0]


def _pointwise(op: Callable[..., Any], facts: Facts, args: Any, kwargs: Any) -> tuple[Any, Any]:
    first = trial(op, *_example((args, kwargs), 0))
    if not isinstance(first, Array):
        return first, trial(op, *_example((args, kwargs), 1))
    leaves = (
        leaf.example(1) if isinstance(leaf, Symbolic) else _constant(leaf) for leaf in tree.leaves((args, kwargs))
    )
    shape = pointwise_shape(facts, [leaf.shape for leaf in leaves if isinstance(leaf, Array)])
    return first, first if shape == first.shape else Array(shape, first.dtype)


def trial(op: Callable[..., Any], args: Any, kwargs: dict[str, Any], asked: list[Any] | None = None) -> Any:
    """What ``op`` returns for one example, which has `Array` where the call has a tensor: by a rule, or by trying.

    ``asked`` gets what it asks about sizes.
    """
    if OPERATIONS.of(op).pointwise and any(isinstance(leaf, Array) for leaf in tree.leaves((args, kwargs))):
        return Array(*pointwise_result(op, args, kwargs, _shape_and_dtype))
    if op is operator.getitem:
        args = (args[0], tree.map_leaves(_as_index, args[1]))
    rule = getattr(op, "output_example", None)
    result = rule(args, kwargs) if rule is not None else None
    return result if result is not None else probe(op, args, kwargs, asked=asked)


def _as_index(leaf: Any) -> Any:
    """A place in a key; one that only run time tells is as good as any."""
    is_place = isinstance(leaf, Array) and not leaf.shape and leaf.dtype in _INTEGERS
    return 0 if is_place else leaf


def drawn_for(graph: Any, arrays: list[Any]) -> int | None:
    """Which of the two examples that a graph was drawn for these are; None if neither: its results are not known."""
    ends = [*graph.inputs, *graph.outputs]
    for k in (0, 1):
        together = all(t.node.worlds[k] == ends[0].node.worlds[k] for t in ends if t.moves)
        if together and [a.shape for a in arrays] == [t.example(k).shape for t in graph.inputs]:
            return k
    return None


def _filled(nested: Any, examples: dict[Key, Any]) -> Any:
    return tree.map_leaves(
        lambda leaf: examples[key_of(leaf)] if isinstance(leaf, Symbolic) else _constant(leaf), nested
    )


def _example(nested: Any, k: int) -> Any:
    return tree.map_leaves(lambda leaf: leaf.example(k) if isinstance(leaf, Symbolic) else _constant(leaf), nested)


def _constant(leaf: Any) -> Any:
    return Array(tuple(leaf.value.shape), leaf.value.dtype, leaf.value) if isinstance(leaf, Constant) else leaf


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, Array) else None


def probe(
    op: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    method: str = "__call__",
    asked: list[Any] | None = None,
) -> Any:
    """Run ``op`` on tensors that have a shape but no storage, and report the shapes that come out."""
    args, kwargs = tree.map_leaves(partial(_without_storage, op in BY_VALUES), (args, kwargs))
    result = run_on_shapes(op, args, kwargs, method, [] if asked is None else asked)
    return tree.map_leaves(lambda v: Array(tuple(v.shape), v.dtype) if isinstance(v, torch.Tensor) else v, result)


def _without_storage(by_values: bool, leaf: Any) -> Any:
    if by_values and isinstance(leaf, Array) and leaf.value is not None:
        return leaf.value
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if isinstance(leaf, Array) else leaf
