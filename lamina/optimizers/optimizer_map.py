"""`OptimizerMap`: which optimizer trains which weight, by the weight's path."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from torch import Tensor

from lamina.graph.errors import ArgumentError
from lamina.registry import Registry

from .base import Optimizer
from .table import SINGLE, read_optimizer

_REGISTRY = Registry("optimizer", classes=SINGLE)


class OptimizerMap(MutableMapping[str, Optimizer]):
    """A dict from paths to optimizers, with one for all other weights. Called with a weight, it gives that weight's.

    A key is a path or a regular expression for whole paths: "encoder/.*" is for all weights of the layer "encoder".
    A key that is the path itself goes before expressions.

    Args:
        default_optimizer: for weights that no key matches.
        optimizer_map: path or expression -> optimizer.

    Raises:
        ArgumentError: what is given for a key is no optimizer, or one that holds others; a key is there already;
            several expressions match a path.

    >>> from lamina.optimizers import SGD, Adam
    >>> by_path = OptimizerMap(SGD(), {"encoder/.*": Adam()})
    >>> by_path["encoder/kernel"].name, by_path["head/kernel"].name
    ('adam', 'sgd')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        if optimizer_map is not None and not isinstance(optimizer_map, Mapping):
            raise ArgumentError(
                "An OptimizerMap is made of a dict.", got=repr(optimizer_map), expected="path: optimizer"
            )
        self.default_optimizer = check_single(default_optimizer, "the default of an OptimizerMap")
        self._optimizers: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        matching = [pattern for pattern in self._optimizers if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ArgumentError(
                f"Several keys of an OptimizerMap match the weight {key!r}.",
                got=", ".join(map(repr, matching)),
                hint=f"the key {key!r} itself goes before expressions",
            )
        return self._optimizers[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ArgumentError("A key of an OptimizerMap is a path or a regular expression.", got=repr(key))
        if key in self._optimizers:
            raise ArgumentError(
                f"{key!r} is in this OptimizerMap already.",
                got=f"{optimizer!r} beside {self._optimizers[key]!r}",
                hint=f"del optimizer_map[{key!r}] first",
            )
        self._optimizers[key] = check_single(optimizer, f"{key!r} of an OptimizerMap")

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __contains__(self, key: object) -> bool:
        return key in self._optimizers

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __len__(self) -> int:
        return len(self._optimizers)

    def __call__(self, variable: Tensor) -> Optimizer:
        path = getattr(variable, "path", None)
        if path is None:
            raise ArgumentError(
                "An OptimizerMap goes by paths, and a parameter of a plain PyTorch module has none.",
                got=f"a parameter of shape {tuple(variable.shape)}",
                hint="a function from parameters to optimizers in the place of the map",
            )
        return self[path]

    def get_config(self) -> dict[str, Any]:
        """As JSON types. An optimizer that stands under several keys is written once, later ones name its first key."""
        known: dict[int, str | None] = {id(self.default_optimizer): None}
        written: dict[str, Any] = {}
        for key, optimizer in self._optimizers.items():
            written[key] = known[id(optimizer)] if id(optimizer) in known else _REGISTRY.serialize(optimizer)
            known.setdefault(id(optimizer), key)
        return {"default_optimizer": _REGISTRY.serialize(self.default_optimizer), "optimizer_map": written}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> OptimizerMap:
        """Reverse of `get_config`; classes and schedules of the user come from `custom_objects`, by name."""
        default = _made(config["default_optimizer"], custom_objects)
        made: dict[str, Optimizer] = {}
        for key, data in config["optimizer_map"].items():
            if isinstance(data, str) and data not in made:
                raise ArgumentError(f"{key!r} of an OptimizerMap names a key that is not before it.", got=repr(data))
            if isinstance(data, str):
                made[key] = made[data]
            else:
                made[key] = default if data is None else _made(data, custom_objects)
        return cls(default, made)


def _made(data: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    return read_optimizer(_REGISTRY, data, custom_objects) if isinstance(data, dict) else data


def check_single(optimizer: Any, what: str) -> Optimizer:
    """`optimizer`, or ArgumentError if it is none of Lamina's, or one that hands the work to others."""
    if not isinstance(optimizer, Optimizer):
        raise ArgumentError(
            f"This cannot be {what}.", got=repr(optimizer), expected="an optimizer of lamina.optimizers"
        )
    if optimizer.hands_on:
        raise ArgumentError(
            f"A {type(optimizer).__name__} cannot be {what}.",
            got=repr(optimizer.name),
            hint="LossScaleOptimizer(MultiOptimizer(...)): the one that scales is the outermost",
        )
    return optimizer
