"""Weights in Keras 3's files: ``*.weights.h5``, and the ``model.weights.h5`` within a ``.keras``."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.devices import current_device
from lamina.graph import Constant
from lamina.layers import Layer
from lamina.saving.errors import LoadingError
from lamina.saving.report import Tensors, compared
from lamina.saving.translations import Translations
from lamina.saving.weights import load_state, not_those_of, state_of, take_state

from .h5 import Attributes, H5File, is_h5, open_h5, write_h5
from .hooked import give_own_variables, own_arrays
from .layout import OPTIMIZER, Layout, is_weight, word_of_today
from .legacy import legacy_group, legacy_tensors
from .optimizer_variables import load_legacy_optimizer, load_optimizer, optimizer_variables
from .shards import open_weights, write_shards
from .vocabularies import weights_of_vocabularies

__all__ = [
    "is_h5",
    "keras_tensors",
    "read_keras_weights",
    "read_legacy_optimizer",
    "read_legacy_weights",
    "write_keras_weights",
]

_OTHER_ORDER = "the optimizer's state: Keras orders the model's layers in another way"


def read_keras_weights(
    model: Any,
    source: Any,
    where: str,
    *,
    optimizer: bool = False,
    orders: Mapping[int, list[Layer]] | None = None,
    old: bool = False,
) -> list[str]:
    """Read all weights of ``model`` from a file that Keras 3 wrote, and no other.

    Args:
        model: built; its weights may be without storage (meta), and have one afterwards.
        source: a path, or the bytes of the file.
        where: what to call it in errors.
        optimizer: the state of the compiled model's optimizer as well, where the file has it.
        orders: see `Layout`.
        old: Keras 2 wrote it, as a ``.keras``.

    Returns:
        What could not be carried, a line each.

    Raises:
        LoadingError: lists each weight that is missing, unexpected or of another shape, and changes nothing; or the
            file is damaged, or not to be trusted (see `h5.open_h5`).
    """
    with open_h5(source, where) as file:
        _put(model, {**tensors_by_layout(model, file, orders or {}), **_constants(model)}, where)
        give_own_variables(Layout(model, orders or {}), file)
        if optimizer and not _same_order(model, orders or {}):
            return [_OTHER_ORDER]
        return load_optimizer(model, file, old) if optimizer else []


def read_legacy_weights(model: Any, source: Any, where: str, told: Translations | None = None) -> None:
    """Read all weights of ``model`` from a ``.h5`` of Keras 2: of a whole model, or of weights alone.

    Args:
        told: keeps which weights were stored in another form.

    Raises:
        LoadingError: as `read_keras_weights`.
    """
    with open_h5(source, where) as file:
        _put(model, {**legacy_tensors(model, file, told=told), **_constants(model)}, where)


def read_legacy_optimizer(model: Any, source: Any, where: str, orders: Mapping[int, list[Layer]]) -> list[str]:
    """Read the state of the compiled model's optimizer from a whole-model ``.h5`` of Keras 2.

    Returns:
        What could not be carried, a line each.
    """
    with open_h5(source, where) as file:
        left = load_legacy_optimizer(model, file) if _same_order(model, orders) else [_OTHER_ORDER]
        return left if any(path.startswith("optimizer_weights/") for path in file.datasets) else []


def write_keras_weights(
    model: Any,
    target: Any,
    *,
    optimizer: bool = False,
    overwrite: bool = True,
    orders: Mapping[int, list[Layer]] = MappingProxyType({}),
    shard_size: float | None = None,
) -> list[str]:
    """Write the weights as Keras 3 expects them.

    Args:
        target: a path, or an open binary file.
        shard_size: GB of each of several files, of which `target` is the table; None for one file.
        optimizer: the state of the compiled model's optimizer as well.
        orders: see `Layout`.

    Returns:
        What could not be carried, a line each.

    Raises:
        SavingError: a weight of a dtype that HDF5 has no word for, or no h5py.
    """
    layout = Layout(model, orders)
    arrays = layout.places | own_arrays(layout) | weights_of_vocabularies(layout)
    left: list[str] = []
    if optimizer and not _same_order(model, orders):
        left.append(_OTHER_ORDER)
    elif optimizer:
        variables, remarks = optimizer_variables(model)
        arrays |= {f"{OPTIMIZER}/vars/{number}": tensor for number, tensor in enumerate(variables)}
        left += remarks
    names: Attributes = {path: {"name": name} for path, name in layout.names.items()}
    if shard_size is None:
        write_h5(target, arrays, names, overwrite)
    else:
        write_shards(target, arrays, names, shard_size, overwrite)
    return left


def _refuse_other_names(model: Any, file: H5File, orders: Mapping[int, list[Layer]]) -> None:
    """Raise where a layer would get the weights of one of another name: Keras 3 tells layers by class and number."""
    pairs = [
        (name, file.attribute(path, "name"))
        for path, name in Layout(model, orders).names.items()
        if path in file.groups
    ]
    differ = [f"{theirs!r} there, {name!r} here" for name, theirs in pairs if theirs not in (None, name)]
    if differ:
        raise LoadingError(
            f"The weights in {file.where} cannot be read by name: Keras 3 tells layers by class and number.",
            got="\n".join(differ),
            expected="layers of the same names, or a .h5 of Keras 2, .lamina or .safetensors, which tell names",
            hint="model.get_layer(name).set_weights(other.get_layer(name).get_weights()), from the model that wrote it",
        )


def keras_tensors(
    model: Any,
    source: Any,
    where: str,
    by_name: bool = False,
    orders: Mapping[int, list[Layer]] = MappingProxyType({}),
) -> dict[str, torch.Tensor]:
    """What a ``.h5`` has for the model, of Keras 3 or Keras 2: by the paths in ``state_dict``, by names there else.

    What does not fit is a tensor without storage: it is not read.

    Args:
        by_name: of a file of Keras 2, the layers that have one name here and there, and no others.
        orders: see `Layout`.

    Raises:
        LoadingError: among others, ``by_name`` of a file of Keras 3 whose layers have other names.
    """
    with open_weights(source, where) as file:
        old = legacy_group(file) is not None
        if by_name and not old:
            _refuse_other_names(model, file, orders)
        found = legacy_tensors(model, file, by_name) if old else tensors_by_layout(model, file, orders)
    # Constants and states of random generators are none of Keras' weights: they stay. Bare parameters are missing.
    kept = {path: value for path, value in _constants(model).items() if not isinstance(value, torch.nn.Parameter)}
    return kept | found


def tensors_by_layout(
    model: Any, file: H5File, orders: Mapping[int, list[Layer]] = MappingProxyType({})
) -> dict[str, torch.Tensor]:
    """`keras_tensors` of a file of Keras 3."""
    layout = Layout(model, orders)
    paths = {id(weight): path for path, weight in reversed(state_of(model).items())}
    # What a class reads by itself: until it does, its weights are as they are, or nothing.
    own = [weight for layer in layout.stores.values() for weight in layer._own_weights()]
    found = {paths[id(w)]: torch.zeros(w.shape, dtype=w.dtype) if w.is_meta else w for w in own}
    read_elsewhere = [path for path in file.datasets if layout.is_of_vocabulary(path)]
    weights = (path for path in file.datasets if is_weight(path) and path not in read_elsewhere)
    stored = {path: path for path in weights if path.rpartition("/")[0] not in layout.stores}
    for path in [path for path in stored if path not in layout.places]:
        today = word_of_today(path)
        if today in layout.places and today not in stored:
            stored[today] = stored.pop(path)
    for path, there in stored.items():
        weight = layout.places.get(path)
        if weight is None:
            found[there] = file.datasets[there].without_values()
        else:
            found[paths[id(weight)]] = read_like(file, there, weight)
    return found


def _constants(model: Any) -> dict[str, torch.Tensor]:
    """Tensors in a graph: Keras has their values in the config, so they are there already."""
    constants = {id(module.value) for module in model.modules() if isinstance(module, Constant)}
    return {path: tensor for path, tensor in state_of(model).items() if id(tensor) in constants}


def _same_order(model: Any, orders: Mapping[int, list[Layer]] = MappingProxyType({})) -> bool:
    """Whether Keras comes by the trained layers of each model in the order in which we do."""
    for part in model.modules():
        if getattr(part, "graph", None) is not None and isinstance(part, Layer):
            model_: Any = part
            theirs = orders.get(id(part), model_.layers)
            weighted = [[id(layer) for layer in one if layer.weights] for one in (theirs, model_.layers)]
            if weighted[0] != weighted[1]:
                return False
    return True


def read_like(file: H5File, path: str, weight: torch.Tensor) -> torch.Tensor:
    """The values for ``weight``; without storage where they have another shape, and so are not read."""
    if file.datasets[path].shape != tuple(weight.shape):
        return file.datasets[path].without_values()
    return file.read(path, tuple(weight.shape))


def _put(model: Any, tensors: Tensors, where: str) -> None:
    state = state_of(model)
    faults = compared(state, tensors).faults
    if faults:
        raise not_those_of(model, state, faults, where)
    if not any(weight.is_meta for weight in state.values()):
        load_state(model, tensors, where)
        return
    placed = {}
    for path, tensor in tensors.items():
        weight = state[path].detach().as_subclass(torch.Tensor)
        placed[path] = torch.empty_like(weight, device=current_device()).copy_(tensor)
    take_state(model, placed, where)
