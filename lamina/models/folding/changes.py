"""Changes: activations that PyTorch can compute in the memory of their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from lamina import activations
from lamina.layers.activation import Activation, LeakyReLU, ReLU
from lamina.operations import OPERATIONS


@dataclass(frozen=True, slots=True)
class Change:
    """An activation in place, and what oneDNN calls it: a name and its numbers, or None where that kernel lacks it."""

    name: str
    apply: Callable[[torch.Tensor], torch.Tensor]
    onednn: tuple[str, list[float]] | None = None


_RELUS = tuple(OPERATIONS.named("relu").functions.values())
RELU = Change("relu", torch.relu_, ("relu", []))
_OF_FUNCTION: dict[Any, Change] = {
    activations.relu: RELU,
    **dict.fromkeys(_RELUS, RELU),
    activations.relu6: Change("relu6", partial(F.relu6, inplace=True), ("hardtanh", [0.0, 6.0])),
    activations.leaky_relu: Change("leaky_relu", partial(F.leaky_relu_, negative_slope=0.2)),
    activations.elu: Change("elu", F.elu_),
    activations.silu: Change("silu", partial(F.silu, inplace=True), ("swish", [])),
    activations.hard_silu: Change("hard_silu", partial(F.hardswish, inplace=True), ("hardswish", [])),
    activations.sigmoid: Change("sigmoid", torch.sigmoid_, ("sigmoid", [])),
    activations.tanh: Change("tanh", torch.tanh_, ("tanh", [])),
}
CHANGING = (Activation, LeakyReLU, ReLU, *_RELUS)


def is_linear(activation: Any) -> bool:
    """Whether an activation gives back what it gets."""
    return activation is None or activation is activations.linear


def change_of(op: Any) -> Change | None:
    """The change that a layer or a function of one tensor stands for, or None."""
    if type(op) is Activation:
        return change_of(op.activation)
    if type(op) is LeakyReLU:
        return Change("leaky_relu", partial(F.leaky_relu_, negative_slope=op.negative_slope))
    if type(op) is ReLU:
        return _of_relu(op)
    return _OF_FUNCTION.get(op) if not isinstance(op, torch.nn.Module) else None


def _of_relu(layer: ReLU) -> Change | None:
    if layer.threshold or (layer.negative_slope and layer.max_value is not None):
        return None
    if layer.negative_slope:
        return Change("leaky_relu", partial(F.leaky_relu_, negative_slope=layer.negative_slope))
    if layer.max_value is None:
        return RELU
    ceiling = float(layer.max_value)
    in_place = partial(F.hardtanh_, min_val=0.0, max_val=ceiling)
    return Change("relu", in_place, ("hardtanh", [0.0, ceiling]))
