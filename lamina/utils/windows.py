"""Windows over a time series as a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lamina.arrays import as_tensor
from lamina.graph import ArgumentError
from lamina.tracebacks import door
from lamina.utils.pipeline import LoaderWithWords, Words


class Windows(Words, Dataset[Any]):
    """Sample i: the steps ``starts[i], starts[i] + rate, ...`` of a series, and the target at ``starts[i]``.

    >>> Windows(torch.arange(6), None, torch.tensor([0, 1]), 3, 2)[1]
    tensor([1, 3, 5])
    """

    def __init__(
        self, data: torch.Tensor, targets: torch.Tensor | None, starts: torch.Tensor, length: int, rate: int
    ) -> None:
        self.data, self.targets, self.starts = data, targets, starts
        self._steps = torch.arange(length) * rate

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, place: int) -> Any:
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return self.__getitems__([place])[0]

    def __getitems__(self, places: list[int]) -> list[Any]:
        starts = self.starts[torch.as_tensor(places)]
        windows = self.data[starts.unsqueeze(1) + self._steps].unbind()
        return list(windows if self.targets is None else zip(windows, self.targets[starts].unbind(), strict=True))


@door
def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Windows over a series, and the target at the first step of each: what `fit` takes.

    Args:
        data: (steps, ...): the series.
        targets: (steps, ...): `targets[i]` belongs to the window that begins at step i; None for none.
        sequence_length: steps in a window, T.
        sequence_stride: steps from the beginning of a window to that of the next.
        sampling_rate: steps from one step of a window to the next.
        batch_size: windows in a batch; None for a data set of single ones.
        shuffle: the windows in a random order, a new one at each pass; else in that of time.
        seed: for that.
        start_index, end_index: the steps that count, from this one to the one before that one.
        format: only the default; what is returned is always PyTorch's.

    Returns:
        A `torch.utils.data.DataLoader` of (windows, targets), or windows alone: (B, T, ...); with ``batch_size=None`` a
        `Dataset`.
        It has the words of Keras' guides: ``map``, ``take``, ``batch``, ``shuffle``, ``cache``, ``prefetch``, ...

    Raises:
        ArgumentError: an argument cannot be, or no window is in the series.

    >>> series = np.arange(10)
    >>> windows, targets = next(iter(timeseries_dataset_from_array(series[:-3], series[3:], 3)))
    >>> windows[0].tolist(), int(targets[0]), len(windows)
    ([0, 1, 2], 3, 5)
    """
    if format != "tf":
        raise ArgumentError(f"There is no format {format!r}: what is returned is PyTorch's.", expected="the default")
    begin, end = start_index or 0, len(data) if end_index is None else end_index
    _check(len(data), begin, end, sequence_length, sequence_stride, sampling_rate)
    series, aims = _tensor(data)[begin:end], None if targets is None else _tensor(targets)[begin:end]
    starts = _starts(series, aims, (sequence_length - 1) * sampling_rate, sequence_stride)
    return _in_batches(Windows(series, aims, starts, sequence_length, sampling_rate), batch_size, shuffle, seed)


def _tensor(values: Any) -> torch.Tensor:
    return values if isinstance(values, torch.Tensor) else as_tensor(np.asarray(values))


def _check(steps: int, begin: Any, end: Any, length: Any, stride: Any, rate: Any) -> None:
    for name, value, least, most in (
        ("sequence_length", length, 1, None),
        ("sequence_stride", stride, 1, steps - 1),
        ("sampling_rate", rate, 1, steps - 1),
        ("start_index", begin, 0, steps - 1),
        ("end_index", end, 1, steps),
    ):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < least or (most is not None and value > max(most, least)):
            raise ArgumentError(
                f"{name} cannot be {value!r} for a series of {steps} steps.",
                expected=f"a whole number from {least}" + ("" if most is None else f" to {max(most, least)}"),
            )
    if begin >= end:
        raise ArgumentError("end_index comes after start_index.", got=f"start_index={begin}, end_index={end}")


def _starts(series: Any, aims: Any, span: int, stride: int) -> torch.Tensor:
    """The first steps of all windows that end within the series, `span` steps later, and have a target."""
    count = len(series) - span
    count = count if aims is None else min(count, len(aims))
    if count < 1:
        raise ArgumentError(
            "No window is in the series.",
            got=f"{len(series)} steps" + ("" if aims is None else f", {len(aims)} targets"),
            expected=f"at least {span + 1} steps, and a target for the first",
        )
    return torch.arange(0, count, stride)


def _in_batches(dataset: Windows, batch_size: int | None, shuffle: bool, seed: int | None) -> Any:
    generator = None
    if shuffle:
        generator = torch.Generator().manual_seed(int(np.random.randint(10**6)) if seed is None else seed)
    if batch_size is not None:
        return LoaderWithWords(dataset, batch_size, shuffle=shuffle, generator=generator)
    if shuffle:
        dataset.starts = dataset.starts[torch.randperm(len(dataset), generator=generator)]
    return dataset
