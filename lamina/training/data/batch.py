"""One item that a loader, dataset or generator gives, as a batch (x, y, sample_weight)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.graph import StructureError, tree

from .source import Batch
from .tensors import as_tensors, different_rows, rows_of

Keys = str | list[str] | tuple[str, ...] | None


def unpack(item: Any, y: Keys = None, sample_weight: Keys = None) -> Batch:
    """``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, a tuple or a list, as a batch of tensors.

    Args:
        item: what was given. Anything but a tuple or list is x alone.
        y, sample_weight: for items that are dicts: the keys of the targets and weights. One key is one tensor, several
            are a dict.

    Raises:
        StructureError: more parts than three, no x, or parts with different numbers of rows. And what `as_tensors`
            raises.

    >>> unpack({"age": [1, 2], "price": [0.5, 0.7]}, y="price")[0]
    tensor([1, 2])
    """
    if y is not None or sample_weight is not None:
        item = _by_keys(item, y, sample_weight)
    parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
    if not 1 <= len(parts) <= 3:
        raise StructureError(
            "A batch is x, (x,), (x, y) or (x, y, sample_weight).", got=f"a {type(item).__name__} of {len(parts)}"
        )
    x, target, weight = (*parts, None, None)[:3]
    if x is None:
        raise StructureError("A batch has no x.", got=repr(item), expected="x, (x,), (x, y) or (x, y, sample_weight)")
    batch = as_tensors(x, "x"), as_tensors(target, "y"), as_tensors(weight, "sample_weight")
    _check_rows(batch)
    return batch


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What a dataset yields for these: `x` alone, (x, y) or (x, y, sample_weight).

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight(1, 2)
    (1, (1, 2))
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def _by_keys(item: Any, y: Keys, sample_weight: Keys) -> tuple[Any, Any, Any]:
    if not isinstance(item, Mapping):
        raise StructureError(
            f"y={y!r} names a key of each batch, but the batches are no dicts.",
            got=type(item).__name__,
            expected="y=None where batches are (x, y)",
        )
    named: list[str] = []
    for what, keys in (("y", y), ("sample_weight", sample_weight)):
        for key in _listed(keys):
            if key not in item:
                raise StructureError(f"{what} names {key!r}, which is not in the data.", got=f"keys {list(item)}")
            named.append(key)
    rest = {key: value for key, value in item.items() if key not in named}
    if not rest:
        raise StructureError(
            "No key is left for x.", got=f"keys {list(item)}, of which y and sample_weight take {named}"
        )
    return _picked(rest, list(rest)), _picked(item, y), _picked(item, sample_weight)


def _listed(keys: Keys) -> list[str]:
    return [] if keys is None else [keys] if isinstance(keys, str) else list(keys)


def _picked(item: Mapping[str, Any], keys: Keys) -> Any:
    """What has these keys: one thing bare, several by name."""
    names = _listed(keys)
    if not names:
        return None
    return item[names[0]] if len(names) == 1 else {name: item[name] for name in names}


def _check_rows(batch: Batch) -> None:
    """Targets and weights have the rows of x. Where the parts of x differ among themselves, as the nodes and edges of a
    graph do, x is for the model to judge."""
    x, y, weight = batch
    if isinstance(x, torch.Tensor) and isinstance(y, torch.Tensor) and weight is None:
        if x.ndim and y.ndim and x.shape[0] != y.shape[0]:
            raise different_rows({"x": x.shape[0], "y": y.shape[0]})
        return
    if any(leaf is not None and not leaf.ndim for leaf in tree.leaves(batch)):
        return  # a single number among them: no rows to compare
    counts = rows_of({"x": x})
    if len(set(counts.values())) == 1:
        counts |= rows_of({"y": y, "sample_weight": weight})
        if len(set(counts.values())) > 1:
            raise different_rows(counts)
