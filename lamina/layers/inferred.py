"""Shapes of results for shapes with unknown axes, where only trying tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import torch

from lamina.graph import LaminaError, ShapeError
from lamina.sizes.questions import Array, shape_search, shapes_in
from lamina.sizes.search import REFUSALS, Search
from lamina.sizes.world import AXIS_SIZE, LEAST, USUAL, Shape

from .unknown_weights import sized

_SIZES = frozenset((int, type(None)))


def map_shapes(fn: Callable[[Shape], Any], shapes: Any) -> Any:
    """``fn`` of every shape in a nesting of shapes; a tuple or list of sizes is one shape."""
    if isinstance(shapes, dict):
        return {k: map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, (tuple, list)):
        if _SIZES.issuperset(map(type, shapes)) or all(size is None or isinstance(size, int) for size in shapes):
            return fn(tuple(shapes))
        return type(shapes)(map_shapes(fn, s) for s in shapes)
    return shapes


def search_for_shapes(
    layer: Any, function: Callable[[Any], Any], input_shape: Any, dtype: torch.dtype
) -> tuple[Search, list[Shape]]:
    """What can be asked of a function of examples of these shapes; and the shapes, flat."""
    flat: list[Shape] = []
    map_shapes(flat.append, input_shape)

    def of_examples(examples: list[tuple[int, ...]]) -> Any:
        rest = iter(examples)
        return function(map_shapes(lambda _: Array(next(rest), dtype), input_shape))

    return shape_search(of_examples, flat, layer), flat


def other_calls(input_shape: Any, *dtypes: torch.dtype) -> Iterator[Any]:
    """Arguments for other sizes of what is unknown in these shapes than a layer is tried on."""
    for size, dtype in product((1, 2 * AXIS_SIZE), dtypes):

        def example(shape: Shape, size: int = size, dtype: torch.dtype = dtype) -> Array:
            return Array(tuple(size if n is None else n for n in shape), dtype)

        yield (map_shapes(example, input_shape),), {}


def inferred_shapes(layer: Any, function: Callable[[Any], Any], input_shape: Any, dtype: torch.dtype) -> Any:
    """What a function of examples returns, as shapes; ``None`` axes are unknown.

    Args:
        layer: whose function it is.
        function: takes an `Array` in the place of each shape, returns some.

    Raises:
        ShapeError: it takes no such shapes.
    """
    search, flat = search_for_shapes(layer, function, input_shape, dtype)
    open_axes = any(None in shape for shape in flat)
    try:
        found = sized(
            layer,
            lambda: search.find(USUAL, LEAST, lambda *_: open_axes),
            lambda: other_calls(input_shape, dtype) if open_axes else (),
            [str(input_shape)],
        )
    except LaminaError as error:
        search.reworded(error, USUAL)
        raise
    except REFUSALS as error:
        text = search.reworded(error, USUAL)
        raise ShapeError(f"{layer.label} cannot take this shape.", got=str(input_shape), expected=text) from error
    return shapes_in(found)
