"""Generators, other iterables of batches, and functions that return them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import torch

from lamina.graph import StructureError

from .batch import Keys
from .stream import Stream


class Items(Stream):
    """Batches of an iterable.

    A generator, like any iterator, is used up by its first pass: it is ``one_shot``, and goes on where it stopped. An
    iterable that is not its own iterator, and a function that returns one, start over at each pass.

    Raises:
        StructureError: a function that returned something else than an iterable.
    """

    def __init__(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]],
        y: Keys = None,
        sample_weight: Keys = None,
        merge_single: bool = False,
    ) -> None:
        name = type(source).__name__
        super().__init__(
            f"function {getattr(source, '__name__', '')}" if name == "function" else name,
            y,
            sample_weight,
            merge_single,
        )
        self.source: Any = source
        self.one_shot = isinstance(source, Iterator)

    def __len__(self) -> int:
        if isinstance(self.source, Sized):
            return len(self.source)
        raise TypeError("the number of batches is unknown")

    def generators(self) -> list[torch.Generator]:
        own = getattr(self.source, "generators", None)  # of a `lamina.utils.pipeline`
        return list(own()) if callable(own) else super().generators()

    def _items(self, skip: int) -> Iterator[Any]:
        source = self.source
        if not isinstance(source, Iterable):
            source = source()
            if not isinstance(source, Iterable):
                raise StructureError(
                    f"The {self.kind} gives no batches.",
                    got=f"a {type(source).__name__}",
                    expected="a function without arguments that returns a generator or another iterable",
                )
        # Through islice also where nothing is skipped: it does not close a generator with the pass, so that the next
        # pass can go on with it.
        yield from islice(iter(source), skip, None)
