"""Whether a layer that is made again from its config does what the layer does: tried before the config is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.devices import device
from lamina.graph import tree
from lamina.layers import Layer
from lamina.saving.errors import SavingError
from lamina.saving.own_state import pass_on
from lamina.saving.weights import freeze, frozen

from .arguments import weights_of
from .call import MODES
from .verify import _ran, _same
from .ways import Way, attempts, ways_of

_BATCH = 3
_HINT = (
    "get_config() that returns all arguments of __init__; what the layer gets to know later, in buffers or weights, "
    "or written by save_own_variables"
)


def refuse_if_not_rebuilt(layer: Layer, make: Callable[[], Layer]) -> None:
    """Make the layer from what a file would have of it, give it the same weights, and run both, in both modes.

    What the layer's own code refuses, or gives other numbers for each time, says nothing.

    Args:
        layer: built.
        make: makes another one from its config, as a reader does.

    Raises:
        SavingError: the other one cannot be made, has other weights, or answers otherwise.
    """
    ways = ways_of(layer)
    if not ways:
        return
    weights = weights_of(layer)
    try:
        new = _built(make, layer, [way.arguments for way in ways])
        pass_on(layer, new)
        freeze(new, frozen(layer))
    except Exception as error:  # it is the user's code, which may raise anything
        raise _refused(layer, f"{type(error).__name__}: {error}".splitlines()[0][:300]) from error
    own = {path: (tuple(w.shape), w.dtype) for path, w in weights.items()}
    theirs = {path: (tuple(w.shape), w.dtype) for path, w in weights_of(new).items()}
    if own != theirs:
        differ = sorted(path for path in own.keys() | theirs.keys() if own.get(path) != theirs.get(path))
        raise _refused(layer, f"the other one has other weights: {', '.join(differ)}"[:300])
    for way in ways:
        for training in MODES:
            _refuse_other_answer(layer, new, weights, way, training)


def _built(make: Callable[[], Layer], layer: Any, calls: list[Any]) -> Layer:
    """The new layer with its weights, made as loading makes them: by the first call of a model that has no graph, else
    without memory, since a file brings them."""
    first = getattr(layer, "_first_call", None)
    if first is not None and layer.graph is None:
        new: Any = make()
        if not new.built:
            args, kwargs = tree.map_leaves(_zeros, first)
            with torch.no_grad(), torch.random.fork_rng():
                new(*args, **kwargs)
        return new  # type: ignore[no-any-return]
    with device("meta"):
        new = make()
        for args, kwargs in calls:
            if getattr(new, "graph", None) is None:
                new(*args, **kwargs)
    return new  # type: ignore[no-any-return]


def _zeros(leaf: Any) -> Any:
    return torch.zeros(leaf.shape, dtype=leaf.dtype) if isinstance(leaf, torch.Tensor) else leaf


def _refuse_other_answer(layer: Layer, new: Layer, weights: Any, way: Way, training: bool) -> None:
    arguments = way.arguments
    for sizes, filling in attempts(way, _BATCH):
        tensors = way.numbers(sizes, filling)
        try:
            own = [_ran(layer, weights, arguments, tensors, training)[:3] for _ in range(2)]
            break
        except Exception:  # noqa: BLE001  it is the user's code, on numbers that nobody may ever give it
            continue
    else:
        return
    try:
        theirs: Any = _ran(new, weights, arguments, tensors, training)[:3]
    except Exception as error:  # noqa: BLE001
        theirs = f"{type(error).__name__}: {error}".splitlines()[0]
    if not _same(own[0], theirs, exactly=_same(own[0], own[1], exactly=True)):
        told = f", {theirs}" if isinstance(theirs, str) else ""
        raise _refused(layer, f"it answers otherwise in {MODES[training]} mode{told}"[:300])


def _refused(layer: Layer, why: str) -> SavingError:
    return SavingError(
        f"{layer.label} cannot be saved: what its get_config() gives does not make the same layer again.",
        got=why,
        expected=f"{type(layer).__name__}.from_config(layer.get_config()), with the same weights, to do the same",
        hint=_HINT,
    )
