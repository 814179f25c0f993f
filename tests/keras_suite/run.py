"""Run Keras' own tests, from its wheel, on Lamina: how many apply, how many pass, what the others fail by.

python -m tests.keras_suite.run [--only layers/core] [--on keras] [--out results.jsonl]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from tests.keras_suite.names import WHEEL

# Of other backends, of devices, of files on the net, of Keras' own tools.
NOT_OURS = (
    "backend/tensorflow", "backend/jax", "backend/numpy", "backend/openvino", "backend/common/dtypes_test",
    "distribution", "datasets", "applications", "export", "legacy", "quantizers", "testing",
)  # fmt: skip
OPTIONS = (
    "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--continue-on-collection-errors", "--tb=line", "--no-header",
    "--show-capture=no",
)  # fmt: skip
SECONDS = 1800  # for the files of one folder


def files(only: str) -> list[Path]:
    every = sorted((WHEEL / "src").rglob("*_test.py"))
    relative = [(path, str(path.relative_to(WHEEL / "src"))) for path in every]
    chosen = [path for path, name in relative if not name.startswith(NOT_OURS) and only in name]
    return sorted(chosen, key=lambda path: (path.parent, path.name))  # a folder's files beside each other, for groupby


def run_folder(folder: Path, paths: list[Path], on: str) -> tuple[list[dict[str, str]], str]:
    """The files of one folder, in a process of their own: their outcomes, and what ended the process early."""
    out = folder / "outcomes.jsonl"
    for path in paths:
        module = ".".join(path.relative_to(WHEEL.parent).with_suffix("").parts)
        (folder / f"test_{path.stem}.py").write_text(
            f"from tests.keras_suite.names import defined_in as _of\nglobals().update(_of({module!r}))\n"
        )
    here = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH", "")]))
    chosen = {"KERAS_SUITE_ON": on, "KERAS_SUITE_OUT": str(out), "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **chosen, "PYTHONPATH": here}
    command = [sys.executable, "-m", "pytest", "-p", "tests.keras_suite.plugin", *OPTIONS]
    command += ["--rootdir", str(folder), str(folder)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, cwd=folder)
        trouble = "" if done.returncode in (0, 1, 5) else (done.stdout + done.stderr)[-1500:]
    except subprocess.TimeoutExpired:
        trouble = f"not done after {SECONDS} s"
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else [], trouble


def said(total: Counter[str]) -> str:
    """How many pass of those that apply: as they are, and where the words of an error are not judged."""
    apply = sum(total[outcome] for outcome in ("passed", "other words", "failed", "stopped", "not collected"))
    passed, words = total["passed"], total["passed"] + total["other words"]
    share = [f"{count} ({100 * count / max(apply, 1):.1f} %)" for count in (passed, words)]
    return f"{dict(total)}\n{apply} apply: {share[0]} pass; wording of errors aside, {share[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of a file's path")
    parser.add_argument("--on", choices=("lamina", "keras"), default="lamina")
    parser.add_argument("--out", type=Path, help="where each test's outcome goes, a line of JSON each")
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    groups = {name: list(paths) for name, paths in groupby(files(args.only), key=lambda path: path.parent)}
    total: Counter[str] = Counter()
    records: list[dict[str, str]] = []

    def run(group: tuple[Path, list[Path]]) -> tuple[Path, list[dict[str, str]], str]:
        with tempfile.TemporaryDirectory() as folder:
            return group[0], *run_folder(Path(folder), group[1], args.on)

    with ThreadPoolExecutor(args.jobs) as pool:
        for path, outcomes, trouble in pool.map(run, groups.items()):
            name = str(path.relative_to(WHEEL / "src"))
            if trouble:
                outcomes.append({"id": "", "outcome": "stopped", "error": trouble, "at": ""})
            count = Counter(outcome["outcome"] for outcome in outcomes)
            total += count
            records += [{"folder": name, **outcome} for outcome in outcomes]
            print(f"{name:55s} {dict(count)} {trouble.strip().splitlines()[-1][:150] if trouble else ''}", flush=True)
    if args.out:
        args.out.write_text("\n".join(map(json.dumps, records)) + "\n")
    print(said(total))


if __name__ == "__main__":
    main()
