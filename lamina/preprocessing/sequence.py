"""Sequences as Keras 2 prepared them. Today windows of series are `utils.timeseries_dataset_from_array`."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from lamina.graph import ArgumentError
from lamina.public_names import names_of
from lamina.tracebacks import door
from lamina.utils import PyDataset, pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]

__getattr__, __dir__ = names_of(__name__, __all__)


class TimeseriesGenerator(PyDataset):
    """Windows of a series, with what comes right behind each.

    Batch i has windows ``data[t - length : t : sampling_rate]``, (B, length / sampling_rate, ...), and ``targets[t]``.

    Args:
        data, targets: arrays or lists of one length, whose first axis is time.
        length: steps of a window.
        sampling_rate: every so many steps of it are taken.
        stride: from one window to the next.
        start_index, end_index: the first and the last step that is used; None for the last that there is.
        shuffle: draw windows by NumPy's global generator.
        reverse: windows run backwards.
        batch_size: windows in a batch; the last may have fewer.
        kwargs: of `PyDataset`.

    Raises:
        ArgumentError: different lengths, or no window fits.

    >>> windows = TimeseriesGenerator(np.arange(6), np.arange(6) * 10, length=3, batch_size=2)
    >>> windows[0][0].tolist(), windows[0][1].tolist(), len(windows)
    ([[0, 1, 2], [1, 2, 3]], [30, 40], 2)
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ArgumentError(
                "TimeseriesGenerator needs a target for each step.", got=f"{len(data)} steps, {len(targets)} targets"
            )
        for name, count in {"sampling_rate": sampling_rate, "stride": stride, "batch_size": batch_size}.items():
            if count < 1:
                raise ArgumentError(f"TimeseriesGenerator: {name} cannot be {count!r}.", expected="1 or more")
        self.data, self.targets = data, targets
        self.length, self.sampling_rate, self.stride = length, sampling_rate, stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse, self.batch_size = shuffle, reverse, batch_size
        if self.start_index > self.end_index:
            raise ArgumentError(
                "TimeseriesGenerator has no step left to predict.",
                got=f"start_index + length = {self.start_index}, end_index = {self.end_index}",
                expected="an end that is not before the first window's",
            )

    def __len__(self) -> int:
        span = self.batch_size * self.stride
        return (self.end_index - self.start_index + span) // span

    def __getitem__(self, index: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def get_config(self) -> dict[str, Any]:
        """The arguments, the data as texts of JSON. As in Keras, `start_index` is that of the first target."""
        names = ("length", "sampling_rate", "stride", "start_index", "end_index", "shuffle", "reverse", "batch_size")
        series = {name: json.dumps(np.asarray(getattr(self, name)).tolist()) for name in ("data", "targets")}
        return series | {name: getattr(self, name) for name in names}

    def to_json(self, **kwargs: Any) -> str:
        """All of it as JSON; kwargs go to `json.dumps`.

        >>> TimeseriesGenerator([1, 2, 3], [1, 2, 3], 1).to_json()[:35]
        '{"class_name": "TimeseriesGenerator'
        """
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


@door
def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray[Any, Any]:
    """How likely `skipgrams` keeps the word of each rank, where words are as frequent as Zipf's law has it.

    ``min(1, sqrt(sampling_factor / f))`` of a frequency f of about 1 / (rank (ln rank + 0.577) + 1/2 - 1 / (12 rank)).

    >>> make_sampling_table(3).round(5)
    array([0.00315, 0.00315, 0.00548])
    """
    rank = np.arange(size)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    table: np.ndarray[Any, Any] = np.minimum(1.0, np.sqrt(sampling_factor * inverse))
    return table


@door
def skipgrams(
    sequence: Any,
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Any = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs (word, word near it) with label 1, and (word, any word) with label 0.

    Args:
        sequence: ranks of words; 0 is none.
        vocabulary_size: any words are drawn below it, by Python's global generator.
        window_size: near is at most so many words away.
        negative_samples: pairs of label 0 for each pair of label 1.
        shuffle: mix the pairs, in an order that `seed` tells.
        categorical: labels are [0, 1] and [1, 0].
        sampling_table: how likely a word is kept, see `make_sampling_table`.

    >>> skipgrams([1, 2, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    couples: list[list[int]] = []
    for i, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        near = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in near if j != i and sequence[j]]
    labels: list[Any] = [[0, 1] if categorical else 1] * len(couples)
    if negative_samples > 0 and couples:
        words = [couple[0] for couple in couples]
        count = int(len(labels) * negative_samples)
        random.shuffle(words)
        couples += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)]
        labels += [[1, 0] if categorical else 0] * count
    if shuffle:
        seed = random.randint(0, 10_000_000) if seed is None else seed
        for listed in (couples, labels):
            random.Random(seed).shuffle(listed)
    return couples, labels
