"""That a trained model answers the same elsewhere: loaded by a fresh process, compiled as one graph, in Keras."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import arrays, discover
from .about import About, Result

BOUNDS = {"loaded": 0.0, "compiled": 1e-4, "keras": 1e-4}
"""The largest difference of a prediction, relative where predictions are above 1. A file gives the same bits back."""


def check(name: str, about: About, result: Result, out: Path, compiler: str) -> dict[str, dict[str, Any]]:
    """Each check's outcome: `ok`, and the largest `difference`, or `why` it was not done or has failed."""
    model_file = out / f"{name}.lamina"
    if not model_file.exists():
        raise SystemExit(f"The example must save its model: model.save(out / {model_file.name!r}).")
    arrays.save(out / "inputs.npz", result.inputs)
    rows = arrays.flat(result.inputs)[0].shape[0]
    ours = result.model.predict(result.inputs, batch_size=rows, verbose=0)
    outcomes = {"loaded": _asked("loaded", name, model_file, ours, out)}
    if about.not_compiled:
        outcomes["compiled"] = {"ok": None, "why": about.not_compiled}
    else:
        outcomes["compiled"] = _asked("compiled", name, model_file, ours, out, f"--backend={compiler}")
    if about.not_in_keras:
        outcomes["keras"] = {"ok": None, "why": about.not_in_keras}
    else:
        result.model.save(out / f"{name}.keras")
        outcomes["keras"] = _asked("keras", name, out / f"{name}.keras", ours, out)
    return outcomes


def failures(outcomes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What did not hold, a line each."""
    return [f"{how}: {outcome['why']}" for how, outcome in outcomes.items() if outcome["ok"] is False]


def _asked(how: str, name: str, model: Path, ours: Any, out: Path, *further: str) -> dict[str, Any]:
    """One check, in a process of its own."""
    answers = out / f"{how}.npz"
    command = [sys.executable, "-m", "gallery.runner.answer", how, name]
    command += [str(file.resolve()) for file in (model, out / "inputs.npz", answers)]
    # PyTorch keeps compiled kernels in a folder for all processes. What a killed one has left there half written fails
    # in every later one ("file too short"), so each check has a folder of its own.
    with tempfile.TemporaryDirectory() as kernels:
        environment = os.environ | {"TORCHINDUCTOR_CACHE_DIR": kernels}
        ended = subprocess.run(
            [*command, *further], cwd=discover.ROOT, env=environment, capture_output=True, text=True, check=False
        )
    if ended.returncode:
        return {"ok": False, "why": (ended.stderr.strip() or f"ended with {ended.returncode}")[-2000:]}
    difference = arrays.difference(ours, arrays.load(answers))
    if difference > BOUNDS[how]:
        return {"ok": False, "why": f"the predictions differ by {difference:.2g}", "difference": difference}
    return {"ok": True, "difference": difference}
