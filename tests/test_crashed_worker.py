"""A test that ends its process fails the run and is named; `make test` does not wait for ever, and says its time."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CRASH = """
import os, signal, pytest

@pytest.mark.parametrize("n", range(20))
def test_one(n):
    if n == 3:
        os.kill(os.getpid(), signal.SIGKILL)
"""
FINE = """
import pytest

@pytest.mark.parametrize("n", range(20))
def test_one(n):
    pass
"""


def recipe() -> list[str]:
    """The lines that `make test` runs for the tests, without running them."""
    plain = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTEST_ARGS"))
    }
    told = subprocess.run(
        ["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60, env=plain
    )
    return told.stdout.splitlines()[-2:]


def test_it_says_how_long_it_takes() -> None:
    assert "minutes" in recipe()[0]


@pytest.mark.slow
def test_a_crashed_worker_fails_the_run(tmp_path: Path) -> None:
    for n in range(6):  # more files than workers: a worker is left with files to give out when the other one dies
        (tmp_path / f"test_{n}.py").write_text(CRASH if n == 0 else FINE)
    words = shlex.split(recipe()[1])
    flags = words[words.index("pytest") + 1 :]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags, "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "crashed while running 'test_0.py::test_one[3]'" in done.stdout, done.stdout + done.stderr
