"""What the parts of a subclassed model returned in its last call: the shapes, found by trying the call again on shapes.

A call leaves only the shape that it was given. So it costs next to nothing, and no result is held.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from lamina.graph import tree
from lamina.one_line import quietly
from lamina.probing import run_on_shapes
from lamina.sizes.world import Shape, example_shapes, merged_shape

from .inferred import map_shapes

Found = dict[int, list[Shape]]


def part_shapes(model: Any) -> Found:
    """For each module under a model without a graph, by its `id`, the shapes of what it returned last.

    A model that was only built knows no batch: that axis is None. Empty where nothing is known of a call, or where it
    cannot be tried on shapes.
    """
    first = getattr(model, "_first_call", None)
    if first is None:
        return {}
    last = vars(model).get("_last_call")
    if last is not None:
        return _try(model, lambda: _with_shapes(first, last)) or _try(model, lambda: first)
    worlds = quietly(lambda: _built_worlds(model, first))
    if worlds is None:
        return _try(model, lambda: first)
    large, small = (_try(model, partial(worlds.__getitem__, k)) for k in (0, 1))
    return {key: [*map(_merged, shapes, small.get(key, shapes))] for key, shapes in large.items()}


def last_batch(model: Any) -> int | None:
    """How many examples the last call of a model without a graph was given; None where nothing is known of it."""
    last = vars(model).get("_last_call")
    shape = last if last is None or isinstance(last, torch.Size) else next(iter(last), None)
    return int(shape[0]) if shape else None


def _merged(one: Any, other: Any) -> Shape:
    return merged_shape((one, other))


def _try(model: Any, call: Callable[[], Any]) -> Found:
    """Nothing, where the call cannot be made or tried: it is code of the user's."""
    found: Found = quietly(lambda: _noted(model, call()), {})
    return found


def built_shapes(layer: Any, batch: bool = True) -> tuple[Any, Any] | None:
    """The shape that a layer was built for, and what a rule of Lamina's makes of it; None where either is unknown.

    Args:
        batch: False puts None in the place of the batch.
    """
    built_for = getattr(layer, "_built_for", None)
    own_rule = str(type(layer).compute_output_shape.__module__).startswith("lamina.layers.") if built_for else False
    if not built_for or len(built_for) != 1 or built_for[0] is None or not (own_rule and layer.has_shape_rule):
        return None
    given = built_for[0]
    if not batch:
        given = map_shapes(lambda shape: (None, *shape[1:]) if len(shape) > 1 else shape, given)
    made = quietly(lambda: layer.compute_output_shape(given))
    return None if made is None else (given, made)


def shapes_given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The shapes of the tensors that a call is given, in order."""
    return [leaf.shape for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]


def _with_shapes(call: Any, shapes: Any) -> Any:
    """The first call's arguments with the tensors of another one's shapes."""
    rest = iter([shapes] if isinstance(shapes, torch.Size) else shapes)
    return tree.map_leaves(lambda leaf: _empty(tuple(map(int, next(rest))), leaf.dtype) if _is(leaf) else leaf, call)


def _built_worlds(model: Any, first: Any) -> Any:
    """The first call on the shapes that the model was built for, what is unknown once large and once small."""
    given: list[Shape] = []
    map_shapes(given.append, list(model._built_for))
    pairs = [example_shapes(shape) for shape in given]
    return [_with_shapes(first, [pair[k] for pair in pairs]) for k in (0, 1)]


def _is(leaf: Any) -> bool:
    return isinstance(leaf, torch.Tensor)


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def _noted(model: Any, call: Any) -> Found:
    noted: dict[str, list[Shape]] = {}
    parts = dict(model.named_modules())

    def note(path: str) -> Callable[..., None]:
        def hook(_: Any, __: Any, result: Any) -> None:
            noted[path] = [tuple(leaf.shape) for leaf in tree.leaves(result) if _is(leaf)]

        return hook

    def watch(copy: torch.nn.Module) -> None:
        """Hooks on what is called in the place of the model: it itself stays as it is."""
        for path, part in copy.named_modules():
            if path in parts:
                part.register_forward_hook(note(path))

    args, kwargs = tree.map_leaves(lambda leaf: _empty(tuple(leaf.shape), leaf.dtype) if _is(leaf) else leaf, call)
    run_on_shapes(model, args, kwargs, "launch", [], watch)
    return {id(parts[path]): shapes for path, shapes in noted.items()}
