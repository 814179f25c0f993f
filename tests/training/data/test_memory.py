"""Data that is larger than what one wants in memory stays where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import torch

from lamina.training.data import Arrays, as_tensors, source_of
from lamina.training.data.numpy_arrays import NumpyRows

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def mapped(tmp_path: Path) -> Path:
    """128 MB on disk: row i holds i."""
    path = tmp_path / "data.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype="float32", shape=(32_000, 1_000))
    array[:] = np.arange(len(array))[:, None]
    return path


@pytest.mark.slow
def test_a_mapped_file_is_not_loaded(mapped: Path) -> None:
    """Anonymous memory is what counts: pages of the file that stay in the cache can be given up at any time."""
    program = f"""
import numpy as np, torch
from lamina.training.data import source_of
def anonymous():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
source_of(np.zeros((64, 10)), shuffle=True)
before = anonymous()
for mode in ("r", "r+"):
    for shuffle in (False, True):
        source = source_of(np.load({str(mapped)!r}, mmap_mode=mode), shuffle=shuffle, batch_size=32)
        train, held = source.split(0.1)
        assert all((x == x[:, :1]).all() for x, _, _ in held.batches())
        assert len({{int(x[i, 0]) for x, _, _ in train.batches() for i in (0, -1)}}) == 1800
print(anonymous() - before)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 40


def test_a_mapped_file_may_be_written_to_as_a_batch_only(mapped: Path) -> None:
    """A batch that shared a read-only page would end the process when a layer works in place."""
    x, _, _ = next(source_of(np.load(mapped, mmap_mode="r")).batches())
    x.add_(1)
    assert float(np.load(mapped, mmap_mode="r")[0, 0]) == 0


def test_sparse_rows_are_dense_batch_by_batch_only() -> None:
    """A million columns: dense, the whole would be 40 GB."""
    places = np.arange(10_000), np.arange(10_000) * 97
    matrix = scipy.sparse.csr_array((np.ones(10_000, "float32"), places), shape=(10_000, 1_000_000))
    source = source_of(matrix, batch_size=2, shuffle=True)
    assert sum(float(x.sum()) for x, _, _ in source.batches(skip=len(source) - 20)) == 40
    x, _, _ = source.sample()
    assert x.shape == (2, 1_000_000)
    assert torch.equal(x, torch.from_numpy(matrix[:2].toarray()))


def test_arrays_that_pytorch_cannot_take_are_not_copied_whole() -> None:
    frozen = np.zeros((4, 2), "float32")
    frozen.flags.writeable = False
    for array in (frozen, np.zeros((4, 2), ">f4"), np.zeros((4, 2), "uint16"), np.zeros((4, 2))[::-1]):
        leaf = Arrays(array).data[0]
        assert isinstance(leaf, NumpyRows)
        assert np.shares_memory(leaf.array, array)
        assert torch.equal(as_tensors(array, "x"), torch.zeros(4, 2, dtype=leaf.dtype))


def test_what_can_be_looked_at_without_a_pass() -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    x = torch.zeros(100, 2)
    source = source_of({"a": x}, np.zeros(100), shuffle=True)
    assert source.sample()[0]["a"] is x
    assert len(source.sample()[1]) == 100
    assert source_of(lambda: iter([x])).sample() is None
    assert torch.equal(torch.get_rng_state(), state)


def test_a_split_is_cut_before_shuffling_and_keeps_the_last_rows_for_validation() -> None:
    source = source_of(
        {"a": np.arange(10), "b": scipy.sparse.csr_array(np.arange(10)[:, None])},
        np.arange(10),
        batch_size=3,
        shuffle=True,
    )
    train, held = source.split(0.25)
    assert (train.rows, held.rows) == (7, 3)
    assert [x["b"].flatten().tolist() for x, _, _ in held.batches()] == [[7, 8, 9]]
    assert sorted(v for x, _, _ in train.batches() for v in x["b"].flatten().tolist()) == list(range(7))
    torch.manual_seed(0)
    assert [v for _, y, _ in train.batches() for v in y.tolist()] != list(range(7))
    assert [y.tolist() for _, y, _ in held.batches()] == [[7, 8, 9]]
