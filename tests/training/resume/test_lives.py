"""A training that ends early, again and again, comes to the same bits as one that does not."""

from __future__ import annotations

import functools
import random
import tempfile
import zlib

import pytest

from lamina.callbacks import Callback
from lamina.training.feed import Feed

from .setups import SETUPS, assert_same, fit, result, whole

HOOKS = (
    "on_train_batch_begin", "on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_begin", "on_test_end",
    "on_train_begin",
)  # fmt: skip


class Crash(BaseException):
    """Nothing catches it by name."""


class Bomb(Callback):
    """Ends this life at its `after`-th call of hooks, whichever that is."""

    def __init__(self, after):
        super().__init__()
        self.left, self.where = after, None
        for hook in HOOKS:
            setattr(self, hook, functools.partial(self.tick, hook))

    def tick(self, hook, *args):
        self.left -= 1
        if self.left == 0:
            self.where = hook
            raise Crash(hook)


# Each setup with one of the frequencies, and "plain" with all; every pair in the slow tests.
FREQUENCIES = (1, 3, "epoch")
LIVES = [
    pytest.param(name, freq, marks=[pytest.mark.slow] * (name != "plain" and freq != FREQUENCIES[n % 3]))
    for n, name in enumerate(SETUPS)
    for freq in FREQUENCIES
]


@functools.cache
def expected(name):
    with tempfile.TemporaryDirectory() as folder:
        return whole(name, folder)


@pytest.mark.filterwarnings("ignore:The last batch would be a single row")
@pytest.mark.parametrize("name, save_freq", LIVES)
def test_many_lives(name, save_freq, tmp_path):
    chance = random.Random(zlib.crc32(f"{name}{save_freq}".encode()))
    lives = 0
    while True:
        # Long enough to get to the next backup.
        bomb = Bomb(chance.randint(6, 14) if save_freq != "epoch" else chance.randint(18, 24))
        lives += 1
        try:
            model = fit(name, tmp_path, save_freq, more=[bomb])
        except Crash:
            assert lives < 60
            continue
        break
    assert lives > 1
    assert_same(result(model, tmp_path), expected(name))
    assert not (tmp_path / "backup").exists()


@pytest.mark.quick_cases(2)
@pytest.mark.filterwarnings("ignore:The last batch would be a single row")
@pytest.mark.parametrize("name", ["plain", "loader", "workers", "joined", "again", "py_dataset"])
def test_batches_that_are_read_ahead_of_time(name, tmp_path, monkeypatch):
    """As to a GPU, two batches ahead: they draw their noise before their time, and in the next life again."""
    real = Feed.__init__

    def reads_ahead(self, *args, **options):
        real(self, *args, **options)
        self._ahead = 2

    monkeypatch.setattr(Feed, "__init__", reads_ahead)
    (tmp_path / "whole").mkdir()
    wanted = whole(name, tmp_path / "whole")
    for after in (9, 14, 14, 17, 10**6):
        try:
            model = fit(name, tmp_path, 1, more=[Bomb(after)])
        except Crash:
            continue
    assert_same(result(model, tmp_path), wanted)
