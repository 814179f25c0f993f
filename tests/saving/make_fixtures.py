"""Makes the files of this version, which every later version must load. By hand, once a format version:

    python -m tests.saving.make_fixtures [FOLDER]

writes into `fixtures/v1` beside this file, which must not be there yet: what was released is never made again. Each
model comes with its inputs, and with what it gave for them before and after one more step of training.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from lamina.graph import tree
from tests.saving.cases import CASES
from tests.saving.elsewhere import one_step, trained
from tests.saving.test_traced import CASES as TRACED

FOLDER = Path(__file__).parent / "fixtures" / "v1"
MODELS = (
    "everything", "chain", "several_inputs_and_outputs", "layers_shared_across_models", "functions_of_torch",
    "constants", "masks", "image_layers", "layers_that_hold_layers", "sequential", "mixed_models", "frozen",
)  # fmt: skip
# Layers of the user's, whose code is not in the repository of whoever loads them.
WITHOUT_CODE = ("block", "averaging", "transformer")
MADE = {name: {**CASES, **TRACED}[name] for name in (*MODELS, *WITHOUT_CODE)}
CHECKPOINT, WEIGHTS = "everything.checkpoint.lamina", "everything.weights.safetensors"


def numbered(structure: Any, prefix: str) -> dict[str, torch.Tensor]:
    """Leaves of a structure by number, as safetensors take them."""
    return {f"{prefix}.{i}": leaf.detach().contiguous().clone() for i, leaf in enumerate(tree.leaves(structure))}


def main(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, make in MADE.items():
        model, inputs = make()
        batch = trained(model, inputs)
        model.save(folder / f"{name}.lamina")
        expected = {**numbered(inputs, "inputs"), **numbered(model(inputs), "outputs")}
        if name == "everything":
            model.save_checkpoint(folder / CHECKPOINT)
            model.save_weights(folder / WEIGHTS)
        if batch is not None:
            expected |= {f"target.{name}": target for name, target in batch[1].items()}
            one_step(model, batch)
            expected |= numbered(model(inputs), "after")
        save_file(expected, folder / f"{name}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
