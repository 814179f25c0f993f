"""Weights as Keras' ``.h5`` holds them: a group for each layer of the model, in their order, with its weights in order.

Keras 1 to 3 read such a file; `legacy` reads it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.layers import Layer
from lamina.saving.weights import state_of
from lamina.saving.worked_on import refuse_without_weights

from .h5 import Attributes
from .legacy import LAYERS, OF_THE_MODEL, WEIGHT_NAMES
from .names import free_name
from .optimizer_variables import GROUP_OF_OLD, optimizer_variables

Orders = Mapping[int, list[Layer]]

_BACKEND = "torch"


class LegacyWeights:
    """What a group of a ``.h5`` holds for a model.

    Args:
        model: built.
        group: path of the group; "" is the file itself.
        version: of Keras, whose words these are.
        orders: id of a model -> its layers in Keras' order.

    Attributes:
        arrays: path of a dataset -> the tensor to write.
        attributes: path of a group -> its attributes.
        left: what has no place in the file, a line each.
    """

    def __init__(self, model: Any, group: str, version: str, orders: Orders = MappingProxyType({})) -> None:
        refuse_without_weights(model)
        self._orders = orders
        self._paths = {id(weight): path for path, weight in reversed(state_of(model).items())}
        self._prefix = f"{group}/" if group else ""
        self.arrays: dict[str, torch.Tensor] = {}
        layers = _layers_of(model, orders)
        names = _names_of(layers)
        self.attributes: Attributes = {group: {LAYERS: names, "backend": _BACKEND, "keras_version": version}}
        for name, layer in zip(names, layers, strict=True):
            self._group(name, layer, in_legacy_order(layer, orders))
        self._group(OF_THE_MODEL, model, _trained_first([(weight, True) for weight in model._own_weights()]))
        placed = {id(weight) for weight in self.arrays.values()}
        foreign = [self._paths[id(weight)] for weight in model.weights if id(weight) not in placed]
        self.left = [f"the weight {path!r}, which is of no layer of Keras'" for path in foreign]

    def _group(self, name: str, layer: Any, weights: list[torch.Tensor]) -> None:
        used: set[str] = set()  # weights that were made without a name all have the same one
        names = [free_name(f"{layer.name}/{self._name(weight)}", used) for weight in weights]
        self.attributes[f"{self._prefix}{name}"] = {WEIGHT_NAMES: names}
        for path, weight in zip(names, weights, strict=True):
            self.arrays[f"{self._prefix}{name}/{path}"] = weight

    def _name(self, weight: Any) -> str:
        """The path in the model, whose last word is the weight's name."""
        *parts, last = self._paths[id(weight)].split(".")
        return "/".join([*parts[1:], getattr(weight, "weight_name", None) or last])


def legacy_optimizer(model: Any) -> tuple[dict[str, torch.Tensor], Attributes, list[str]]:
    """(arrays, attributes, what cannot be carried, a line each) of the compiled model's optimizer."""
    variables, left = optimizer_variables(model)
    if not variables:
        return {}, {}, left
    word = type(model.optimizer).__name__.lower()
    rest = [f"{word}/variable_{number}" for number in range(2, len(variables))]
    names = [f"{word}/iteration", f"{word}/learning_rate", *rest][: len(variables)]
    arrays = {f"{GROUP_OF_OLD}/{name}": value for name, value in zip(names, variables, strict=True)}
    return arrays, {GROUP_OF_OLD: {WEIGHT_NAMES: names}}, left


def in_legacy_order(layer: Any, orders: Orders) -> list[Any]:
    """A layer's weights in the order of ``.h5`` files: those that its config says are trained come first."""
    return _trained_first(list(_weights_of(layer, True, orders)))


def _weights_of(layer: Any, trained: bool, orders: Orders) -> Iterator[tuple[Any, bool]]:
    trained = trained and layer.trainable
    yield from ((weight, trained) for weight in layer._own_weights())
    drawn = getattr(layer, "graph", None) is not None
    for part in _layers_of(layer, orders) if drawn else layer._parts():
        if isinstance(part, Layer):
            yield from _weights_of(part, trained, orders)


def _names_of(layers: list[Layer]) -> list[str]:
    """The layers' names, numbered where two have one, as layers in lists of a class may."""
    used: set[str] = set()
    return [free_name(layer.name, used) for layer in layers]


def _layers_of(model: Any, orders: Orders) -> list[Layer]:
    return orders.get(id(model)) or [layer for layer in model.layers if isinstance(layer, Layer)]


def _trained_first(weights: list[tuple[Any, bool]]) -> list[Any]:
    """By nature and by the flags of layers: who freezes a weight by hand tells no file of it."""
    once = {id(weight): (weight, trained and isinstance(weight, torch.nn.Parameter)) for weight, trained in weights}
    found = list(once.values())
    return [weight for weight, trained in found if trained] + [weight for weight, trained in found if not trained]
