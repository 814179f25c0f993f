"""Shapes and dtypes of results, found while the user types.

What is unknown until run time (``None``: the batch, a picture's height, a text's length) is carried as two examples:
every symbolic tensor knows its shape for two sizes of each unknown axis. An operation is asked, or tried on tensors
without storage, once per example; an axis of the result that moves is unknown, and its two sizes are the examples
for whatever comes next. So ``reshape(x, (b, h * w, c))`` with several unknown axes is exact, and no operation needs
a rule about ``None``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from . import tree
from .node import Constant, Leaf, Symbolic
from .pointwise import POINTWISE, pointwise_result
from .probe import run_on_shapes
from .walk import Key, key_of

Shape = tuple[int | None, ...]
Example = tuple[int, ...]

# Unlike sizes, multiples of 16 and of 64: halved four or six times they stay whole, as pooling and patches need.
_INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64)

BATCH_EXAMPLES = (48, 80)
AXIS_EXAMPLES = (192, 320)


@dataclass(frozen=True, slots=True)
class Array:
    """One example of a tensor: a shape of plain integers, and a dtype."""

    shape: Example
    dtype: torch.dtype


def example_shapes(shape: Shape, batch_axis: bool = True) -> tuple[Example, Example]:
    """The two examples of a shape in which ``None`` stands for unknown sizes.

    >>> example_shapes((None, None, 3))
    ((48, 192, 3), (80, 320, 3))
    """

    def size(axis: int, k: int) -> int:
        known = shape[axis]
        if known is not None:
            return known
        return BATCH_EXAMPLES[k] if axis == 0 and batch_axis else AXIS_EXAMPLES[k]

    first, second = (tuple(size(axis, k) for axis in range(len(shape))) for k in (0, 1))
    return first, second


def merged_shape(examples: tuple[Example, Example]) -> Shape:
    """The public shape: ``None`` where the two examples differ."""
    return tuple(a if a == b else None for a, b in zip(*examples, strict=True))


def infer(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], moves: bool) -> tuple[Any, Any]:
    """What ``op`` returns for both examples: two structures with `Array` (or plain values) at the leaves.

    ``moves`` says whether any argument differs between the examples; where none does, one trial serves for both.
    """
    found = [trial(op, *_example((args, kwargs), k)) for k in ((0, 1) if moves else (0,))]
    return found[0], found[-1]


def trial(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What ``op`` returns for one example, which has `Array` where the call has a tensor: by a rule, or by trying."""
    if op in POINTWISE and any(isinstance(leaf, Array) for leaf in tree.leaves((args, kwargs))):
        return Array(*pointwise_result(op, args, kwargs, _shape_and_dtype))
    if op is operator.getitem:
        args = (args[0], tree.map_leaves(_as_index, args[1]))
    rule = getattr(op, "output_example", None)
    result = rule(args, kwargs) if rule is not None else None
    return result if result is not None else probe(op, args, kwargs)


def _as_index(leaf: Any) -> Any:
    """A place in a key; one that only run time tells is as good as any."""
    is_place = isinstance(leaf, Array) and not leaf.shape and leaf.dtype in _INTEGERS
    return 0 if is_place else leaf


def infer_graph(graph: Any, arrays: Sequence[Any]) -> Any:
    """What a graph returns for one example of its inputs, flat: node by node, as it was drawn."""
    known: dict[Key, Any] = dict(zip(map(key_of, graph.inputs), arrays, strict=True))

    def value(leaf: Any) -> Any:
        return known[key_of(leaf)] if isinstance(leaf, Symbolic) else _constant(leaf)

    for node in graph.nodes:
        if all((id(node), k) in known for k in range(len(node.specs))):
            continue  # an input
        args, kwargs = tree.map_leaves(value, (node.args, node.kwargs))
        results = list(tree.leaves(trial(node.op, args, kwargs)))
        for mark, result in zip(tree.leaves(node.template), results, strict=True):
            if isinstance(mark, Leaf):
                known.setdefault((id(node), mark.index), result)
    return tree.map_leaves(value, graph.output_structure)


def _example(nested: Any, k: int) -> Any:
    return tree.map_leaves(lambda leaf: leaf.example(k) if isinstance(leaf, Symbolic) else _constant(leaf), nested)


def _constant(leaf: Any) -> Any:
    return Array(tuple(leaf.value.shape), leaf.value.dtype) if isinstance(leaf, Constant) else leaf


def _shape_and_dtype(leaf: Any) -> tuple[Any, torch.dtype] | None:
    return (leaf.shape, leaf.dtype) if isinstance(leaf, Array) else None


def probe(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], method: str = "__call__") -> Any:
    """Run ``op`` on tensors that have a shape but no storage, and report the shapes that come out."""
    args, kwargs = tree.map_leaves(_without_storage, (args, kwargs))
    result = run_on_shapes(op, args, kwargs, method)
    return tree.map_leaves(lambda v: Array(tuple(v.shape), v.dtype) if isinstance(v, torch.Tensor) else v, result)


def _without_storage(leaf: Any) -> Any:
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if isinstance(leaf, Array) else leaf
