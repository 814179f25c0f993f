"""A model's graph for inputs that bring masks: the same layers, drawn once more with the masks as further inputs.

A graph is drawn once, and masks are edges of it, so what was drawn for plain inputs has no place for a mask that the
model is called with. How layers use a mask, and whether the outputs have one, is found by drawing, as everywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch

from lamina._torch import dispatch
from lamina.graph import ArgumentError, Graph, Node, SymbolicTensor, TensorSpec, tree
from lamina.graph.node import Leaf, is_input_node, last_number
from lamina.graph.source import begins_drawing
from lamina.layers.base import Layer
from lamina.layers.drawn_calls import forget
from lamina.layers.lending import prepare
from lamina.layers.mask_flow import real_mask
from lamina.ops.body import placeholder
from lamina.sizes.world import LEAST, USUAL, example_of, source_dims

from .editing import drawn_for

SAME = -1
Axes = tuple[tuple[int | None, ...] | None, ...]
"""For each input None, or for each axis of its mask `SAME`, where it has the size of the input's; else its size."""


@begins_drawing
def draw_masked(graph: Graph, axes: Axes) -> Graph:
    """The graph for inputs with masks of these axes. It takes the inputs, flat, and then the masks.

    The layers are those of the graph, and know nothing of these calls.
    """
    before = last_number()
    inputs, masks = [], []
    for tensor, own in zip(graph.inputs, axes, strict=True):
        inputs.append(_like(tensor))
        if own is not None:
            masks.append(placeholder(f"{tensor.name}_mask", _spec(tensor, own), tensor.node.source))
            inputs[-1].node.masks[0] = masks[-1]
    drawn = graph.rebuild(drawn_for, tree.pack_like(graph.input_structure, iter(inputs)))
    for module in graph.modules.values():
        for part in module.modules():
            if isinstance(part, Layer):
                forget(part, before)
    return Graph([*inputs, *masks], drawn.output_structure, part=True)


def axes_of(inputs: list[Any], masks: list[Any]) -> Axes:
    """Which of a call's inputs bring masks, and of which axes; both flat, in declared order."""
    return tuple(map(_axes_of, inputs, masks))


def flat_masks(binding: Any, mask: Any) -> list[Any]:
    """One mask, or None, for each input, in declared order.

    Args:
        mask: in the structure of the inputs, or those of the first inputs in their order, or by the names of inputs.

    Raises:
        ArgumentError: more masks than inputs, or a name that no input has.
    """
    count = len(binding.declared)
    if isinstance(mask, Mapping) and not any(tree.is_nested(part) for part in mask.values()):
        keys: list[str] = next((keys for keys in (binding.flat_keys, binding.names) if set(mask) <= set(keys)), [])
        given = [mask.get(key) for key in keys] or list(range(count + 1))
    else:
        given = list(tree.leaves(mask))
    if len(given) > count:
        raise ArgumentError(
            f"{binding.label} was called with masks that it has no inputs for.",
            got=tree.describe(mask),
            expected=f"a mask or None for each of {binding.names}",
        )
    return [*given, *[None] * (count - len(given))]


def with_found_masks(binding: Any, inputs: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, in which the masks that it is given are nested as its inputs are; where there is none for
    an input, that which rides on it, as in Keras.
    """
    mask = options.get("mask")
    if mask is None:
        return options
    found = map(real_mask, binding.match(inputs))
    masks = [own if given is None else given for given, own in zip(flat_masks(binding, mask), found, strict=True)]
    if len(masks) == 1:
        return options | {"mask": masks[0]}
    numbers = itertools.count()
    places = binding.match(tree.map_leaves(lambda _: next(numbers), inputs))  # each leaf's number, in declared order
    of_leaf = {place: mask for place, mask in zip(places, masks, strict=True) if place is not None}
    return options | {"mask": tree.pack_like(inputs, map(of_leaf.get, itertools.count()))}


def run_masked(model: Any, inputs: Any, training: bool | None, mask: Any) -> Any:
    """Run a model's graph on inputs with masks."""
    if torch.compiler.is_compiling():  # which is to see the program alone
        drawn, given = model._drawn.for_masks(inputs, mask)
        return drawn.program(training).run(*drawn.binding(given))
    if dispatch.may_refuse():
        prepare(model)
    drawn, given = model._current().for_masks(inputs, mask)
    return drawn.run(drawn.program(training), given)


def as_booleans(mask: Any) -> Any:
    """A mask of numbers says where they are not zero."""
    return mask if getattr(mask, "dtype", torch.bool) is torch.bool else mask != 0


def _axes_of(tensor: Any, mask: Any) -> tuple[int | None, ...] | None:
    if mask is None:
        return None
    sizes, own = [*map(_plain, tensor.shape)], [*map(_plain, mask.shape)]
    return tuple(SAME if sizes[axis : axis + 1] == [size] else size for axis, size in enumerate(own))


def _plain(size: Any) -> Any:
    """A size as a number: a trial looks into what is asked about sizes, and nothing hangs on what is asked here."""
    return size if type(size) is int or not isinstance(size, int) else int(size)


def _like(tensor: SymbolicTensor) -> SymbolicTensor:
    """What stands for an input of the model."""
    spec: Any = tensor.node.specs[tensor.index]
    if not is_input_node(tensor.node):
        return placeholder(tensor.name, spec, tensor.node.source)
    node = Node(tensor.node.op, (), {}, tensor.node.source)
    node.give([spec.as_source()], Leaf(0))
    return node.handle(0)  # type: ignore[return-value]


def _spec(tensor: SymbolicTensor, axes: tuple[int | None, ...]) -> TensorSpec:
    """What is known of a mask: the sizes of an input that it shares are the same axes in every world."""
    dims: Any = tensor.node.specs[tensor.index].as_source().dims  # type: ignore[attr-defined]
    own = source_dims(tuple(None if size == SAME else size for size in axes))
    shared = tuple(dims[axis] if size == SAME else own[axis] for axis, size in enumerate(axes))
    return TensorSpec((example_of(shared, USUAL), example_of(shared, LEAST)), torch.bool, shared)
