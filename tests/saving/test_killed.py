"""Saves that are killed, and saves that find no room: the file is the old one or the new one, whole."""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from lamina import Model
from lamina.layers import Dense, Input
from lamina.models import load_model

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 and fork are POSIX's")

TEMPORARY = ".m.lamina.*.tmp"


def small() -> Model:
    x = Input((8,), name="x")
    return Model(x, Dense(256, name="dense")(x), name="killed")


def fill(model: Any, value: float) -> None:
    with torch.no_grad():
        for weight in model.weights:
            weight.fill_(value)


def save_for_ever(model: Any, path: Path, first: int, told: int) -> NoReturn:
    """What the child does: one save after another, each with a value of its own in every weight.

    Args:
        told: an open pipe, which gets a byte before the first save and after each.
    """
    value = first
    try:
        while True:
            os.write(told, b".")
            value += 1
            fill(model, value)
            model.save(path)
    finally:
        os._exit(1)  # never back into the tests


def wait_for(told: int, saves: int) -> float:
    """Wait until so many saves have come to an end. Gives the seconds of the last, however busy the machine is."""
    took = 0.0
    os.read(told, 1)
    for _ in range(saves):
        begun = time.perf_counter()
        os.read(told, 1)
        took = time.perf_counter() - begun
    return took


def value_in(path: Path) -> int:
    """The one number that all weights of the file hold; a file of two saves would hold two."""
    values = {number for weight in load_model(path).weights for number in weight.unique().tolist()}
    assert len(values) == 1, values
    return int(values.pop())


@pytest.mark.slow
@pytest.mark.parametrize("kills", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_many_kills(tmp_path: Path, kills: int) -> None:
    path = tmp_path / "m.lamina"
    model = small()
    fill(model, 0)
    model.save(path)
    begun = time.perf_counter()
    model.save(path)
    one_save = time.perf_counter() - begun
    draw = random.Random(0)
    torch.set_num_threads(1)  # a child of fork has none of the parent's threads
    seen, left = 0, 0
    for _ in range(kills):
        told, tells = os.pipe()
        child = os.fork()
        if not child:
            save_for_ever(model, path, seen, tells)
        # Somewhere in the first, second or third save, or in the one after it.
        one_save = wait_for(told, draw.randrange(3)) or one_save
        time.sleep(draw.uniform(0, 1.5 * one_save))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(told)
        os.close(tells)
        assert os.WIFSIGNALED(status)  # it did not end by itself
        assert os.WTERMSIG(status) == signal.SIGKILL
        value = value_in(path)
        assert value >= seen
        seen = value
        leftovers = list(tmp_path.glob(TEMPORARY))
        assert len(leftovers) <= 1  # of the save that was killed
        left += len(leftovers)
        for leftover in leftovers:
            leftover.unlink()
        assert list(tmp_path.iterdir()) == [path]
    assert seen > kills / 10  # saves came to an end,
    assert left > kills / 10  # and saves were killed in the middle


def test_the_test_sees_a_save_that_writes_in_place(tmp_path: Path) -> None:
    path = tmp_path / "m.lamina"
    small().save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(OSError, match="not a model file, or a damaged one"):
        value_in(path)


@pytest.mark.parametrize("room", [0, 1, 100, 4096, 5000])
def test_a_file_that_may_not_grow_leaves_the_old_one(tmp_path: Path, room: int) -> None:
    path = tmp_path / "m.lamina"
    model = small()
    fill(model, 1)
    model.save(path)
    before = path.read_bytes()
    assert room < len(before)
    fill(model, 2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            model.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    model.save(path)
    assert value_in(path) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.lamina"
    model = small()
    fill(model, 1)
    model.save(path)
    before = path.read_bytes()
    real = os.fsync

    def full(handle: int) -> None:
        with open("/dev/full", "wb", buffering=0) as nothing:
            nothing.write(b"x")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
