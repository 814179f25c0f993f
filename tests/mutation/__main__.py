"""``make mutate``: breaks the library on purpose, one line at a time, and says which breaks no test notices.

    python -m tests.mutation [WORD ...]

Each mutant of `mutants.py` is one change in a copy of the project; the tests that it names run in that copy, and one of
them must fail. WORDs choose the mutants whose file or text holds them. Ends with 1 where a mutant survives.

A loop of our own, and no tool: tools mutate whole files, and tests that take seconds each allow some dozen mutants, so
each is to be one that matters. Nor do the tools' ways of switching mutants on (functions that choose a variant at each
call) go with code that `torch.compile` reads and that looks at the caller's lines.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
# A mutant may make a loop endless; what takes this long, in seconds, is caught.
PATIENCE = 600
# What the tests import and no mutant is in. It is imported once, which takes longer than the tests of a mutant do.
OUTSIDE = ("torch", "keras")


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if not words or any(word in f"{m.file} {m.old} {m.new}" for word in words)]
    os.environ["KERAS_BACKEND"] = "torch"
    for name in OUTSIDE:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "dist"))
        if run(copy, list(dict.fromkeys(test for mutant in chosen for test in mutant.tests.split()))):
            print("The tests fail without any mutant: nothing can be said.")
            return 2
        survivors = [mutant for mutant in chosen if survives(copy, mutant)]
    print(f"{len(chosen)} mutants, {len(survivors)} survived.")
    return bool(survivors)


def survives(copy: Path, mutant: Mutant) -> bool:
    """Whether the tests pass with it, or cannot run; says so."""
    file = copy / mutant.file
    before, start = file.read_text(), time.perf_counter()
    file.write_text(mutant.applied(before))
    try:
        code = run(copy, mutant.tests.split())
    finally:
        file.write_text(before)
    said = {0: "SURVIVED", 1: "caught"}.get(code, "NO TEST RAN")
    print(f"{said:12}{time.perf_counter() - start:5.0f} s  {mutant}", flush=True)
    return code != 1


def run(folder: Path, tests: list[str]) -> int:
    """The tests in the copy, in a process of their own: 0 where all pass, 1 where one fails or none ends."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)  # ends the process
        code = 2
        try:
            code = int(_pytest(folder, tests))
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1


def _pytest(folder: Path, tests: list[str]) -> int:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(folder)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(folder), *(place for place in sys.path if Path(place or ".").resolve() != ROOT)]
    os.environ["PYTHONPATH"] = str(folder)
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
