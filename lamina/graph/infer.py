"""Shapes and dtypes of results, found while the user types.

What is unknown until run time (``None``: the batch, a picture's height, a text's length) is carried as two examples:
every symbolic tensor knows its shape for two sizes of each unknown axis. An operation is asked, or tried on tensors
without storage, once per example; an axis of the result that moves is unknown, and its two sizes are the examples
for whatever comes next. So ``reshape(x, (b, h * w, c))`` with several unknown axes is exact, and no operation needs
a rule about ``None``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from . import tree
from .node import Constant, Leaf, Symbolic
from .pointwise import POINTWISE, pointwise_result
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


def probe(op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run ``op`` on tensors that have a shape but no storage, and report the shapes that come out."""
    module = op if isinstance(op, torch.nn.Module) else None
    with torch.no_grad(), torch.device("meta"), without_storage(module):
        args, kwargs = tree.map_leaves(_to_meta, (args, kwargs))
        result = op(*args, **kwargs)
    return tree.map_leaves(lambda v: Array(tuple(v.shape), v.dtype) if isinstance(v, torch.Tensor) else v, result)


def _to_meta(leaf: Any) -> Any:
    if isinstance(leaf, Array):
        return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta")
    return leaf


@contextmanager
def without_storage(module: torch.nn.Module | None) -> Iterator[None]:
    """Within, the module's parameters and buffers are shapes without storage; its real state is untouched.

    Weights that come into being within (a layer that builds itself when first called) stay, with real storage.
    """
    if module is None:
        yield
        return
    within_another = "_set_aside" in module.__dict__  # a layer around it is being tried: that one gives the state back
    for part in module.modules():
        set_aside_state(part)
    try:
        yield
    finally:
        for part in () if within_another else module.modules():
            restore_state(part)


def set_aside_state(module: torch.nn.Module) -> None:
    """Replace the module's own state by tensors without storage, also in its lists, keeping the real ones beside."""
    kept = module.__dict__.setdefault("_set_aside", ({}, {}, {}))
    stand_ins: dict[int, torch.Tensor] = {}
    own: tuple[dict[str, Any], dict[str, Any]] = (module._parameters, module._buffers)
    for slot, real in zip(own, kept[:2], strict=True):
        for name, value in slot.items():
            if value is not None and name not in real:
                real[name] = value
                slot[name] = stand_ins[id(value)] = _stand_in(value)
    for name, value in list(module.__dict__.items()):
        in_list = isinstance(value, (list, tuple, dict)) and any(id(leaf) in stand_ins for leaf in tree.leaves(value))
        if in_list and not name.startswith("_"):
            kept[2].setdefault(name, value)
            module.__dict__[name] = tree.map_leaves(lambda leaf: stand_ins.get(id(leaf), leaf), value)


def _stand_in(value: Any) -> Any:
    """The same without storage; a weight that answers to more than a tensor does knows how to make its own."""
    return value.stand_in() if hasattr(value, "stand_in") else torch.empty_like(value, device="meta")


def restore_state(module: torch.nn.Module) -> None:
    kept = module.__dict__.pop("_set_aside", None)
    if kept is not None:
        module._parameters.update(kept[0])
        module._buffers.update(kept[1])
        module.__dict__.update(kept[2])
