"""One example from beginning to end: run, scored, checked, drawn, written down."""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from . import checks, discover, figures
from .about import About, Result
from .lines import code_lines


def examine(
    name: str, out: Path, quick: bool = False, public: bool = False, compiler: str = "inductor"
) -> dict[str, Any]:
    """Run an example and everything that is promised of it.

    Args:
        name: the example.
        out: where its model, its pictures and `NAME.json`, the record, go.
        quick: at reduced size.
        public: on the public data set, where it has one.
        compiler: the backend of `torch.compile`.

    Returns:
        The record: plain data, as in `NAME.json`.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    about = discover.about(name)
    if public and not about.public:
        raise SystemExit(f"The example {name!r} has no public data set.")
    out.mkdir(parents=True, exist_ok=True)
    result, times = _timed_run(name, out, quick, public)
    outcomes = checks.check(name, about, result, out, compiler)
    record = _record(name, about, result, times, quick, public) | {"checks": outcomes}
    record["figures"] = figures.draw(name, result, out)
    (out / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return record


def complaints(record: dict[str, Any]) -> list[str]:
    """What was promised of the example and did not hold, a line each."""
    short = [] if record["reached"] else [f"score {record['score']:.4g} does not reach {record['target']:.4g}"]
    return short + checks.failures(record["checks"])


def _timed_run(name: str, out: Path, quick: bool, public: bool) -> tuple[Result, dict[str, float]]:
    run = discover.load(name).run
    started, cpu = time.perf_counter(), time.process_time()
    result = run(quick=quick, out=out, public=True) if public else run(quick=quick, out=out)
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    return result, {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1)}


def _record(
    name: str, about: About, result: Result, times: dict[str, float], quick: bool, public: bool
) -> dict[str, Any]:
    import torch

    target = about.quick_target if quick else about.target
    source = (discover.FOLDER / f"{name}.py").read_text()
    return {
        "name": name,
        "score": float(result.score),
        "baseline": float(result.baseline),
        "target": target,
        "reached": about.better(float(result.score), target),
        "more": {key: float(value) for key, value in result.more.items()},
        **times,
        "parameters": result.model.count_params(),
        "lines": code_lines(source),
        "size": "quick" if quick else "public" if public else "full",
        "date": datetime.date.today().isoformat(),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }
