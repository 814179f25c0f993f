"""PyDataset: hooks, order, workers that are threads or processes, their exceptions and their deaths."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from lamina.graph import DtypeError
from lamina.training.data import DataError, PyDataset, source_of

WORKERS = [{}, {"workers": 2}, {"workers": 2, "use_multiprocessing": True}]
NAMES = ["in turn", "threads", "processes"]
every_way = pytest.mark.parametrize("options", WORKERS, ids=NAMES)


class Numbers(PyDataset):
    """Batch i is [i, i]; one of them may fail."""

    def __init__(self, total: int = 6, fails_at: int = -1, error: Any = ValueError, **options: Any) -> None:
        super().__init__(**options)
        self.total, self.fails_at, self.error = total, fails_at, error
        self.offset = 0

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, i: int) -> Any:
        if i == self.fails_at:
            raise self.error("no picture")
        return np.full(2, i + self.offset)

    def on_epoch_end(self) -> None:
        self.offset += 100


class Endless(Numbers):
    num_batches = None


class Unpicklable(Exception):  # noqa: N818
    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.lock = threading.Lock()


def firsts(source: Any, skip: int = 0) -> list[int]:
    return [int(x[0]) for x, _, _ in source.batches(skip)]


@every_way
def test_order_and_skipping(options: Any) -> None:
    source = source_of(Numbers(**options))
    assert firsts(source) == [0, 1, 2, 3, 4, 5]
    assert firsts(source, 4) == [4, 5]
    shuffled = source_of(Numbers(**options), shuffle=True)
    torch.manual_seed(0)
    order = firsts(shuffled)
    assert sorted(order) == [0, 1, 2, 3, 4, 5] != order
    torch.manual_seed(0)
    assert firsts(shuffled, 2) == order[2:]


@every_way
def test_each_pass_sees_what_the_hooks_of_the_last_one_changed(options: Any) -> None:
    source = source_of(Numbers(2, **options))
    seen = []
    for _ in range(3):
        source.on_epoch_begin()
        seen.append(firsts(source))
        source.on_epoch_end()
    assert seen == [[0, 1], [100, 101], [200, 201]]


@every_way
def test_an_endless_dataset_is_taken_from_as_long_as_wanted(options: Any) -> None:
    source = source_of(Endless(**options))
    with pytest.raises(TypeError, match="number of batches is unknown"):
        len(source)
    batches = source.batches(skip=3)
    assert [int(next(batches)[0][0]) for _ in range(20)] == list(range(3, 23))
    source.close()
    with pytest.raises(StopIteration):
        next(batches)


@every_way
def test_an_exception_names_its_batch_and_is_chained(options: Any) -> None:
    with pytest.raises(
        DataError, match="Batch 3 of the Numbers could not be made.\n.*ValueError: no picture"
    ) as caught:
        firsts(source_of(Numbers(fails_at=3, **options)))
    cause = caught.value.__cause__
    assert type(cause) is ValueError
    assert "in __getitem__" in cause.__notes__[0]


@every_way
def test_a_batch_that_cannot_be_is_refused_with_its_number(options: Any) -> None:
    class Words(Numbers):
        def __getitem__(self, i: int) -> Any:
            return {"city": ["a", "b"]} if i == 2 else {"city": [1, 2]}

    with pytest.raises(DtypeError, match=r"x\['city'\](.*\n)*.*batch 2 of the Words"):
        list(source_of(Words(**options)).batches())


def test_an_exception_that_cannot_be_pickled_comes_from_a_process_all_the_same() -> None:
    data = Numbers(fails_at=1, error=Unpicklable, workers=1, use_multiprocessing=True)
    with pytest.raises(DataError, match="Batch 1 of the Numbers .*\n.*Unpicklable: no picture"):
        firsts(source_of(data))


def test_targets_by_key() -> None:
    class Dicts(Numbers):
        def __getitem__(self, i: int) -> Any:
            return {"image": np.zeros(2), "label": np.full(2, i)}

    _, y, _ = next(source_of(Dicts(), "label").batches(skip=1))
    assert y.tolist() == [1, 1]


def test_threads_make_no_more_batches_ahead_than_the_queue_holds() -> None:
    made: list[int] = []

    class Noting(Numbers):
        def __getitem__(self, i: int) -> Any:
            made.append(i)
            return super().__getitem__(i)

    source = source_of(Noting(100, workers=2, max_queue_size=3))
    batches = source.batches()
    for _ in range(5):
        next(batches)
    source.close()
    assert len(made) <= 5 + 3
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina-data")]


def test_processes_end_with_their_pass() -> None:
    source = source_of(Numbers(1000, workers=2, use_multiprocessing=True))
    next(source.batches())
    batches = source.batches()
    next(batches)
    assert multiprocessing.active_children()
    source.close()
    del batches
    assert not multiprocessing.active_children()


class Dying(Numbers):
    def __getitem__(self, i: int) -> Any:
        if i == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(2)


class DyingRows(Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, i: int) -> Any:
        return Dying()[i]


@pytest.mark.parametrize(
    "make, kind",
    [
        (lambda: Dying(workers=1, use_multiprocessing=True), "Dying"),
        (lambda: DataLoader(DyingRows(), num_workers=2), "DataLoader"),
    ],
    ids=["PyDataset", "DataLoader"],
)
def test_a_worker_that_is_killed_is_an_error_within_seconds(make: Any, kind: str) -> None:
    start = time.monotonic()
    with pytest.raises(DataError, match=f"A worker of the {kind} died.*\n.*DataLoader worker"):
        list(source_of(make()).batches())
    assert time.monotonic() - start < 10


class FailingRows(DyingRows):
    def __getitem__(self, i: int) -> Any:
        if i == 5:
            raise KeyError("no picture")
        return np.zeros(2)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_in_a_loader_notes_its_batch(workers: int) -> None:
    with pytest.raises(KeyError, match="no picture") as caught:
        list(source_of(DataLoader(FailingRows(), batch_size=2, num_workers=workers)).batches())
    assert caught.value.__notes__ == ["This happened while batch 2 was drawn from the DataLoader."]


def test_iterating_by_hand_and_what_is_missing() -> None:
    assert [int(x[0]) for x in Numbers(3)] == [0, 1, 2]
    with pytest.raises(NotImplementedError, match="PyDataset has no __getitem__"):
        PyDataset()[0]
    with pytest.raises(NotImplementedError, match="neither __len__ nor num_batches"):
        PyDataset().num_batches  # noqa: B018


def test_keras_own_are_taken_too() -> None:
    import keras

    class Theirs(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, i: int) -> Any:
            return np.full((2, 1), i), np.full(2, i)

    assert firsts(source_of(Theirs(workers=2, use_multiprocessing=True))) == [0, 1]
