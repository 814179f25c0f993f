"""Which kind of data something is: the one place where kinds are told apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from lamina.graph import DtypeError, StructureError

from . import hugging_face, numpy_arrays, pandas_frames, polars_frames
from .arrays import Arrays
from .batch import Keys
from .iterables import Items
from .loader import Loader
from .py_dataset import is_py_dataset
from .py_dataset_source import PyDatasetSource
from .source import Source
from .tensors import is_data
from .torch_dataset import of_dataset


def source_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    merge_single: bool = False,
    what: str = "x",
    inputs: list[str] | None = None,
    outputs: list[str] | None = None,
) -> Source:
    """Batches from whatever the user has.

    Args:
        x: arrays, tensors, data frames, sparse matrices, lists, or dicts, lists and tuples of these; a DataLoader, a
            PyTorch or Hugging Face dataset, a `PyDataset`, a generator or another iterable of batches, or a function
            that returns one.
        y, sample_weight: beside arrays. Beside data that comes in batches, names of keys (a name or a list of names),
            where batches are dicts.
        batch_size: 32 by default; data that comes in batches keeps its own.
        shuffle: a new order at each pass, of rows, or of the batches of a `PyDataset`. What comes in an order of its
            own, a DataLoader or an iterator, keeps that.
        merge_single: a last batch of one row is joined to the one before.
        what: what messages call x.
        inputs, outputs: names of the model's. A data frame with columns called like all of several inputs is taken by
            these columns; else it is one tensor of (rows, columns).

    Raises:
        StructureError: y beside data that gives its targets itself; different numbers of rows; no data.
        DtypeError: no data at all, or no numbers.

    >>> len(source_of(np.zeros((10, 3)), np.zeros(10), batch_size=4))
    3
    """
    names = ("x", "y", "sample_weight") if what == "x" else (f"{what}[0]", f"{what}[1]", f"{what}[2]")
    if isinstance(x, Source):
        return x
    if hugging_face.is_several(x):
        raise hugging_face.refuse_several(x, names[0])
    if x is None or (is_data(x) and not _is_dataset(x)):  # a dataset may have a shape, too
        return Arrays(
            _by_names(x, names[0], inputs),
            _by_names(y, names[1], outputs),
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            merge_single=merge_single,
            names=names,
        )
    if _gives_batches(x):
        return _in_batches(x, *_keys(x, y, sample_weight), batch_size, shuffle, merge_single, inputs)
    raise DtypeError(
        f"{names[0]} is no data.",
        got=f"{type(x).__name__} {numpy_arrays.short(x)}",
        expected="arrays, tensors, data frames, a DataLoader, a Dataset, or an iterable of batches",
    )


def _in_batches(
    x: Any, y: Keys, sample_weight: Keys, batch_size: Any, shuffle: bool, merge_single: bool, inputs: list[str] | None
) -> Source:
    """The source of what `_gives_batches`."""
    if hugging_face.is_dataset(x):
        return hugging_face.of_hugging_face(x, y, sample_weight, batch_size, shuffle, merge_single, inputs)
    if isinstance(x, DataLoader):
        return Loader(x, y, sample_weight, merge_single)
    if is_py_dataset(x):
        return PyDatasetSource(x, y, sample_weight, shuffle, merge_single)
    if isinstance(x, Dataset):
        return of_dataset(x, y, sample_weight, batch_size, shuffle, merge_single)
    return Items(x, y, sample_weight, merge_single)


def _is_dataset(x: Any) -> bool:
    return hugging_face.is_dataset(x) or isinstance(x, (DataLoader, Dataset)) or is_py_dataset(x)


def _gives_batches(x: Any) -> bool:
    return _is_dataset(x) or isinstance(x, Iterable) or (callable(x) and not isinstance(x, torch.nn.Module))


def _by_names(data: Any, name: str, wanted: list[str] | None) -> Any:
    """A data frame by those of its columns that several inputs, or outputs, are called like; anything else as it is."""
    if wanted is None or len(wanted) < 2:
        return data
    if pandas_frames.is_frame(data):
        columns = pandas_frames.columns(data, name)
    elif polars_frames.is_frame(data):
        columns = polars_frames.columns(data)
    else:
        return data
    return {label: columns[label] for label in wanted} if all(label in columns for label in wanted) else data


def _keys(x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """y and sample_weight as names of keys.

    Raises:
        StructureError: something else.
    """
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        keys = [given] if given is None or isinstance(given, str) else given
        if not isinstance(keys, (list, tuple)) or not all(key is None or isinstance(key, str) for key in keys):
            raise StructureError(
                f"x is a {type(x).__name__}, which gives its targets and weights itself.",
                got=f"{name} beside it: a {type(given).__name__}",
                expected="batches (x, y) or (x, y, sample_weight)",
                hint=f'{name}="key" where batches are dicts',
            )
    return y, sample_weight
