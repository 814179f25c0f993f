"""Mean and variance of data that may be too large for memory, batch by batch, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from lamina.arrays import as_tensor
from lamina.tables import array_of, refuse_query

from .adapted import iterated, no_data

# Numbers of an array that are turned to float64 at a time.
_BLOCK = 1 << 22
_TAKEN = "an array, a tensor, or an iterable of batches of those"


def batches_of(data: Any, label: str) -> Iterator[torch.Tensor]:
    """The batches of what `adapt` is given; an array is one batch.

    Args:
        label: of the layer.
        data: an array, tensor or table; or an iterable of batches (`DataLoader`, generator, list, `PyDataset`), each an
            array or a tuple that begins with one.

    Raises:
        ArgumentError: `data` has no batches, or they are no arrays of numbers.
    """
    if isinstance(data, torch.utils.data.Dataset):
        raise no_data(label, data, _TAKEN, "DataLoader(dataset, batch_size=256)")
    if hasattr(data, "__array__"):
        yield _tensor(data, label)
        return
    for batch in iterated(label, data, _TAKEN):
        first = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
        if not hasattr(first, "shape"):
            refuse_query(first, f"A batch that {label} is to adapt to")
            raise no_data(label, first, _TAKEN, "np.asarray(data), if these are the numbers themselves")
        yield _tensor(first, label)


def _tensor(values: Any, label: str) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        return values.detach()
    array = array_of(values)
    if array.dtype.kind not in "fiub":
        raise no_data(label, f"an array of {array.dtype}", _TAKEN, "the columns that are numbers")
    return as_tensor(array)


def moments(
    batches: Iterable[torch.Tensor], kept_axes: Callable[[tuple[int, ...]], list[int]], label: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of all batches together, for each position of the kept axes.

    Parts are joined as Chan, Golub and LeVeque (1979) do, which loses no digits to a mean far from 0.

    Args:
        kept_axes: of a batch of this shape; checks it too.
        label: of the layer, for errors.
    """
    mean = variance = torch.zeros((), dtype=torch.float64)
    count = 0
    for batch in batches:
        kept = kept_axes(tuple(batch.shape))
        over = [axis for axis in range(batch.dim()) if axis not in kept]
        for block in _blocks(batch) if 0 in over else [batch]:
            n = math.prod(block.shape[axis] for axis in over)
            if n == 0:
                continue
            count += n
            share = n / count
            block = _wide(block)
            of_block = torch.var_mean(block, over, correction=0) if over else (torch.zeros_like(block), block)
            new_variance, new_mean = (moment.cpu() for moment in of_block)
            step = new_mean - mean
            mean = mean + step * share
            variance = variance + (new_variance - variance) * share + step.square() * (share * (1 - share))
    if count == 0:
        raise no_data(label, "nothing", _TAKEN, "data with at least one row")
    return mean, variance


def _blocks(batch: torch.Tensor) -> Iterable[torch.Tensor]:
    """Rows of at most `_BLOCK` numbers, so that an array is not copied in float64 as a whole."""
    result: Iterable[torch.Tensor] = batch.split(max(1, _BLOCK // max(1, math.prod(batch.shape[1:]))))
    return result


def _wide(block: torch.Tensor) -> torch.Tensor:
    # Apple's GPUs have no float64.
    return (block.cpu() if block.device.type == "mps" else block).to(torch.float64)
