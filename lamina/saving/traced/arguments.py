"""A layer's call with other weights and other inputs than its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch

from lamina.graph import SymbolicTensor, tree
from lamina.layers import Layer
from lamina.layers.variable import Variable
from lamina.layers.weights import Weights
from lamina.saving.weights import once, state_of

_SLOTS = frozenset({"_parameters", "_buffers", "_modules"})  # PyTorch's own dicts: what holds them holds them still


def filled(arguments: Any, tensors: Iterator[torch.Tensor]) -> Any:
    """The arguments with these tensors in the places of tensors."""
    kinds = (SymbolicTensor, torch.Tensor)
    return tree.map_leaves(lambda leaf: next(tensors) if isinstance(leaf, kinds) else leaf, arguments)


def weights_of(layer: Layer) -> dict[str, torch.Tensor]:
    """Path -> weight, each once, in the order of the modules."""
    return once(state_of(layer))


def copies_of(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Plain tensors with the same values, which want a gradient where the weights do."""
    plain = {path: w.detach().as_subclass(torch.Tensor).clone() for path, w in weights.items()}
    return {path: copy.requires_grad_(weights[path].requires_grad) for path, copy in plain.items()}


@contextmanager
def weights_laid_over(layer: Layer, weights: dict[str, torch.Tensor]) -> Iterator[None]:
    """Within, other tensors stand in the places of the layer's weights, in all places of each."""
    by_id = {id(w): _answering_like(w, weights[path]) for path, w in weights_of(layer).items()}
    kept: list[tuple[dict[str, Any], str, Any]] = []
    for part in layer.modules():
        # Lists, tuples and dicts of weights are attributes like any other: they hold the weights a second time.
        slots: tuple[dict[str, Any], ...] = (part._parameters, part._buffers, part.__dict__)
        for slot in slots:
            for key, value in slot.items():
                other = value if key in _SLOTS else _with_others(value, by_id)
                if other is not value:
                    kept.append((slot, key, value))
                    slot[key] = other
    try:
        yield
    finally:
        for slot, key, value in kept:
            slot[key] = value


def _with_others(value: Any, by_id: dict[int, torch.Tensor], within: tuple[int, ...] = ()) -> Any:
    """What stands for a weight; a container with these in the places of weights. Itself where there are none."""
    if id(value) in by_id:
        return by_id[id(value)]
    if type(value) not in (list, tuple, dict) or id(value) in within:
        return value
    within = (*within, id(value))
    items = value if type(value) is dict else dict(enumerate(value))
    others = {key: _with_others(item, by_id, within) for key, item in items.items()}
    if all(others[key] is item for key, item in items.items()):
        return value
    return others if type(value) is dict else type(value)(others.values())


def _answering_like(weight: Any, value: torch.Tensor) -> torch.Tensor:
    """The value with the methods of a `Variable`, where it stands for one: call() may use them."""
    if isinstance(weight, Variable):
        for name in ("assign", "assign_add", "assign_sub"):
            setattr(value, name, MethodType(getattr(Variable, name), value))
        for name, fact in {**weight.described(), "value": value, "trainable": weight.trainable}.items():
            if name != "name":
                setattr(value, name, fact)
    return value


def outputs_and_losses(layer: Layer, arguments: Any) -> tuple[Any, list[torch.Tensor]]:
    """What a call returns, and what it adds to the losses."""
    args, kwargs = arguments
    parts = [part for part in layer.modules() if isinstance(part, Weights)]
    for part in parts:
        part._losses = []
    outputs = layer.launch(*args, **kwargs)
    losses = [loss for part in parts for loss in part._losses]
    for part in parts:
        part._losses = []
    return outputs, losses
