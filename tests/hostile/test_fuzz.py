"""Four seconds of mutated files of every kind; `python -m tests.hostile.fuzz` goes on for as long as one likes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lamina.saving import LoadingError

from . import fuzz

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.slow)])
def test_only_named_errors_come_out_of_mutated_files(seconds: int) -> None:
    """In a process of its own: what would end it, a fault in a library in C, is a failure here."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.fuzz", "-loop", f"-max_total_time={seconds}", "-seed=7"],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ends = json.loads(done.stdout.splitlines()[-1])
    assert ends["cases"] > 15 * seconds  # most of a second each would be a machine that does other things
    assert min(ends["LoadingError"], ends["DamagedFileError"], ends["no error"]) > ends["cases"] / 100


def test_the_fuzzer_tells_what_it_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Path, report: Any = None) -> None:
        if len(path.read_bytes()) % 2:
            raise LoadingError("odd")
        raise KeyError("even")

    (tmp_path / "files").mkdir()
    target = fuzz.Target(tmp_path / "files")
    monkeypatch.setattr(fuzz, "load_model", careless)
    count, found = fuzz.loop(target, 2, 3)
    assert count > 1
    (error,) = found.values()
    assert error.startswith("KeyError: 'even'; the file is ")
    assert list(tmp_path.glob("finding-*"))
    assert target.ends["LoadingError"]
