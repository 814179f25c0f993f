"""Batches made ahead by threads or processes, in order; an exception comes out with the number of its batch."""

from __future__ import annotations

import pickle
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, Dataset, Sampler

from lamina.graph import LaminaError

from .errors import DataError
from .loader import drawn


def in_turn(make: Callable[[int], Any], numbers: Iterable[int], kind: str) -> Iterator[Any]:
    """``make(number)`` for each number, when it is asked for."""
    for number in numbers:
        yield _result(number, _attempt(make, number), kind)


def in_threads(
    make: Callable[[int], Any], numbers: Iterable[int], kind: str, workers: int, ahead: int
) -> Iterator[Any]:
    """``make(number)`` by threads, at most ``ahead`` of them before they are asked for."""
    rest = iter(numbers)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lamina-data")
    try:
        pending = deque((number, pool.submit(_attempt, make, number)) for number in islice(rest, ahead))
        while pending:
            number, future = pending.popleft()
            result = _result(number, future.result(), kind)
            pending.extend((following, pool.submit(_attempt, make, following)) for following in islice(rest, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def in_processes(
    make: Callable[[int], Any], numbers: Iterable[int], kind: str, workers: int, ahead: int
) -> Iterator[Any]:
    """``make(number)`` by processes, PyTorch's: one that dies is noticed within seconds."""
    loader = DataLoader(
        _Made(make),
        batch_size=None,
        sampler=_Numbers(numbers),
        num_workers=workers,
        prefetch_factor=max(1, -(-ahead // workers)),
        collate_fn=_as_it_is,
    )
    for number, made in drawn(iter(loader), 0, kind):
        yield _result(number, made, kind)


class _Made(Dataset[Any]):
    """What the processes run."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> tuple[int, Any]:
        return number, _attempt(self.make, number)


class _Numbers(Sampler[int]):
    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)


class _Failure:
    """An exception on its way to the one who asked: raised there, it can be chained as an object."""

    def __init__(self, error: Exception) -> None:
        text = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled in this line
            self.error = error
        except Exception as why:  # noqa: BLE001 - whatever an exception of the user's does when it is pickled
            self.error = RuntimeError(f"{type(error).__name__}: {error} (it cannot be pickled: {why})")
        self.text = text


def _attempt(make: Callable[[int], Any], number: int) -> Any:
    try:
        return make(number)
    except Exception as error:  # noqa: BLE001 - it is raised again by `_result`
        return _Failure(error)


def _result(number: int, made: Any, kind: str) -> Any:
    if not isinstance(made, _Failure):
        return made
    if isinstance(made.error, LaminaError):
        made.error.where = made.error.where or f"batch {number} of the {kind}"
        raise made.error
    made.error.add_note(made.text)
    raise DataError(
        f"Batch {number} of the {kind} could not be made.", got=f"{type(made.error).__name__}: {made.error}"
    ) from made.error


def _as_it_is(made: Any) -> Any:
    return made
