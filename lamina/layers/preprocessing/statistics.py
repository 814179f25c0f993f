"""Mean and variance of data that may be too large for memory, batch by batch, in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError
from lamina.tables import array_of

# Numbers of an array that are turned to float64 at a time.
_BLOCK = 1 << 22


def batches_of(data: Any) -> Iterator[torch.Tensor]:
    """The batches of what `adapt` is given; an array is one batch.

    Args:
        data: an array, tensor or table; or an iterable of batches (`DataLoader`, generator, list, `PyDataset`), each an
            array or a tuple that begins with one.

    Raises:
        ArgumentError: `data` has no batches, or they are no arrays of numbers.
    """
    if isinstance(data, torch.utils.data.Dataset):
        raise _no_data(data, "DataLoader(dataset, batch_size=256)")
    if hasattr(data, "__array__"):
        yield _tensor(data)
        return
    for batch in data if hasattr(data, "__iter__") else _by_index(data):
        first = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
        if not hasattr(first, "shape"):
            raise _no_data(first, "np.asarray(data), if these are the numbers themselves")
        yield _tensor(first)


def _by_index(data: Any) -> Iterable[Any]:
    if not hasattr(data, "__getitem__") or not hasattr(data, "__len__"):
        raise _no_data(data, "np.asarray(data)")
    return (data[i] for i in range(len(data)))


def _tensor(values: Any) -> torch.Tensor:
    if isinstance(values, torch.Tensor):
        return values.detach()
    array = array_of(values)
    if array.dtype.kind not in "fiub":
        raise _no_data(f"an array of {array.dtype}", "the columns that are numbers")
    return as_tensor(array)


def _no_data(got: Any, hint: str) -> ArgumentError:
    return ArgumentError(
        "adapt() takes no statistics of this.",
        got=f"{type(got).__name__} {got!r}"[:80] if not isinstance(got, str) else got,
        expected="an array, a tensor, or an iterable of batches of those",
        hint=hint,
    )


def moments(
    batches: Iterable[torch.Tensor], kept_axes: Callable[[tuple[int, ...]], list[int]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of all batches together, for each position of the kept axes.

    Parts are joined as Chan, Golub and LeVeque (1979) do, which loses no digits to a mean far from 0.

    Args:
        kept_axes: of a batch of this shape; checks it too.
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
        raise _no_data("nothing", "data with at least one row")
    return mean, variance


def _blocks(batch: torch.Tensor) -> Iterable[torch.Tensor]:
    """Rows of at most `_BLOCK` numbers, so that an array is not copied in float64 as a whole."""
    result: Iterable[torch.Tensor] = batch.split(max(1, _BLOCK // max(1, math.prod(batch.shape[1:]))))
    return result


def _wide(block: torch.Tensor) -> torch.Tensor:
    # Apple's GPUs have no float64.
    return (block.cpu() if block.device.type == "mps" else block).to(torch.float64)
