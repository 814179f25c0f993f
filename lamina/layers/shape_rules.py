"""A layer's own rule of shapes, ``compute_output_shape``, asked for one example of a call's arguments."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch

from lamina.graph import LaminaError, SymbolicTensor, tree
from lamina.graph.dtypes import to_torch
from lamina.graph.infer import probe
from lamina.probing import probing
from lamina.sizes.questions import Array
from lamina.sizes.search import REFUSALS

from .inferred import map_shapes
from .made_in_call import has_calls_of_users
from .nested import known_parts
from .signature import call_facts


def example_by_rule(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result's shapes and dtypes for one example of the arguments, by the layer's rule."""
    _build_parts(layer, args, kwargs)
    first = args[0] if args else next(iter(kwargs.values()))
    arrays = [first] if type(first) is Array else [leaf for leaf in tree.leaves(first) if isinstance(leaf, Array)]
    names = call_facts(type(layer).call, type(layer).compute_output_shape).build_shapes
    shapes = [shapes_of(first)]  # whatever the rule calls it: a cell's `input_shape` is that of `inputs`
    if names:
        given = layer._facts.signature.bind_partial(*args, **kwargs).arguments
        shapes += [
            shapes_of(given[n]) if given.get(n) is not None else None
            for n in names[1:]
            if n in layer._facts.signature.parameters
        ]
    result = layer.compute_output_shape(*shapes)
    if not type(layer).__module__.startswith("lamina.") and _leaves_open(result):
        with suppress(TypeError, LaminaError, *REFUSALS):  # a call that needs values
            return probe(layer, args, kwargs)
    leading = next((array.shape[0] for array in arrays if array.shape), 1)
    dtype = arrays[0].dtype if arrays else layer._torch_dtype
    return _arrays(result, to_torch(layer.compute_output_dtype(dtype)), leading)


def _build_parts(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Let the layers within make their weights where the rule answers in place of ``call``, which would build them, or
    which is the user's and may make some.

    Only when the layer is first drawn: what no call reaches stays without weights. Not in a trial, where the call runs.
    """
    if probing() or layer.called_by:
        return
    if layer._has_built and not layer._modules and type(layer).__module__.startswith("lamina."):
        return
    if all(getattr(part, "built", True) for part in known_parts(layer)) and not has_calls_of_users(layer):
        return
    with suppress(
        TypeError, LaminaError, *REFUSALS
    ):  # a call that needs values; its rule is believed, and it is built when it runs
        probe(layer, args, kwargs)


def check_by_rule(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Ask the layer's rule of shapes, which refuses what the layer cannot take, as it is asked where a graph is
    drawn; PyTorch's kernels would refuse in their own words, or not at all. A rule of the user's is asked for drawing
    only, as Keras does: it may know less than ``call`` takes."""
    if not str(type(layer).compute_output_shape.__module__).startswith("lamina."):
        return
    named = {key: value for key, value in kwargs.items() if key != "training"}
    layer.output_example(*tree.map_leaves(_example, (args, named)))


def shapes_of(argument: Any) -> Any:
    """The shapes of what a layer is called on, in its structure; as numbers that ask nothing of a trial."""
    if type(argument) in (Array, SymbolicTensor):
        return argument.shape
    return tree.map_leaves(
        lambda leaf: tuple([n if n is None else int(n) for n in leaf.shape]) if hasattr(leaf, "shape") else None,
        argument,
    )


def _example(leaf: Any) -> Any:
    return Array(tuple(leaf.shape), leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


def _leaves_open(shapes: Any) -> bool:
    """Whether a rule says None of another axis than the batch: the call knows what it is made from."""
    open_axes: list[bool] = []
    map_shapes(lambda shape: open_axes.append(None in shape[1:]), shapes)
    return any(open_axes)


def _arrays(shapes: Any, dtype: torch.dtype, leading: int) -> Any:
    """Shapes that a rule gave, as examples of tensors. A rule that insists on ``None`` means the batch there."""
    return map_shapes(lambda shape: Array(tuple([leading if n is None else n for n in shape]), dtype), shapes)
