"""Models are trained and saved here, and loaded and trained on in a process that has none of the code that made them.

    here, there = elsewhere(folder, {"net": (model, inputs)})

`here` and `there` hold what `look` sees of each model, and what one more step of training leaves. Run as a program it
is the other process, which imports Lamina alone:

    python -m tests.saving.elsewhere FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lamina.graph import tree
from lamina.models import load_model
from tests.saving.look import look

ROOT = Path(__file__).resolve().parents[2]
STEP_SEED = 77
SUFFIX = ".lamina"


def trained(model: Any, inputs: Any) -> Any:
    """Compile the model for the outputs that have a gradient, and take one step. Gives the batch, or None."""
    rows = len(next(iter(tree.leaves(inputs))))
    targets = {
        name: torch.full_like(leaf, 0.25).detach()
        for name, leaf in zip(model.output_names, tree.leaves(model(inputs)), strict=True)
        if leaf.requires_grad and leaf.is_floating_point() and leaf.isfinite().all() and len(leaf) == rows
    }
    if not targets:
        return None
    model.compile("adam", dict.fromkeys(targets, "mse"))
    batch = inputs, targets
    one_step(model, batch)
    return batch


def one_step(model: Any, batch: Any) -> dict[str, Any]:
    """What a step gives and leaves: its loss, the weights, the state of the optimizer."""
    torch.manual_seed(STEP_SEED)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The output .* ends with")  # some cases are one layer
        warnings.filterwarnings("ignore", "No gradient comes to")  # some cases have weights that only a decision reads
        logs = model.train_on_batch(*batch, return_dict=True)
    return {
        "logs": logs,
        "weights": {path: tensor.clone() for path, tensor in model.state_dict().items()},
        "optimizer": {path: tensor.clone() for path, tensor in model.optimizer.state_dict().items()},
    }


def elsewhere(folder: Path, models: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Facts of each model by name, as they are here and as they are in a fresh process that loaded its file."""
    here = {name: send(folder / f"{name}{SUFFIX}", model, inputs) for name, (model, inputs) in models.items()}
    return here, seen_in_a_fresh_process(folder)


def send(path: Path, model: Any, inputs: Any) -> dict[str, Any]:
    """Train, save, and lay the data beside the file."""
    batch = trained(model, inputs)
    model.save(path)
    torch.save((inputs, batch), path.with_suffix(".data"))
    for part in model.modules():
        if getattr(part, "stateful", False):
            part.reset_state()  # where the last batch ended is no part of a model: what is loaded begins anew
    return {**look(model, inputs), "step": None if batch is None else one_step(model, batch)}


def seen_in_a_fresh_process(folder: Path) -> dict[str, Any]:
    """What the files in the folder are to a process that has nothing but them and Lamina."""
    command = [sys.executable, "-m", "tests.saving.elsewhere", str(folder)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return {path.stem: torch.load(path, weights_only=False) for path in folder.glob("*.seen")}


def main(folder: Path) -> None:
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        inputs, batch = torch.load(path.with_suffix(".data"), weights_only=False)
        model = load_model(path)
        model.save(path.with_name(f"again-{path.name}"))
        facts = {**look(model, inputs), "step": None if batch is None else one_step(model, batch)}
        torch.save(facts, path.with_suffix(".seen"))
    foreign = [name for name in sys.modules if name.startswith(("tests.", "benchmarks", "examples", "keras"))]
    assert foreign == ["tests.saving", "tests.saving.look"], foreign


if __name__ == "__main__":
    main(Path(sys.argv[1]))
