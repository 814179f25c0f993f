"""Data in steps: a PyTorch `DataLoader` or `Dataset` with the words by which Keras' guides go on from it.

``image_dataset_from_directory(...).map(prepare).cache().prefetch(2)``: each word gives another `Pipeline`, which can be
iterated anew, goes to `fit`, and reads nothing before it is iterated.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from lamina.graph import ArgumentError, tree
from lamina.one_line import one_line, quietly

Items = Callable[[], Iterator[Any]]


class Words:
    """The words. What they are about are the elements that iterating gives: batches of a loader, samples of a dataset.

    Attributes:
        class_names, file_paths: of a data set that was made from a folder; else None.
    """

    class_names: Any = None
    file_paths: Any = None

    @one_line
    def __repr__(self) -> str:
        """Of what and how many, as far as that is known without reading any."""
        count, size = quietly(lambda: count_of(self)), getattr(self, "batch_size", None)
        source = f" from a {type(_first(self)).__name__}" if isinstance(self, Pipeline) else ""
        told = [] if count is None else [f"{count:,} batches of {size}" if size else f"{count:,} elements"]
        names = list(self.class_names or ())
        more = ", …" if len(names) > 3 else ""
        told += [f"{len(names)} classes ({', '.join(map(str, names[:3]))}{more})"] if names else []
        return f"{type(self).__name__}{source}" + (f": {', '.join(told)}" if told else "")

    def _elements(self) -> Iterator[Any]:
        return iter(self)  # type: ignore[call-overload,no-any-return]  # what has the words can be iterated

    def _then(self, items: Items, length: Callable[[], int] | None) -> Pipeline:
        return Pipeline(self, items, length)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, **options: Any) -> Pipeline:
        """Each element as what a function makes of it: of ``(x, y)`` the function gets both. No gradient is kept."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                with torch.no_grad():
                    made = map_func(*element) if isinstance(element, tuple) else map_func(element)
                yield tuple(made) if isinstance(made, list) and isinstance(element, tuple) else made

        return self._then(items, lambda: count_of(self))

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Pipeline:
        """The elements of which a function says that they are to stay."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                if bool(predicate(*element) if isinstance(element, tuple) else predicate(element)):
                    yield element

        return self._then(items, None)

    def take(self, count: int, name: str | None = None) -> Pipeline:
        """The first elements; -1 for all."""
        if count < 0:
            return self._then(self._elements, lambda: count_of(self))
        return self._then(lambda: itertools.islice(self._elements(), count), lambda: min(count, count_of(self)))

    def skip(self, count: int, name: str | None = None) -> Pipeline:
        """All but the first elements; -1 for none."""
        if count < 0:
            return self._then(lambda: iter(()), lambda: 0)
        return self._then(
            lambda: itertools.islice(self._elements(), count, None), lambda: max(count_of(self) - count, 0)
        )

    def batch(self, batch_size: int, drop_remainder: bool = False, **options: Any) -> Pipeline:
        """So many elements in a row as one, along a new first axis; texts in a list."""
        size = _positive("batch", batch_size)

        def items() -> Iterator[Any]:
            elements = self._elements()
            while group := list(itertools.islice(elements, size)):
                if len(group) == size or not drop_remainder:
                    yield _stacked(group)

        whole = 0 if drop_remainder else size - 1
        return self._then(items, lambda: (count_of(self) + whole) // size)

    def unbatch(self, name: str | None = None) -> Pipeline:
        """The elements along the first axis, one by one."""

        def items() -> Iterator[Any]:
            for element in self._elements():
                yield from _rows(element)

        return self._then(items, None)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True, name: str | None = None
    ) -> Pipeline:
        """The elements in another order at each pass: each next one is drawn from so many that wait.

        Args:
            seed: for the same order each time the pipeline is made; by default PyTorch's generator decides.
            reshuffle_each_iteration: False for one order.
        """
        size = _positive("shuffle", buffer_size)
        given = int(torch.randint(2**31, ())) if seed is None and not reshuffle_each_iteration else seed
        own = torch.Generator().manual_seed(given) if given is not None else None

        def items() -> Iterator[Any]:
            if own is not None and not reshuffle_each_iteration:
                own.manual_seed(int(given or 0))
            waiting: list[Any] = []
            for element in self._elements():
                waiting.append(element)
                if len(waiting) > size:
                    yield waiting.pop(_drawn(len(waiting), own))
            while waiting:
                yield waiting.pop(_drawn(len(waiting), own))

        made = self._then(items, lambda: count_of(self))
        made.own_generators = [own] if own is not None else []
        return made

    def repeat(self, count: int | None = None, name: str | None = None) -> Pipeline:
        """All elements so many times; without end for None and -1."""
        endless = count is None or count < 0

        def items() -> Iterator[Any]:
            for _ in itertools.count() if endless else range(int(count or 0)):
                found = False
                for element in self._elements():
                    found = True
                    yield element
                if not found:
                    return

        return self._then(items, None if endless else lambda: int(count or 0) * count_of(self))

    def cache(self, filename: str = "", name: str | None = None) -> Pipeline:
        """The same elements, kept in memory from the first whole pass on.

        Raises:
            ArgumentError: a file is named, which there is none of.
        """
        if filename:
            raise ArgumentError("cache() keeps elements in memory.", got=f"filename={filename!r}", hint="cache()")
        kept: list[list[Any]] = []

        def items() -> Iterator[Any]:
            if kept:
                yield from kept[0]
                return
            found = []
            for element in self._elements():
                found.append(element)
                yield element
            kept[:] = [found]

        return self._then(items, lambda: len(kept[0]) if kept else count_of(self))

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> Pipeline:
        """The same: `fit` and `predict` draw batches ahead of their time anyway."""
        return self._then(self._elements, lambda: count_of(self))

    def enumerate(self, start: int = 0, name: str | None = None) -> Pipeline:
        """Pairs of a number and an element."""
        return self._then(lambda: iter(enumerate(self._elements(), start)), lambda: count_of(self))

    def concatenate(self, dataset: Iterable[Any], name: str | None = None) -> Pipeline:
        """These elements, then those of another data set."""
        return self._then(
            lambda: itertools.chain(self._elements(), map(as_element, dataset)),
            lambda: count_of(self) + len(dataset),  # type: ignore[arg-type]
        )

    def apply(self, transformation_func: Callable[[Any], Any]) -> Any:
        """What a function makes of the whole."""
        return transformation_func(self)

    def with_options(self, options: Any, name: str | None = None) -> Any:
        """The same."""
        return self

    def cardinality(self) -> torch.Tensor:
        """How many elements there are; -2 where only iterating tells."""
        try:
            return torch.tensor(count_of(self))
        except TypeError:
            return torch.tensor(-2)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements, with arrays in the place of tensors."""
        for element in self._elements():
            yield tree.map_leaves(lambda leaf: leaf.numpy() if isinstance(leaf, torch.Tensor) else leaf, element)


class Pipeline(Words):
    """Data after one of the words.

    Args:
        before: what the word was said of.
        items: begins a pass.
        length: gives the number of elements; None where only iterating tells.

    >>> pipeline = LoaderWithWords(range(5), batch_size=2).map(lambda x: x * 10)
    >>> list(pipeline.take(2)), len(pipeline)
    ([tensor([ 0, 10]), tensor([20, 30])], 3)
    """

    def __init__(self, before: Words, items: Items, length: Callable[[], int] | None) -> None:
        self.class_names, self.file_paths = before.class_names, before.file_paths
        self.own_generators: list[torch.Generator] = []
        self._before, self._items, self._length = before, items, length

    def __iter__(self) -> Iterator[Any]:
        return self._items()

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("how many elements there are, only iterating tells")
        return self._length()

    def generators(self) -> list[torch.Generator]:
        """The generators that decide about an order, for a training that goes on where it was interrupted."""
        before = self._before
        if isinstance(before, Pipeline):
            return [*before.generators(), *self.own_generators]
        owners = (before, getattr(before, "sampler", None))
        own = {id(g): g for g in (getattr(owner, "generator", None) for owner in owners) if g is not None}
        return [*own.values(), *self.own_generators]


class LoaderWithWords(Words, DataLoader[Any]):
    """PyTorch's `DataLoader` with the words."""

    def _elements(self) -> Iterator[Any]:
        return map(as_element, super().__iter__())


def as_element(value: Any) -> Any:
    """``(x, y)`` of a loader that gives lists as a tuple; a list of texts is one value."""
    is_texts = isinstance(value, list) and all(isinstance(part, (str, bytes)) for part in value)
    return tuple(value) if isinstance(value, list) and not is_texts else value


def count_of(dataset: Any) -> int:
    """How many elements there are.

    Raises:
        TypeError: only iterating tells.
    """
    return len(dataset)


def _first(pipeline: Any) -> Any:
    while isinstance(pipeline, Pipeline):
        pipeline = pipeline._before
    return pipeline


def _drawn(count: int, generator: torch.Generator | None) -> int:
    return int(torch.randint(count, (), generator=generator))


def _positive(word: str, count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
        raise ArgumentError(f"{word}() takes a number of elements.", got=repr(count), expected="a whole number from 1")
    return int(count)


def _stacked(elements: list[Any]) -> Any:
    first = elements[0]
    if isinstance(first, tuple):
        return tuple(_stacked(list(parts)) for parts in zip(*elements, strict=True))
    if isinstance(first, dict):
        return {key: _stacked([element[key] for element in elements]) for key in first}
    if isinstance(first, (str, bytes, list)):
        return elements
    return torch.stack([torch.as_tensor(element) for element in elements])


def _rows(element: Any) -> Iterator[Any]:
    if isinstance(element, tuple):
        return iter(zip(*map(_rows, element), strict=True))
    if isinstance(element, dict):
        parts = zip(*map(_rows, element.values()), strict=True)
        return (dict(zip(element, part, strict=True)) for part in parts)
    return iter(element)
