"""Iterators over batches of pictures: what all share, and that over pictures in memory."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from lamina.config import floatx, image_data_format
from lamina.graph import ArgumentError, ShapeError, StructureError
from lamina.graph.source import warn
from lamina.utils import PyDataset, array_to_img

from .affine import Array


def generator_of(seed: int | None) -> Any:
    """NumPy's random functions: those of a generator of this seed, or the global ones."""
    return np.random if seed is None else np.random.RandomState(seed)


class Iterator(PyDataset):
    """Batches by number, and one after the other without an end: `next`. A subclass makes them from row numbers.

    Args:
        n: rows. batch_size: of them in a batch; the last of a pass may have fewer.
        shuffle: a new order at each pass.
        seed: batch k of this object draws by the seed plus k; None: NumPy's global generator.
        kwargs: of `PyDataset`.

    >>> class Numbers(Iterator):
    ...     def _get_batches_of_transformed_samples(self, index_array):
    ...         return index_array
    >>> numbers = Numbers(5, 2, shuffle=False, seed=None)
    >>> numbers[2].tolist(), [next(numbers).tolist() for _ in range(4)]
    ([4], [[0, 1], [2, 3], [4], [0, 1]])
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if batch_size < 1:
            raise ArgumentError(f"batch_size cannot be {batch_size!r}.", expected="1 or more")
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: Array | None = None
        self.random: Any = np.random

    def _set_index_array(self) -> None:
        self.index_array = self.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _begin_batch(self) -> None:
        self.random = generator_of(None if self.seed is None else self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def __getitem__(self, idx: int) -> Any:
        if idx >= len(self):
            raise IndexError(f"There is no batch {idx} of {len(self)}.")
        self._begin_batch()
        if self.index_array is None:
            self._set_index_array()
        assert self.index_array is not None
        first = self.batch_size * idx
        return self._get_batches_of_transformed_samples(self.index_array[first : first + self.batch_size])

    def __len__(self) -> int:
        return (self.n + self.batch_size - 1) // self.batch_size

    def on_epoch_end(self) -> None:
        """A new order, where rows are shuffled."""
        self._set_index_array()

    def reset(self) -> None:
        """Let `next` begin a new pass.

        >>> from lamina.preprocessing.image import ImageDataGenerator
        >>> ImageDataGenerator().flow(np.ones((3, 4, 4, 1))).reset()
        """
        self.batch_index = 0

    def state_dict(self) -> dict[str, Any]:
        """Where it is, for a run that goes on."""
        return {"index_array": self.index_array, "seen": self.total_batches_seen, "batch_index": self.batch_index}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` gave."""
        self.index_array = state["index_array"]
        self.total_batches_seen, self.batch_index = state["seen"], state["batch_index"]

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        with self.lock:
            self._begin_batch()
            if self.batch_index == 0 or self.index_array is None:
                self._set_index_array()
            assert self.index_array is not None
            first = self.batch_index * self.batch_size
            rows = self.index_array[first : first + self.batch_size]
            self.batch_index = self.batch_index + 1 if first + self.batch_size < self.n else 0
            return self._get_batches_of_transformed_samples(rows)

    next = __next__

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say what a batch is.")

    def changed(self, x: Array, generator: Any) -> Array:
        """A picture as an `ImageDataGenerator` makes it, with the numbers of this batch."""
        own = getattr(type(generator), "drawn_transform", None)
        plain = own is not None and str(type(generator).get_random_transform.__module__).startswith("lamina.")
        told = generator.drawn_transform(x.shape, self.random) if plain else generator.get_random_transform(x.shape)
        result: Array = generator.standardize(generator.apply_transform(x, told))
        return result

    def save(self, batch: Array, rows: Array, folder: Any, prefix: str, kind: str, data_format: str, most: int) -> None:
        """Write the pictures of a batch into a folder, to look at."""
        for picture, row in zip(batch, rows, strict=True):
            name = f"{prefix}_{row}_{self.random.randint(most)}.{kind}"
            array_to_img(picture, data_format, scale=True).save(Path(os.fspath(folder)) / name)


class NumpyArrayIterator(Iterator):
    """Batches of pictures in memory, changed by an `ImageDataGenerator`.

    Args:
        x: pictures (N, H, W, C), or (N, C, H, W) as `data_format` says; or a pair of them and further arrays, which
            come unchanged beside them.
        y, sample_weight: rows for each; a batch is then (x, y) or (x, y, sample_weight).
        image_data_generator: what changes them.
        batch_size, shuffle, seed: see `Iterator`.
        save_to_dir, save_prefix, save_format: a folder to which all pictures are written, to look at.
        subset: "training" or "validation", of the generator's `validation_split`: validation is the first part.
        ignore_class_split: do not ask that both parts have the same classes.
        dtype: of the batches.

    Raises:
        ShapeError: pictures of another rank. StructureError: different numbers of rows. ArgumentError: another subset,
            or parts of other classes.

    >>> from lamina.preprocessing.image import ImageDataGenerator
    >>> batches = NumpyArrayIterator(np.ones((5, 4, 4, 1)), np.arange(5), ImageDataGenerator(), batch_size=2)
    >>> [y.tolist() for _, y in (batches[i] for i in range(3))]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: Any,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        self.data_format = image_data_format() if data_format is None else data_format
        self.dtype = floatx() if dtype is None else dtype
        more: list[Array] = []
        if isinstance(x, (list, tuple)):
            more = [np.asarray(part) for part in (x[1] if isinstance(x[1], list) else [x[1]])]
            x = x[0]
        rows = {"x": x, "y": y, "sample_weight": sample_weight} | {f"x[1][{i}]": part for i, part in enumerate(more)}
        counts = {name: len(part) for name, part in rows.items() if part is not None}
        if len(set(counts.values())) > 1:
            raise StructureError("The parts of the data have different numbers of rows.", got=f"{counts}")
        own = _cut(subset, image_data_generator, y, len(x), ignore_class_split)
        self.x = np.asarray(x, dtype=self.dtype)[own]
        self.x_misc = [part[own] for part in more]
        self.y = None if y is None else np.asarray(y)[own]
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)[own]
        if self.x.ndim != 4:
            raise ShapeError("An iterator takes pictures.", got=str(self.x.shape), expected="4 axes, (N, H, W, C)")
        channels = self.x.shape[3 if self.data_format == "channels_last" else 1]
        if channels not in (1, 3, 4):
            warn(f"Pictures have 1, 3 or 4 channels, these {channels}: {self.x.shape} with {self.data_format}.")
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix, self.save_format = save_to_dir, save_prefix, save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _get_batches_of_transformed_samples(self, index_array: Array) -> Any:
        batch = np.zeros((len(index_array), *self.x.shape[1:]), dtype=self.dtype)
        for place, row in enumerate(index_array):
            batch[place] = self.changed(self.x[row].copy(), self.image_data_generator)
        if self.save_to_dir:
            self.save(
                batch, index_array, self.save_to_dir, self.save_prefix, self.save_format, self.data_format, 10_000
            )
        x: Any = [batch, *(part[index_array] for part in self.x_misc)] if self.x_misc else batch
        if self.y is None:
            return x
        if self.sample_weight is None:
            return x, self.y[index_array]
        return x, self.y[index_array], self.sample_weight[index_array]


def _cut(subset: str | None, generator: Any, y: Any, count: int, ignore_class_split: bool) -> slice:
    """The rows of a part."""
    if subset is None:
        return slice(None)
    if subset not in ("training", "validation"):
        raise ArgumentError(f"subset cannot be {subset!r}.", expected="'training' or 'validation'")
    cut = int(count * generator._validation_split)
    if y is not None and not ignore_class_split and not np.array_equal(np.unique(y[:cut]), np.unique(y[cut:])):
        raise ArgumentError(
            "Training and validation have different classes.",
            got=f"the first {cut} of {count} rows for validation",
            hint="rows in another order, or ignore_class_split=True",
        )
    return slice(cut) if subset == "validation" else slice(cut, None)
