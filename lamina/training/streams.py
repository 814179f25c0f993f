"""Data that comes batch by batch: DataLoaders, datasets, generators, any iterable."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import Any

import torch

from lamina.graph import StructureError, tree

from .arrays import Arrays, Batch, as_tensors


class Stream:
    """Batches of (x, y, sample_weight) from an iterable of ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.

    An iterable that can be iterated anew starts over at each epoch. A one-shot iterator goes on where it stopped,
    which needs ``steps_per_epoch``.

    Args:
        source: the iterable, or a function that returns one.
        device: where batches go.
    """

    def __init__(self, source: Iterable[Any], device: torch.device | None = None) -> None:
        self.source = source
        self.device = device
        self.one_shot = iter(source) is source

    def __len__(self) -> int:
        if isinstance(self.source, Sized):
            return len(self.source)
        raise TypeError("the number of batches is unknown")

    def __iter__(self) -> Iterator[Batch]:
        for item in self.source:
            batch = unpack(item)
            if self.device is not None and self.device.type != "cpu":
                batch = tree.map_leaves(
                    lambda t: t.to(self.device, non_blocking=True) if isinstance(t, torch.Tensor) else t, batch
                )
            yield batch


def unpack(item: Any) -> Batch:
    """A batch as (x, y, sample_weight). A tuple is these; anything else is x alone.

    A list of two, as DataLoaders give, is (x, y) too.
    """
    if isinstance(item, tuple) or (isinstance(item, list) and len(item) in (2, 3)):
        if not 1 <= len(item) <= 3:
            raise StructureError("A batch is x, (x, y) or (x, y, sample_weight).", got=f"a tuple of {len(item)}")
        x, y, weight = (*item, None, None)[:3]
    else:
        x, y, weight = item, None, None
    return as_tensors(x, "x"), as_tensors(y, "y"), as_tensors(weight, "sample_weight")


def batches_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    shuffle: bool = False,
    device: Any = None,
) -> Arrays | Stream:
    """Batches from whatever the user has.

    Args:
        x: arrays, nested arrays, a DataLoader, a Dataset, a generator, or any iterable of batches.
        y, sample_weight: for arrays only.
        batch_size: 32 by default; not for data that comes in batches.
    """
    if isinstance(x, torch.utils.data.Dataset) and not isinstance(x, torch.utils.data.DataLoader):
        iterable = isinstance(x, torch.utils.data.IterableDataset)
        loader = torch.utils.data.DataLoader(x, batch_size=batch_size or 32, shuffle=shuffle and not iterable)
        return Stream(loader, device)
    if isinstance(x, torch.utils.data.DataLoader) or _is_stream(x):
        if y is not None or sample_weight is not None:
            raise StructureError(
                f"x is a {type(x).__name__}, which gives the targets itself.",
                got="y or sample_weight beside it",
                expected="batches (x, y)",
            )
        return Stream(x, device)
    return Arrays(x, y, sample_weight, batch_size=batch_size or 32, shuffle=shuffle, device=device)


def _is_stream(x: Any) -> bool:
    plain = (list, tuple, dict, str, bytes)
    return (
        not isinstance(x, plain) and not hasattr(x, "shape") and not hasattr(x, "__array__") and isinstance(x, Iterable)
    )
