"""Weights in the ``.h5`` of Keras 2: a group for each layer, in their order, with its weights' names in order."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers import Layer
from lamina.saving.errors import LoadingError
from lamina.saving.translations import Translations
from lamina.saving.weights import state_of

from .h5 import H5File
from .older.names import safe_name
from .older.versions import Version, version_of
from .older.weights import parts_in_old_forms

LAYERS, WEIGHT_NAMES = "layer_names", "weight_names"
OF_THE_MODEL = "top_level_model_weights"
_WHOLE_MODEL = "model_weights"
LEGACY_OPTIMIZER = "optimizer_weights"


def legacy_group(file: H5File) -> str | None:
    """The group that holds the layers' weights; None where this is no file of Keras 2."""
    if _WHOLE_MODEL in file.groups:  # which may be of no layer at all
        return _WHOLE_MODEL
    return "" if file.names("", LAYERS) else None


def legacy_names(file: H5File, group: str) -> list[str]:
    """Names of the layers in such a file, in their order."""
    return file.names(group, LAYERS)


def legacy_tensors(
    model: Any, file: H5File, by_name: bool = False, told: Translations | None = None
) -> dict[str, torch.Tensor]:
    """What the file has for the model: by the paths in ``state_dict``; by names there what the model has not.

    Layers are matched by their names where these are the same here and there, else by their order, as Keras does.
    What does not fit is a tensor without storage.

    Args:
        by_name: the layers that have one name here and there, and no others.
        told: keeps which weights were stored in another form.
    """
    group = legacy_group(file)
    if group is None:
        raise LoadingError(f"{file.where} is no file of Keras 2.", expected=f"a group with an attribute {LAYERS!r}")
    theirs = {name: _weights_in(file, f"{group}/{name}" if group else name) for name in legacy_names(file, group)}
    theirs = {name: weights for name, weights in theirs.items() if weights}
    ours = [layer for layer in model.layers if layer.weights]
    version = version_of(file.attribute(group, "keras_version") or file.attribute("", "keras_version"))
    backend = file.attribute(group, "backend") or file.attribute("", "backend") or ""
    paths = {id(weight): path for path, weight in reversed(state_of(model).items())}
    found: dict[str, torch.Tensor] = {}
    for layer, stored in _pairs(model, ours, theirs, by_name, file.where):
        found |= _of_layer(layer, stored, file, paths, version, backend, told)
    of_model = f"{group}/{OF_THE_MODEL}" if group else OF_THE_MODEL
    if of_model in file.groups and not by_name:
        found |= _of_the_model(model, _weights_in(file, of_model), file, paths)
    if by_name:
        known = {layer.name for layer in ours}
        left = [path for name, weights in theirs.items() if safe_name(name) not in known for path in weights]
        found |= {path: file.datasets[path].without_values() for path in left}
    return found


def _pairs(
    model: Any, ours: list[Layer], theirs: dict[str, list[str]], by_name: bool, where: str
) -> list[tuple[Layer, list[str]]]:
    """Each layer and the arrays that are for it."""
    named = {safe_name(name): weights for name, weights in theirs.items()}
    if by_name:
        return [(layer, named[layer.name]) for layer in ours if layer.name in named]
    if {layer.name for layer in ours} == set(named) and len(named) == len(theirs):
        return [(layer, named[layer.name]) for layer in ours]
    if len(ours) == len(theirs):
        return list(zip(ours, theirs.values(), strict=True))
    raise LoadingError(
        f"{where} holds the weights of another model than {model.label}.",
        got=f"{len(theirs)} layers with weights: {', '.join(theirs)}"[:400],
        expected=f"{len(ours)}: {', '.join(layer.name for layer in ours)}"[:400],
        hint="the model that wrote the file, built with the same layers; or load_weights(..., by_name=True)",
    )


def _of_layer(
    layer: Layer,
    stored: list[str],
    file: H5File,
    paths: dict[int, str],
    version: Version,
    backend: str,
    told: Translations | None,
) -> dict[str, torch.Tensor]:
    """A layer's weights by their paths."""
    shapes = [file.datasets[path].shape for path in stored]
    parts = parts_in_old_forms(layer, shapes, version, backend)
    found: dict[str, torch.Tensor] = {}
    for part in parts or ():
        if told is not None and part.form.what:
            told.add("translated", f"weights: {part.form.what}", layer.name)
        places = range(part.start, part.start + len(part.form.shapes))
        made = part.form.turned([file.read(stored[place], shapes[place]) for place in places])
        found |= {paths[id(weight)]: value for weight, value in zip(part.weights, made, strict=True)}
    if parts is not None:
        return found
    order = _order(layer, stored, file)
    for path, weight in zip(stored, order, strict=False):
        fits = file.datasets[path].shape == tuple(weight.shape)
        value = file.read(path, tuple(weight.shape)) if fits else file.datasets[path].without_values()
        found[paths[id(weight)]] = value
    return found | {path: file.datasets[path].without_values() for path in stored[len(order) :]}


def _of_the_model(model: Any, stored: list[str], file: H5File, paths: dict[int, str]) -> dict[str, torch.Tensor]:
    """The weights that are the model's own and of no layer; trained ones come first."""
    own = sorted(model._own_weights(), key=lambda weight: not _trained(model, weight))
    found = {path: file.datasets[path].without_values() for path in stored[len(own) :]}
    for path, weight in zip(stored, own, strict=False):
        stored_one, shape = file.datasets[path], tuple(weight.shape)
        found[paths[id(weight)]] = file.read(path, shape) if stored_one.shape == shape else stored_one.without_values()
    return found


def _weights_in(file: H5File, group: str) -> list[str]:
    """Paths of a layer's weights, in their order."""
    if group not in file.groups:
        raise LoadingError(f"{file.where} names a layer that it does not hold.", got=repr(group[:80]))
    paths = [f"{group}/{name}" for name in file.names(group, WEIGHT_NAMES)]
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
