"""Weights in the ``.h5`` of Keras 2: a group for each layer, in their order, with its weights' names in order."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers import Layer
from lamina.saving.errors import LoadingError
from lamina.saving.weights import state_of

from .h5 import H5File

_LAYERS, _WEIGHTS = "layer_names", "weight_names"
_WHOLE_MODEL = "model_weights"


def legacy_group(file: H5File) -> str | None:
    """The group that holds the layers' weights; None where this is no file of Keras 2."""
    for group in (_WHOLE_MODEL, ""):
        if group in file.groups and file.names(group, _LAYERS):
            return group
    return None


def legacy_tensors(model: Any, file: H5File) -> dict[str, torch.Tensor]:
    """What the file has for the model: by the paths in ``state_dict``; by names there what the model has not.

    Layers are matched by their names where these are the same here and there, else by their order, as Keras does.
    What does not fit is a tensor without storage.
    """
    group = legacy_group(file)
    if group is None:
        raise LoadingError(f"{file.where} is no file of Keras 2.", expected=f"a group with an attribute {_LAYERS!r}")
    theirs = {name: _weights_in(file, f"{group}/{name}" if group else name) for name in file.names(group, _LAYERS)}
    theirs = {name: weights for name, weights in theirs.items() if weights}
    ours = [layer for layer in model.layers if layer.weights]
    if {layer.name for layer in ours} == set(theirs):
        pairs = [(layer, theirs[layer.name]) for layer in ours]
    elif len(ours) == len(theirs):
        pairs = list(zip(ours, theirs.values(), strict=True))
    else:
        raise LoadingError(
            f"{file.where} holds the weights of another model than {model.label}.",
            got=f"{len(theirs)} layers with weights: {', '.join(theirs)}"[:400],
            expected=f"{len(ours)}: {', '.join(layer.name for layer in ours)}"[:400],
            hint="the model that wrote the file, built with the same layers",
        )
    paths = {id(weight): path for path, weight in reversed(state_of(model).items())}
    found: dict[str, torch.Tensor] = {}
    for layer, stored in pairs:
        order = _order(layer, stored, file)
        for path, weight in zip(stored, order, strict=False):
            fits = file.datasets[path].shape == tuple(weight.shape)
            value = file.read(path, tuple(weight.shape)) if fits else file.datasets[path].without_values()
            found[paths[id(weight)]] = value
        found |= {path: file.datasets[path].without_values() for path in stored[len(order) :]}
    return found


def _weights_in(file: H5File, group: str) -> list[str]:
    """Paths of a layer's weights, in their order."""
    if group not in file.groups:
        raise LoadingError(f"{file.where} names a layer that it does not hold.", got=repr(group[:80]))
    paths = [f"{group}/{name}" for name in file.names(group, _WEIGHTS)]
    for path in paths:
        if path not in file.datasets:
            raise LoadingError(f"{file.where} names a weight that it does not hold.", got=repr(path[:80]))
    return paths


def _order(layer: Layer, stored: list[str], file: H5File) -> list[Any]:
    """The layer's weights in the order of the file: those that were trained came first, and a file does not tell which
    these were. So the order in which names and shapes agree; where none does, that of the flags here."""
    weights = layer.weights
    kinds = [
        layer.trainable_weights + layer.non_trainable_weights,
        [w for w in weights if isinstance(w, torch.nn.Parameter) and _trained(layer, w)]
        + [w for w in weights if not _trained(layer, w)],
        weights,
    ]
    there = [(path.rsplit("/", 1)[-1].split(":")[0], file.datasets[path].shape) for path in stored]
    for kind in kinds:
        if [(getattr(w, "weight_name", ""), tuple(w.shape)) for w in kind] == there:
            return kind
    return kinds[0]


def _trained(layer: Layer, weight: Any) -> bool:
    """Whether a weight is for the optimizer by its nature, frozen or not."""
    return any(weight is parameter for parameter in layer.parameters())
