"""Weights of a file as dicts in dicts: an object is a dict, a weight an array. From files, into files, and of models.

Keras' files have ``layers/dense/vars/0`` where the tree has ``{"layers": {"dense": {"0": ...}}}``; those of Lamina and
PyTorch ``dense.kernel`` for ``{"dense": {"kernel": ...}}``. Nothing here recurses: a file may nest as deep as it likes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .errors import LoadingError
from .keras_files.h5 import H5File, write_h5
from .keras_files.hooked import own_arrays
from .keras_files.layout import Layout, is_weight
from .keras_files.legacy import legacy_group
from .weights import once, state_of

Tree = dict[str, Any]

VARS = "vars"
# Arrays in HDF5 may be packed. What unpacks to much more than there is in the file is no file of weights.
_MAX_EXPANSION = 20
_SMALL = 2**26


def leaves(tree: Tree) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(the names that lead to it, weight) for each weight, in order.

    >>> list(leaves({"a": {"0": 1, "b": {"0": 2}}, "c": {}}))
    [(('a', '0'), 1), (('a', 'b', '0'), 2)]
    """
    stack: list[tuple[tuple[str, ...], Any]] = [((), tree)]
    while stack:
        names, item = stack.pop()
        if isinstance(item, dict):
            stack += [((*names, name), part) for name, part in reversed(item.items())]
        else:
            yield names, item


def put(tree: Tree, names: tuple[str, ...], value: Any, where: str) -> None:
    """Set a weight, and make the objects that lead to it.

    Raises:
        LoadingError: one of them is a weight, or the weight is an object.
    """
    for name in names[:-1]:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise LoadingError(f"In {where}, a weight has weights of its own.", got=repr(name)[:80])
    if names[-1] in tree:
        raise LoadingError(f"In {where}, a weight and an object have one name.", got=repr(names[-1])[:80])
    tree[names[-1]] = value


# -- Keras' files


def from_h5(file: H5File, size: int) -> tuple[Tree, dict[str, dict[str, str]]]:
    """The weights of an open file of Keras 3's, and what it says of objects: path -> {"name": the layer's name}.

    Args:
        size: of the file in bytes.

    Raises:
        LoadingError: a file of Keras 1 or 2; arrays that unpack to much more than the file holds.
    """
    if legacy_group(file) is not None or "model_weights" in file.groups:
        raise LoadingError(
            f"{file.where} is a whole model in HDF5, or weights of Keras 1 or 2, which are told by names of layers.",
            expected="a .weights.h5 or .keras of Keras 3",
            hint='load_model(...) or model.load_weights(...), then model.save_weights("model.weights.h5")',
        )
    declared = sum(math.prod(one.shape) * one.dtype.itemsize for one in file.datasets.values())
    if declared > size * _MAX_EXPANSION + _SMALL:
        raise LoadingError(
            f"The weights in {file.where} are larger than they can be.", got=f"{declared} bytes in a file of {size}"
        )
    tree: Tree = {}
    told: dict[str, dict[str, str]] = {}
    for path, stored in file.datasets.items():
        put(tree, _names(path), value_of(file.read(path, stored.shape)), file.where)
    for group in file.groups:
        name = file.attribute(group, "name") if group.rpartition("/")[2] == VARS else None
        if name is not None:
            told[group[: -len(VARS) - 1]] = {"name": name}
    return tree, told


def _names(path: str) -> tuple[str, ...]:
    """``layers/dense/vars/0`` without the word before every weight; what lies deeper below that is one name."""
    words = path.split("/")
    if VARS not in words[:-1]:
        return tuple(words)
    last = max(place for place, word in enumerate(words[:-1]) if word == VARS)
    return *words[:last], "/".join(words[last + 1 :])


def to_h5(target: Any, tree: Tree, told: Mapping[str, Mapping[str, str]]) -> None:
    """Write a file of Keras 3's: to a path, whole or not at all; or into an open binary file."""
    arrays = {"/".join((*names[:-1], VARS, names[-1])): tensor_of(value) for names, value in leaves(tree)}
    groups = {place.rpartition(f"/{VARS}/")[0] if f"/{VARS}/" in place else "" for place in arrays}
    attributes = {f"{group}/{VARS}" if group else VARS: dict(one) for group, one in told.items() if group in groups}
    write_h5(target, arrays, attributes)


def value_of(tensor: torch.Tensor) -> Any:
    """A NumPy array; of a dtype that NumPy does not have, the tensor."""
    try:
        return tensor.numpy()
    except TypeError:
        return tensor


def tensor_of(value: Any) -> torch.Tensor:
    """The tensor of a weight in a tree."""
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def size_of(source: Any) -> int:
    """Bytes of a file by its path, or of a buffer."""
    return os.path.getsize(source) if isinstance(source, (str, os.PathLike)) else len(source)


# -- Lamina's and PyTorch's


def from_paths(tensors: Mapping[str, torch.Tensor], where: str) -> Tree:
    """The tree of weights by their paths in a ``state_dict``."""
    tree: Tree = {}
    for path, tensor in tensors.items():
        put(tree, tuple(path.split(".")), value_of(tensor.detach()), where)
    return tree


def to_paths(tree: Tree) -> dict[str, torch.Tensor]:
    """The reverse of `from_paths`."""
    return {".".join(names): tensor_of(value) for names, value in leaves(tree)}


# -- models


def of_model(model: Any, keras: bool) -> Tree:
    """The weights of a model, by the paths of Keras' files or by its own; tensors, of which only the shape is asked."""
    tree: Tree = {}
    if not keras:
        for path, tensor in once(state_of(model)).items():
            put(tree, tuple(path.split(".")), tensor, "the model")
        return tree
    layout = Layout(model)
    for path, tensor in (layout.places | own_arrays(layout)).items():
        put(tree, _names(path), tensor, "the model")
    return tree


def only_weights(tree: Tree) -> Tree:
    """Without what Keras keeps beside a model's weights: the optimizer's state, those of random generators, metrics."""
    kept: Tree = {}
    for names, value in leaves(tree):
        if is_weight("/".join(names)):
            put(kept, names, value, "the file")
    return kept
