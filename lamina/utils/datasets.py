"""Data in parts: a dataset in two, and (x, y, sample_weight) in one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Subset

from lamina.graph import ArgumentError, StructureError, tree
from lamina.tracebacks import door
from lamina.training.data import PyDataset as PyDataset

# The name that Keras gave it first.
Sequence = PyDataset


class Rows(Dataset[Any]):
    """Arrays with a common first axis, in any nesting, as a dataset of their rows.

    >>> Rows({"a": np.arange(3), "b": np.ones((3, 2))})[1]["b"]
    array([1., 1.])
    """

    def __init__(self, arrays: Any) -> None:
        self.arrays = tree.map_leaves(_indexable, arrays)
        lengths = {len(leaf) for leaf in tree.leaves(self.arrays)}
        if len(lengths) != 1:
            raise StructureError("The arrays of a dataset must have one length.", got=f"lengths {sorted(lengths)}")
        self._length = lengths.pop()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        return tree.map_leaves(lambda leaf: leaf[index], self.arrays)


@door
def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Two datasets, which `fit` takes, from one: its first rows and its last.

    Args:
        dataset: arrays with a common first axis (one, or a tuple or dict of them), or a PyTorch Dataset with a length.
        left_size, right_size: how many rows, or which fraction of them (a float between 0 and 1); what is not said is
            the rest.
        shuffle: whether to draw the rows at random.
        seed: for that.
        preferred_backend: "torch" or None.

    Returns:
        (left, right): PyTorch Datasets.

    Raises:
        ArgumentError: sizes that cannot be. StructureError: arrays of several lengths.

    >>> left, right = split_dataset((np.arange(10), np.ones(10)), left_size=0.8)
    >>> len(left), [int(x) for x, _ in right]
    (8, [8, 9])
    """
    if preferred_backend not in (None, "torch"):
        raise ArgumentError(f"utils.split_dataset: there is no {preferred_backend!r} here.", expected="'torch' or None")
    rows = dataset if isinstance(dataset, Dataset) else Rows(dataset)
    left, right = _sizes(len(rows), left_size, right_size)  # type: ignore[arg-type]
    order = list(range(len(rows)))  # type: ignore[arg-type]
    if shuffle:
        random.Random(seed).shuffle(order)
    return Subset(rows, order[:left]), Subset(rows, order[len(order) - right :])


@door
def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of what a dataset yields, None for what it does not.

    Raises:
        StructureError: more than three parts.

    >>> unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise StructureError("Data is x, (x,), (x, y) or (x, y, sample_weight).", got=f"{len(parts)} parts")
    return (*parts, None, None)[:3]


def _indexable(leaf: Any) -> Any:
    array = leaf if isinstance(leaf, torch.Tensor) else np.asarray(leaf)
    if array.ndim == 0:
        raise StructureError("A dataset is made of arrays.", got=f"{leaf!r}", hint="np.array([...])")
    return array


def _sizes(total: int, left: float | None, right: float | None) -> tuple[int, int]:
    if left is None and right is None:
        raise ArgumentError("utils.split_dataset: how large?", hint="left_size=0.8")
    sizes: list[int | None] = []
    for name, size in (("left_size", left), ("right_size", right)):
        limit = 1 if isinstance(size, float) else total
        if size is not None and (isinstance(size, bool) or not 0 < size < limit):
            raise ArgumentError(
                f"utils.split_dataset: {name} cannot be {size!r}.",
                expected=f"a fraction between 0 and 1, or 1 to {total - 1} of {total} rows",
            )
        sizes.append(round(size * total) if isinstance(size, float) else size)
    first = total - sizes[1] if sizes[0] is None else sizes[0]  # type: ignore[operator]
    second = total - sizes[0] if sizes[1] is None else sizes[1]  # type: ignore[operator]
    if not first or not second or first + second > total:
        raise ArgumentError(f"utils.split_dataset cannot take {first} and {second} of {total} rows.")
    return first, second
