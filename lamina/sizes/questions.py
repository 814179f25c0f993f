"""Questions about the results of a call, in whatever worlds they were found."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch

from lamina.operations import OPERATIONS

from . import tree
from .search import Found, Search
from .world import Example, Shape, Unknown, World, example_of, merged_shape, source_dims


@dataclass(slots=True, unsafe_hash=True)  # never changed; that Python sees to it would take longer than the rest
class Array(tree.Whole):
    """One example of a tensor: a shape of plain integers, a dtype, and of a constant the tensor itself."""

    shape: Example
    dtype: torch.dtype
    value: torch.Tensor | None = field(default=None, compare=False, repr=False)


def shape_search(function: Callable[[list[Example]], Any], shapes: Sequence[Shape], owner: Any) -> Search:
    """What can be asked of a function of examples, for shapes with unknown axes."""
    dims = [source_dims(shape) for shape in shapes]

    def examples(world: World) -> list[Example]:
        return [example_of(shape, world) for shape in dims]

    return Search(
        lambda world: function(examples(world)),
        examples,
        lambda: [dim for shape in dims for dim in shape if isinstance(dim, Unknown)],
        lambda: [*chosen_sizes(owner), *(n for shape in shapes for n in shape if n)],
        alike,
        unknown_in,
    )


def shapes_in(found: Found) -> Any:
    """The shapes of what was found, in its structure."""
    others = tree.leaves(found.second)
    return tree.map_leaves(lambda a: merged_shape((a.shape, next(others).shape)), found.first)


def doubtful(node: Any, first: Any, second: Any) -> bool:
    """Whether a size that two worlds have in common may be another one in a larger world."""
    op, facts = node.op, OPERATIONS.of(node.op)
    numbers = [s for s in node.inputs if not isinstance(s.example(0), Array)]
    wide = [s for s in node.inputs if None in getattr(s, "shape", ())[1:]]
    # As of most layers: by their rules no size but the first hangs on the batch; what they have within may be a user's.
    if facts.pointwise or (not numbers and not wide and has_rule(op) and not op._modules):
        return False
    both = zip(tree.leaves(first), tree.leaves(second), strict=True)
    pairs = [zip(a.shape, b.shape, strict=True) for a, b in both if isinstance(a, Array)]
    known = [a for pair in pairs for a, b in pair if a == b]
    if not known:
        return False
    if facts.exact or has_rule(op):
        if any(s.example(0) == s.example(1) for s in numbers):
            return True
        before = [n for s in node.inputs for n in getattr(s, "shape", ())]
        # Windows with strides make a small size of any that is not large enough, and steps of a slice do.
        asked = set(known) if wide and (has_rule(op) or op is operator.getitem) else (0, 1)
        return any(known.count(n) > before.count(n) for n in asked)
    return bool(numbers or wide) or min(known) < 2


def has_rule(op: Any) -> bool:
    """Whether this is a layer of Lamina's that tells its shapes by a rule."""
    return type(op).__module__.startswith("lamina.") and bool(getattr(op, "has_shape_rule", False))


def numbers_of(node: Any) -> list[int]:
    """Whole numbers that a call speaks of: bounds, windows, sizes; those given first, then the layer's own."""
    flat = list(_with_calculations(tree.leaves((node.args, node.kwargs))))
    given = [abs(leaf) for leaf in flat if type(leaf) is int and leaf]
    lists, known = [given], []
    for leaf in flat:
        shape = getattr(getattr(leaf, "value", leaf), "shape", ())  # a constant holds its tensor
        known.append([n for n in shape if n])
        given = [*given, *known[-1], *chosen_sizes(leaf)]
    if isinstance(node.op, torch.nn.Module):
        own = [value for value in vars(node.op).values() if isinstance(value, (int, list, tuple))]
        lists += [[n for n in tree.leaves(value) if type(n) is int and n > 0] for value in own]
        given += chosen_sizes(node.op)
        given += [n for numbers in lists[1:] for n in numbers]
        given += [n for weight in [*node.op.parameters()][:8] for n in weight.shape]
    wholes = {prod(numbers) for numbers in lists if len(numbers) > 1}  # of a shape that is asked for
    given += [whole // prod(sizes) for whole in wholes for sizes in known if whole % prod(sizes) == 0]
    return [n for n in dict.fromkeys(given) if 1 < n < 2**24]


def _with_calculations(leaves: Iterable[Any]) -> Iterator[Any]:
    """Leaves, and for numbers that were calculated from sizes what they were calculated with."""
    stack, seen = [*leaves][::-1], set()
    while stack:
        leaf = stack.pop()
        yield leaf
        node = getattr(leaf, "node", None)
        if node is not None and not isinstance(leaf.example(0), Array) and id(node) not in seen:
            seen.add(id(node))
            stack += tree.leaves((node.args, node.kwargs))


def chosen_sizes(owner: Any) -> list[int]:
    """Sizes that had to be chosen for the unknown axes where the graph of a model or of a body was drawn."""
    nodes = getattr(getattr(owner, "graph", None), "nodes", ())
    return [size for node in nodes for world in node.worlds for _, size in world.chosen]


def alike(first: Any, second: Any) -> bool:
    if type(first) is type(second) is Array:
        return len(first.shape) == len(second.shape)
    ours, theirs = list(tree.leaves(first)), list(tree.leaves(second))
    return len(ours) == len(theirs) and all(
        len(a.shape) == len(getattr(b, "shape", ())) for a, b in zip(ours, theirs, strict=True) if isinstance(a, Array)
    )


def unknown_in(first: Any, second: Any) -> int:
    pairs = zip(tree.leaves(first), tree.leaves(second), strict=True)
    return sum(merged_shape((a.shape, b.shape)).count(None) for a, b in pairs if isinstance(a, Array))
