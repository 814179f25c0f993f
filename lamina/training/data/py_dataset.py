"""PyDataset: the base class for data that is made batch by batch in Python, by several workers if asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from lamina.graph import ArgumentError


class PyDataset:
    """Batches by number: a subclass writes ``__getitem__(i)``, which gives batch ``i``, and ``__len__``.

    A batch is ``x``, ``(x, y)`` or ``(x, y, sample_weight)``. `fit` asks for the batches of a pass in a new order each
    time unless ``shuffle=False``, and calls ``on_epoch_begin`` before the first and ``on_epoch_end`` after the last.
    One that changes from pass to pass, such as by shuffling a list of its own, has ``state_dict()`` and
    ``load_state_dict(state)`` of JSON types, arrays and tensors, so that a run that was interrupted goes on exactly.

    Args:
        workers: how many batches are made at a time. 1 makes them between the steps, in the process that trains.
        use_multiprocessing: workers are processes, to which the dataset is copied at the start of each pass, and not
            threads, which share it.
        max_queue_size: how many batches are made ahead, at most.

    Raises:
        ArgumentError: a number below what it counts.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...
    ...     def __getitem__(self, index):
    ...         x = np.arange(3.0) + 3 * index
    ...         return x, x**2
    >>> [y.tolist() for _, y in Squares()]
    [[0.0, 1.0, 4.0], [9.0, 16.0, 25.0]]
    """

    # On the class, so that a subclass that does not call super().__init__() works alike.
    workers = 1
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        for name, number, least in (("workers", workers, 0), ("max_queue_size", max_queue_size, 1)):
            if number < least:
                raise ArgumentError(
                    f"{type(self).__name__}: {name} cannot be {number!r}.", expected=f"a whole number, {least} or more"
                )
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Batch number ``index``."""
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(index), which gives a batch.")

    def __iter__(self) -> Iterator[Any]:
        total = self.num_batches
        for index in count() if total is None else range(total):
            yield self[index]

    @property
    def num_batches(self) -> int | None:
        """Number of batches of a pass; None where there is no end, which needs ``steps_per_epoch``."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__} has neither __len__ nor num_batches.")

    def on_epoch_begin(self) -> None:
        """Called at the start of each pass, before any batch is asked for."""

    def on_epoch_end(self) -> None:
        """Called at the end of each pass."""


def is_py_dataset(value: Any) -> bool:
    """Keras' own ones count: they have the same methods."""
    return all(hasattr(value, name) for name in ("__getitem__", "num_batches", "on_epoch_end", "use_multiprocessing"))
