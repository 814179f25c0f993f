"""``make mutate``: breaks the library on purpose, one line at a time, and says which breaks no test notices.

    python -m tests.mutation [WORD ...]

Each mutant of `mutants.py` is one change in a copy of the project; the tests that it names run in that copy, and one of
them must fail. WORDs choose the mutants whose file or text holds them. Ends with 1 where a mutant survives.

A loop of our own, and no tool: tools mutate whole files, and tests that take seconds each allow some dozen mutants, so
each is to be one that matters. Nor do the tools' ways of switching mutants on (functions that choose a variant at each
call) go with code that `torch.compile` reads and that looks at the caller's lines.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
# A mutant may make a loop endless; what takes this long, in seconds, is caught.
PATIENCE = 300


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.file} {m.old} {m.new}" for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist"))
        tests = list(dict.fromkeys(test for mutant in chosen for test in mutant.tests.split()))
        if run(copy, tests).returncode:
            print("The tests fail without any mutant: nothing can be said.")
            return 2
        survivors = [mutant for mutant in chosen if survives(copy, mutant)]
    print(f"{len(chosen)} mutants, {len(survivors)} survived.")
    return bool(survivors)


def survives(copy: Path, mutant: Mutant) -> bool:
    """Whether the tests pass with it; says so."""
    file = copy / mutant.file
    before, start = file.read_text(), time.perf_counter()
    file.write_text(mutant.applied(before))
    try:
        code = run(copy, mutant.tests.split()).returncode
    except subprocess.TimeoutExpired:
        code = 1
    finally:
        file.write_text(before)
    said = {0: "SURVIVED", 1: "caught"}.get(code, "NO TEST RAN")
    print(f"{said:12}{time.perf_counter() - start:5.0f} s  {mutant}", flush=True)
    return code != 1


def run(folder: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    """The tests in the copy; 0 where all pass, 1 where one fails."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE * max(1, len(tests))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
