"""What Lamina does not load, or look for, before it is used: one fresh process goes through all of it, step by step."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# In this order: a step, what runs, and packages that are not loaded after it.
STEPS = [
    (
        "the packages, without a look for an accelerator",
        "import torch\n"
        "def refuse(*args, **kwargs): raise SystemExit('an accelerator was looked for')\n"
        "kept = torch.accelerator.current_accelerator, torch.cuda.is_available, torch.cuda.init\n"
        "torch.accelerator.current_accelerator = torch.cuda.is_available = torch.cuda.init = refuse\n"
        "import lamina, lamina.config, lamina.mixed_precision\n"
        "assert not torch.cuda.is_initialized()\n"
        "torch.accelerator.current_accelerator, torch.cuda.is_available, torch.cuda.init = kept\n",
        ["torchmetrics"],
    ),
    ("the view", "import lamina.view", ["matplotlib", "rich.table"]),
    (
        "a TensorBoard that has written nothing",
        "import os; lamina.callbacks.TensorBoard('logs'); assert os.listdir('.') == []",
        ["tensorboard", "google"],
    ),
    (
        "a step of an optimizer",
        "lamina.optimizers.Adam().apply([torch.ones(2)], [torch.nn.Parameter(torch.ones(2))])",
        ["torch._dynamo"],
    ),
    (
        "a folded model",
        "from lamina import Input, Model, layers as L; x = Input((6, 6, 3))\n"
        "m = Model(x, L.BatchNormalization()(L.Conv2D(2, 1)(x))); m._folded_form()(torch.ones(1, 6, 6, 3))\n"
        "assert m._drawn.folding.program is not None",
        ["torch._dynamo"],
    ),
]


@cache
def loaded(folder: Path) -> dict[str, list[str]]:
    """Names in sys.modules of the process after each step."""
    lines = ["import json, sys", f"sys.path.insert(0, {str(ROOT)!r})", "loaded = {}"]
    for step, code, _ in STEPS:
        lines += [code, f"loaded[{step!r}] = list(sys.modules)"]
    program = "\n".join([*lines, "print(json.dumps(loaded))"])
    process = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return dict(json.loads(process.stdout))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loaded")


@pytest.mark.parametrize("step, packages", [(step, packages) for step, _, packages in STEPS])
def test_nothing_is_loaded_before_it_is_used(step: str, packages: list[str], folder: Path) -> None:
    names = loaded(folder)[step]
    assert "lamina" in names
    assert [n for n in names if any(n == p or n.startswith(f"{p}.") for p in packages)] == []
