"""All that a model has learned, as nested dicts by Keras' paths, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch

from lamina.arrays import as_array, as_tensor
from lamina.graph import ArgumentError, ShapeError
from lamina.optimizers.variables import path_of

_FORMATS: dict[str, Callable[[torch.Tensor], Any]] = {
    "backend_tensor": lambda value: value.detach().clone().as_subclass(torch.Tensor),
    "numpy_array": lambda value: as_array(value).copy(),
}


def get_state_tree(model: Any, value_format: str = "backend_tensor") -> dict[str, Any]:
    """Weights, state of the optimizer and of the metrics: copies, in nested dicts.

    Args:
        value_format: "backend_tensor" or "numpy_array".

    Returns:
        ``trainable_variables``, ``non_trainable_variables``, ``optimizer_variables``, ``metrics_variables``, each by
        the names of layers and weights: ``tree["trainable_variables"]["dense"]["kernel"]``.

    Raises:
        ArgumentError: another format, or two weights of one path.

    >>> from lamina import Input, Sequential
    >>> from lamina.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(1, name="out")])
    >>> sorted(model.get_state_tree()["trainable_variables"]["out"])
    ['bias', 'kernel']
    """
    if value_format not in _FORMATS:
        raise ArgumentError("A state has no such format.", got=repr(value_format), expected=" or ".join(_FORMATS))
    return {
        name: _nested(((path, variable) for path, variable in variables), _FORMATS[value_format])
        for name, variables in _variables(model).items()
    }


def set_state_tree(model: Any, state_tree: Mapping[str, Any]) -> None:
    """Put back what `get_state_tree` gave, or a part of it.

    Raises:
        ArgumentError: a name that the model does not have.
        ShapeError: values of another shape.
    """
    known = {name: dict(variables) for name, variables in _variables(model).items()}
    for name, tree in state_tree.items():
        if name not in known:
            raise ArgumentError("A state has no such part.", got=repr(name), expected=", ".join(known))
        state: dict[str, Any] = {}
        for path, value in _flat(tree):
            if path not in known[name]:
                raise ArgumentError(
                    f"{model.label} has no {name} of this path.", got=repr(path), expected=", ".join(known[name])[:300]
                )
            state[path] = value
        if name == "optimizer_variables":
            _set_optimizer(model, model.optimizer, state)
            continue
        for path, value in state.items():
            known[name][path].assign(value)


def _variables(model: Any) -> dict[str, list[tuple[str, Any]]]:
    optimizer = getattr(model, "optimizer", None)
    metrics = model.metrics if getattr(model, "compiled", False) else []
    return {
        "trainable_variables": [(weight.path, weight) for weight in model.trainable_weights],
        "non_trainable_variables": [(weight.path, weight) for weight in model.non_trainable_weights],
        "optimizer_variables": list(_of_optimizer(model, optimizer)) if optimizer is not None else [],
        "metrics_variables": [(f"{metric.name}/{v.name}", v) for metric in metrics for v in metric.variables],
    }


def _of_optimizer(model: Any, optimizer: Any) -> Iterator[tuple[str, torch.Tensor]]:
    return ((path, value) for path, (_, value) in _optimizer_paths(optimizer).items())


def _optimizer_paths(optimizer: Any) -> dict[str, tuple[str, torch.Tensor]]:
    """Keras' names, ``adam/iteration``, ``adam/dense_kernel_momentum`` -> (key in ``state_dict``, the tensor)."""
    state = optimizer.state_dict().items()
    return {path_of(optimizer, key): (key, value) for key, value in state if isinstance(value, torch.Tensor)}


def _set_optimizer(model: Any, optimizer: Any, values: Mapping[str, Any]) -> None:
    state, keys = dict(optimizer.state_dict()), _optimizer_paths(optimizer)
    for path, value in values.items():
        key, old = keys[path]
        new = as_tensor(value)
        if new.shape != old.shape:
            raise ShapeError(
                f"The optimizer's {path!r} has another shape.",
                got=str(tuple(new.shape)),
                expected=str(tuple(old.shape)),
            )
        state[key] = new.to(old.dtype)
    optimizer.load_state_dict(state)


def _nested(variables: Iterable[tuple[str, Any]], to_format: Callable[[torch.Tensor], Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, variable in variables:
        *parts, last = path.split("/")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
        if last in place:
            raise ArgumentError(
                "A path of a variable is found twice in the model, so a state has no place for both.",
                got=repr(path),
                hint="a name of its own for each layer",
            )
        place[last] = to_format(variable)
    return tree


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
