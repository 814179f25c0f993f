"""SavingHooks: the part of a layer that a class overrides to say more of itself to a file than config and weights."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np
import torch

from lamina.arrays import as_array
from lamina.graph import ArgumentError, tree


class SavingHooks:
    """Keras' hooks of saving, as they are for a class that does not override them.

    `save_assets` and `load_assets` have no such meaning: a class has both, or neither.
    """

    def get_build_config(self) -> dict[str, Any] | None:
        """What `build_from_config` needs: ``{"input_shape": ...}``, or ``{"shapes_dict": {argument: shape}}`` where
        ``build``, or the call of a model, takes several; None for what is not built.

        >>> from lamina.layers import Dense
        >>> layer = Dense(2)
        >>> layer.build((None, 3))
        >>> layer.get_build_config()
        {'input_shape': (None, 3)}
        """
        first = getattr(self, "_first_call", None)
        if first is not None:
            return _shapes_of_call(self, *first)
        shapes = getattr(self, "_built_for", None)
        if not shapes:
            return None
        if len(shapes) == 1:
            return {"input_shape": shapes[0]}
        names = list(inspect.signature(type(self).build).parameters)[1:]  # type: ignore[attr-defined]
        return {"shapes_dict": dict(zip(names, shapes, strict=False))}

    def build_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Build the layer as `get_build_config` says.

        >>> from lamina.layers import Dense
        >>> layer = Dense(2)
        >>> layer.build_from_config({"input_shape": [None, 3]})
        >>> layer.built
        True
        """
        layer: Any = self
        if not config:
            return
        if "input_shape" in config:
            layer.build(_as_shapes(config["input_shape"]))
        elif "shapes_dict" in config:
            shapes = {name: _as_shapes(shape) for name, shape in config["shapes_dict"].items()}
            if hasattr(self, "_first_call"):
                _call_on_shapes(layer, shapes)
            else:
                layer.build(**shapes)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the values of the layer's own weights into ``store``, as arrays under ``"0"``, ``"1"`` and so on."""
        for number, weight in enumerate(self._own_weights()):  # type: ignore[attr-defined]
            store[str(number)] = as_array(weight)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Give the layer's own weights the values that `save_own_variables` has put into ``store``.

        Raises:
            ArgumentError: another number of weights, or other shapes.
        """
        weights = list(self._own_weights())  # type: ignore[attr-defined]
        values = [store[str(number)] for number in range(len(weights)) if str(number) in store]
        shapes = [tuple(weight.shape) for weight in weights]
        if len(store.keys()) != len(weights) or [tuple(np.shape(value)) for value in values] != shapes:
            raise ArgumentError(
                f"{self.label} has other weights than those that are to be loaded.",  # type: ignore[attr-defined]
                got=", ".join(f"{key}: {tuple(np.shape(store[key]))}" for key in store)[:200] or "nothing",
                expected=", ".join(f"{number}: {shape}" for number, shape in enumerate(shapes)) or "nothing",
            )
        with torch.no_grad():
            for weight, value in zip(weights, values, strict=True):
                weight.copy_(torch.as_tensor(np.asarray(value)))


def _shapes_of_call(model: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """The shapes of what a model without a graph was first called on."""
    signature = model._facts.signature
    taken = {name: value for name, value in kwargs.items() if name in signature.parameters}  # all are told `training`
    given = signature.bind_partial(*args, **taken).arguments
    shapes = {
        name: tree.map_leaves(lambda leaf: tuple(leaf.shape), value)
        for name, value in given.items()
        if list(tree.leaves(value)) and all(hasattr(leaf, "shape") for leaf in tree.leaves(value))
    }
    if len(shapes) == 1:
        return {"input_shape": next(iter(shapes.values()))}
    return {"shapes_dict": {f"{name}_shape": shape for name, shape in shapes.items()}} if shapes else None


def _call_on_shapes(model: Any, shapes: Mapping[str, Any]) -> None:
    """Build a model that takes several arguments, by a call on zeros."""

    def zeros(shape: Any) -> Any:
        if isinstance(shape, tuple) and all(size is None or isinstance(size, int) for size in shape):
            return torch.zeros([1 if size is None else size for size in shape], dtype=model._torch_dtype)
        items = shape.items() if isinstance(shape, dict) else enumerate(shape)
        made = {key: zeros(item) for key, item in items}
        return made if isinstance(shape, dict) else list(made.values())

    with torch.no_grad():
        model(**{name.removesuffix("_shape"): zeros(shape) for name, shape in shapes.items()})


def _as_shapes(value: Any) -> Any:
    """Shapes as JSON has them, in lists, as tuples."""
    if isinstance(value, dict):
        return {key: _as_shapes(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        plain = all(size is None or isinstance(size, int) for size in value)
        return tuple(value) if plain else [_as_shapes(item) for item in value]
    return value
