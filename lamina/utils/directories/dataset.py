"""The data set that the functions of this folder return: files, read when they are asked for."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from lamina.callbacks.messages import say
from lamina.defaults import defaults
from lamina.graph import ArgumentError, LaminaError
from lamina.graph.source import caller
from lamina.utils.pipeline import LoaderWithWords, Words

from .index import Index, check_split, index_of, subsets_of

LABEL_MODES = ("int", "categorical", "binary", None)
_THREADS = min(8, os.cpu_count() or 1)


class FileDataset(Words, Dataset[Any]):
    """A sample for each file: what `read` makes of it, and its label.

    Attributes:
        file_paths: the files.
        class_names: the names of the classes, by their numbers; None without labels.
    """

    def __init__(self, index: Index, read: Callable[[str], Any], label_mode: str | None) -> None:
        self.file_paths, self.class_names = index.paths, index.class_names
        self._read = read
        self._labels = None if label_mode is None else encoded(index, label_mode)

    def __len__(self) -> int:
        return len(self.file_paths)

    def __getitem__(self, place: int) -> Any:
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        value = self._read(self.file_paths[place])
        return value if self._labels is None else (value, self._labels[place])

    def __getitems__(self, places: list[int]) -> list[Any]:
        # Pillow and the file system let other threads run: a batch is decoded by several at once.
        with ThreadPoolExecutor(_THREADS) as pool:
            try:
                return list(pool.map(self.__getitem__, places))
            except LaminaError as error:
                line = caller()  # of the user, whom a thread of the pool does not know
                error.line = error.line or (str(line) if line.line else "")
                raise


def encoded(index: Index, label_mode: str) -> torch.Tensor:
    """The labels of the files: int32 (N,), float32 (N, 1) of 0 and 1, or float32 (N, classes)."""
    labels, count = torch.as_tensor(index.labels), len(index.class_names or ())
    if label_mode == "binary":
        return labels.to(torch.float32).unsqueeze(-1)
    if label_mode == "categorical":
        return torch.nn.functional.one_hot(labels.long(), count).to(torch.float32)
    return labels


def dataset_from_directory(
    directory: Any,
    read: Callable[[str], Any],
    collate: Callable[[list[Any]], Any],
    endings: tuple[str, ...],
    *,
    labels: Any,
    label_mode: str | None,
    class_names: Any,
    batch_size: int | None,
    shuffle: bool,
    seed: int | None,
    validation_split: float | None,
    subset: str | None,
    follow_links: bool,
    format: str,
    verbose: bool,
) -> Any:
    """What all functions of this folder do: list, split, label, batch.

    Args:
        read: path -> the value of one sample.
        collate: values of the samples of a batch -> the batch of them.
    """
    if label_mode not in LABEL_MODES:
        raise ArgumentError(f"There is no label_mode {label_mode!r}.", expected='"int", "categorical", "binary", None')
    if format != "tf":
        raise ArgumentError(
            f"There is no format {format!r}: what is returned is PyTorch's.", expected="the default, which says nothing"
        )
    check_split(validation_split, subset, shuffle, seed)
    if labels is None or label_mode is None:
        labels = label_mode = None
    seed = int(np.random.randint(10**6)) if seed is None else seed
    index = index_of(directory, labels, endings, class_names, seed if shuffle else None, follow_links)
    if label_mode == "binary" and len(index.class_names or ()) != 2:
        raise ArgumentError('label_mode="binary" is for two classes.', got=repr(index.class_names))
    parts = subsets_of(index, validation_split, subset)
    if verbose:
        _tell(index, parts, subset)
    made = []
    for place, part in enumerate(parts):
        dataset = FileDataset(part, read, label_mode)
        # Of both parts only the first, for training, is shuffled anew at each pass.
        made.append(_in_batches(dataset, batch_size, shuffle and not place, seed, collate))
    return made if subset == "both" else made[0]


def _in_batches(dataset: FileDataset, batch_size: int | None, shuffle: bool, seed: int, collate: Any) -> Any:
    if batch_size is None:
        return dataset
    generator = torch.Generator().manual_seed(seed) if shuffle else None
    loader = LoaderWithWords(
        dataset, batch_size, shuffle=shuffle, generator=generator, collate_fn=_Collate(collate, dataset._labels is None)
    )
    loader.class_names, loader.file_paths = dataset.class_names, dataset.file_paths
    return loader


class _Collate:
    """Puts samples together into a batch; an object, so that workers of a DataLoader can be given it."""

    def __init__(self, values: Callable[[list[Any]], Any], bare: bool) -> None:
        self.values, self.bare = values, bare

    def __call__(self, samples: list[Any]) -> Any:
        if self.bare:
            return self.values(samples)
        values, labels = zip(*samples, strict=True)
        return self.values(list(values)), torch.stack(labels)


def _tell(index: Index, parts: list[Index], subset: str | None) -> None:
    classes = "" if index.class_names is None else f" belonging to {len(index.class_names)} classes"
    lines = [f"Found {len(index.paths)} files{classes}."]
    for part, what in zip(parts, ("training", "validation") if subset == "both" else (subset,), strict=True):
        lines += [f"Using {len(part.paths)} files for {what}."] if what else []
    for line in lines:
        if defaults.interactive:
            say(line)
        else:
            logging.getLogger("lamina").info(line)
