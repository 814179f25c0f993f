"""The same training on several processes ends with the numbers of one, on the same batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.distribution import cases, processes

SCRIPT = Path(cases.__file__)


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    return cases.run_all()


def check(alone: dict[str, Any], size: int, folder: Path) -> None:
    ended = processes.run(SCRIPT, size, SHARED=str(folder))
    assert [one.code for one in ended] == [0] * size, ended[0].out + ended[-1].out
    faults = []
    for rank, one in enumerate(ended):
        # What is counted per process, and what only the first one writes.
        for name, found in one.result.items():
            faults += [f"rank {rank}, {name}{fault}" for fault in different(alone[name], found, rank)[:3]]
    assert not faults, "\n".join(faults)


def different(due: Any, found: Any, rank: int, path: str = "") -> list[str]:
    """Where two results differ by more than rounding."""
    if path.endswith("['files']"):
        # The first writes what callbacks write; a name of its own each process writes itself.
        return [] if found == (due if rank == 0 else [f"{rank}.lamina"]) else [f"{path}: {found}"]
    if path.endswith("['read']"):
        return [] if 0 < found < due else [f"{path}: read {found} rows of {due}"]
    if isinstance(due, dict):
        if list(due) != list(found):
            return [f"{path}: {list(found)} instead of {list(due)}"]
        return [fault for key in due for fault in different(due[key], found[key], rank, f"{path}[{key!r}]")]
    if isinstance(due, (list, tuple)):
        if len(due) != len(found):
            return [f"{path}: {len(found)} instead of {len(due)}"]
        pairs = enumerate(zip(due, found, strict=True))
        return [fault for i, (a, b) in pairs for fault in different(a, b, rank, f"{path}[{i}]")]
    if due is None or isinstance(due, str):
        return [] if due == found else [f"{path}: {found} instead of {due}"]
    close = np.shape(due) == np.shape(found) and np.allclose(found, due, rtol=1e-6, atol=1e-6)
    return [] if close else [f"{path}: {np.ravel(found)[:3]} instead of {np.ravel(due)[:3]}"]


def test_two_processes_equal_one(alone: dict[str, Any], tmp_path: Path) -> None:
    check(alone, 2, tmp_path)


@pytest.mark.slow
def test_three_processes_equal_one(alone: dict[str, Any], tmp_path: Path) -> None:
    check(alone, 3, tmp_path)
