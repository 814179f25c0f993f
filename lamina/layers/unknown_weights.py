"""No weight hangs on an example size: what a call on examples has made is made once more for other sizes.

Layers within a layer of the user's get their weights while its call is tried, so they are built for the example sizes
of the axes that only run time tells. Where a copy, built for other examples, has weights of other shapes, there is no
right shape: that is an error, and the layer is as it was before.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import torch

from lamina.devices import device
from lamina.graph import ShapeError, Symbolic, record, tree
from lamina.graph.infer import examples_at, joint_of
from lamina.graph.node import Constant
from lamina.graph.walk import key_of, sorted_nodes
from lamina.probing import StandIns, parts_of, probing, run_on_shapes
from lamina.sizes.world import Unknown, World, merged_shape

from .made_in_call import has_calls_of_users
from .nested import adopt_nested_layers, known_parts

Result = TypeVar("Result")
_SLOTS = ("_parameters", "_buffers", "_modules")
# The weights of a layer, by the path of the part that has each and their name there.
Made = dict[tuple[str, str], tuple[torch.nn.Module, tuple[int, ...]]]
_State = list[tuple[torch.nn.Module, dict[str, Any], dict[str, dict[str, Any]]]]


def record_call(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`record`, where weights that the call makes hang on no size that only run time tells.

    Raises:
        ShapeError: one does.
    """
    if layer.called_by or not _may_make(layer):
        return record(layer, args, kwargs)
    symbolics = [leaf for leaf in tree.leaves((args, kwargs)) if isinstance(leaf, Symbolic)]
    if not any(symbolic.moves for symbolic in symbolics):
        return record(layer, args, kwargs)

    def calls() -> Iterator[Any]:
        for world in _other_worlds(symbolics):
            yield _filled((args, kwargs), examples_at(symbolics, world))

    came = (f"{symbolic}, {symbolic.node.source}" for symbolic in symbolics)
    return sized(layer, lambda: record(layer, args, kwargs), calls, came)


def sized(
    layer: Any, run: Callable[[], Result], calls: Callable[[], Iterable[Any]], came: Iterable[str] = ()
) -> Result:
    """What a call on examples returns, where the weights that it makes do not hang on them.

    Args:
        layer: what is called.
        run: the call, which may make weights.
        calls: the arguments for other examples: shapes in the places of tensors.
        came: what the user has called it on, for the error.

    Raises:
        ShapeError: a weight has another shape for other examples; the layer is as it was before.
    """
    if probing() or not _may_make(layer):
        return run()
    before, twin, known = _state_of(layer), StandIns(layer).copy, set(made_in(layer))
    try:
        return run()
    finally:  # a call that failed may have failed on such a weight
        made = {key: weight for key, weight in made_in(layer).items() if key not in known}
        error = _found(layer, made, (_made_by(twin, call) for call in calls()), came) if made else None
        if error is not None:
            _put_back(before)
            raise error from None


def refuse_other(layer: Any, made: Made, others: Made, came: Iterable[str] = ()) -> ShapeError | None:
    """The error where a weight has another shape in a copy that has met other sizes."""
    for key, (part, shape) in made.items():
        twins_part, other = others.get(key, (part, shape))
        if other != shape:
            shapes = [one.__dict__.get("_built_for_examples") for one in (part, twins_part)]
            return _error(layer, part, key[1], merged_shape((shape, other)), shapes, came)
    return None


def made_in(layer: Any) -> Made:
    """The weights of a layer that have a shape by now."""
    adopt_nested_layers(layer)
    return {
        (path, name): (part, tuple(weight.shape))
        for path, part in layer.named_modules()
        for slot in (part._parameters, part._buffers)
        for name, weight in slot.items()
        if weight is not None and not torch.nn.parameter.is_lazy(weight)
    }


def _may_make(layer: Any) -> bool:
    """Whether a call may make weights: a layer within has none yet, or code of the user's runs."""
    adopt_nested_layers(layer)
    if not layer._modules and type(layer).__module__.startswith("lamina."):
        return False
    if getattr(layer, "graph", None) is not None:  # what is drawn has made its own
        return False
    return not all(getattr(part, "built", True) for part in known_parts(layer)) or has_calls_of_users(layer)


def _found(layer: Any, made: Made, copies: Iterator[Made], came: Iterable[str]) -> ShapeError | None:
    for others in copies:
        error = refuse_other(layer, made, others, came)
        if error is not None or made.keys() <= others.keys():
            return error
    return None


def _filled(call: Any, found: dict[Any, Any]) -> Any:
    return tree.map_leaves(lambda leaf: found[key_of(leaf)] if isinstance(leaf, Symbolic) else leaf, call)


def _other_worlds(symbolics: Sequence[Symbolic]) -> Iterator[World]:
    """Where sizes that only run time tells are others than where the layer was built."""
    high, low = (joint_of(symbolics, k) for k in (0, 1))
    yield low
    specs = (spec for node in sorted_nodes(symbolics, set()) for spec in node.specs)
    dims = (dim for spec in specs for dim in getattr(spec, "dims", None) or ())
    yield high.choosing({dim: 2 * high.size(dim) for dim in dims if isinstance(dim, Unknown)})


def _made_by(twin: Any, call: Any) -> Made:
    """The weights of a copy that had made none, when it has been called; they take no memory."""
    called: list[Any] = []
    # What it says in another world is nobody's business; what it makes before it refuses one counts.
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), suppress(Exception), device("meta"):
        warnings.simplefilter("ignore")
        args, kwargs = tree.map_leaves(_without_storage, call)
        run_on_shapes(twin, args, kwargs, "launch", [], called.append)
    return made_in(called[0]) if called else {}


def _without_storage(leaf: Any) -> Any:
    if isinstance(leaf, Constant):
        return leaf.value
    return torch.empty(leaf.shape, dtype=leaf.dtype, device="meta") if hasattr(leaf, "shape") else leaf


def _state_of(layer: Any) -> _State:
    return [(p, dict(p.__dict__), {slot: dict(p.__dict__[slot]) for slot in _SLOTS}) for p in parts_of(layer)]


def _put_back(state: _State) -> None:
    """Have the layer be as it was, so that it can be called on other inputs."""
    for part, attributes, slots in state:
        part.__dict__.clear()
        part.__dict__.update(attributes)
        for slot, entries in slots.items():
            part.__dict__[slot].clear()
            part.__dict__[slot].update(entries)


def _error(layer: Any, part: Any, name: str, shape: Any, shapes: Any, came: Iterable[str]) -> ShapeError:
    label = getattr(part, "label", type(part).__name__)
    within = f" in {layer.label}" if part is not layer else ""
    built_for = ", ".join(map(str, _merged(shapes))) if None not in shapes else "what hangs on such a size"
    return ShapeError(
        f"{label}{within} cannot make a weight of unknown size.",
        got="\n".join([f"{name!r} of shape {shape}, made for {built_for}", *came]),
        expected="whole numbers: a weight has one shape, whatever the size of what comes",
        hint="give the size of this axis in Input(shape=...), or use axes of known size",
    )


def _merged(shapes: Sequence[Any]) -> Any:
    """Two examples of the shapes that a layer was built for as one, ``None`` where they differ."""
    first, second = shapes
    if isinstance(first, dict):
        return {key: _merged((first[key], second[key])) for key in first}
    if isinstance(first, tuple) and isinstance(second, tuple):
        return tuple(_merged(pair) for pair in zip(first, second, strict=True))
    return first if first == second else None
