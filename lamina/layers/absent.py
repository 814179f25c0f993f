"""Attributes that a layer or model has not: what was meant, or what to write in place of a name of Keras'.

PyTorch asks `Attributes.__getattr__` for a module's parts, and where a property has raised an `AttributeError`. That
error is raised once more then: the words of who wrote the property would be lost otherwise.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch.compiler import is_compiling

from lamina._torch import attributes as reading
from lamina.frames import is_ours
from lamina.nearest import nearest, suggested
from lamina.public_names import MissingNameError
from lamina.users_traceback import fold

OF_LAYERS = {
    "add_metric": "compile(metrics=[...]), or a metric made in __init__ of the model and updated in its train_step",
    "add_update": "an assignment in call: self.count.assign(...)",
    "get_losses_for": "losses",
    "get_updates_for": "an assignment in call: self.count.assign(...)",
    "inbound_nodes": "model.graph.nodes, the calls of all layers in their order",
    "input_dtype": "compute_dtype",
    "metrics": "model.metrics",
    "metrics_variables": "model.metrics, of which each has its variables",
    "outbound_nodes": "model.graph.nodes, the calls of all layers in their order",
    "path": "name",
    "torch_params": "parameters(): a layer is an nn.Module",
    "updates": "an assignment in call: self.count.assign(...)",
    "weight": "kernel, or weights for the list of all",
}
"""Name that Keras' layers, or PyTorch's, have or had -> what to write."""
_UNBUILT = "weights are made by the first call, or by build(input_shape)"


class Attributes(reading.NamesAttributes):
    """A module that says of an attribute which it has not what to write."""

    names_elsewhere: ClassVar[Mapping[str, str]] = OF_LAYERS

    def __getattr__(self, name: str) -> Any:
        if is_compiling():  # by these names its tracer knows weights, whose sizes never change
            for held in (self._parameters, self._modules, self._buffers):
                if name in held:
                    return held[name]
            raise AttributeError(_without(self, name))  # it takes no more than this
        slots = self.__dict__
        if "_parameters" in slots:  # as in PyTorch, each by itself: a loop takes half as long again
            held = slots["_parameters"]
            if name in held:
                return held[name]
            held = slots["_modules"]
            if name in held:
                return held[name]
            held = slots["_buffers"]
            if name in held:
                return held[name]
        text = _without(self, name)
        asks = sys._getframe(1)
        own = _property(type(self), name)
        if own is None and (name[:1] == "_" or is_ours(asks) or "_parameters" not in slots):
            raise AttributeError(text)  # for who asks whether there is one, and reads no words
        try:
            if own is not None:
                return own.__get__(self, type(self))
            instead = self.names_elsewhere.get(name) or _Near(self, name)
            raise MissingNameError(f"{text}.", hint=instead)  # type: ignore[arg-type]
        except Exception as error:
            fold(error, asks)
            raise


def _without(module: torch.nn.Module, name: str) -> str:
    return f"{type(module).__name__!r} object has no attribute {name!r}"


def _property(cls: type, name: str) -> property | cached_property[Any] | None:
    """The property of that name, which has raised an `AttributeError`; it may be the user's."""
    for base in cls.__mro__:
        found = base.__dict__.get(name)
        if found is not None:
            return found if isinstance(found, (property, cached_property)) else None
    return None


class _Near:
    """What was meant, found when somebody reads it: who only asks whether there is an attribute need not wait."""

    def __init__(self, module: Attributes, name: str) -> None:
        self._module, self._name = module, name

    def __str__(self) -> str:
        module, name = self._module, self._name
        known = {*dir(type(module)), *vars(module), *module._modules}
        near = suggested(nearest(name, (each for each in known - {name} if each[0] != "_")))
        unbuilt = "" if module.__dict__.get("_built") else _UNBUILT
        return "\n".join(filter(None, (near, unbuilt)))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)
