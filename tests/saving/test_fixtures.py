"""Files that released versions wrote load for ever: they give what they gave then, and train on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from lamina.graph import tree
from lamina.models import load_model
from tests.saving.elsewhere import one_step
from tests.saving.make_fixtures import CHECKPOINT, FOLDER, MADE, WEIGHTS


def kept(name: str, part: str) -> list[torch.Tensor]:
    """The tensors `part.0`, `part.1`, ... of what was expected when the file was made."""
    found = load_file(FOLDER / f"{name}.safetensors")
    return [found[f"{part}.{i}"] for i in range(sum(key.startswith(f"{part}.") for key in found))]


def inputs_of(name: str) -> Any:
    return tree.pack_like(MADE[name]()[1], iter(kept(name, "inputs")))


def assert_gives(model: Any, name: str, part: str) -> None:
    outputs = [leaf.detach() for leaf in tree.leaves(model(inputs_of(name)))]
    # Kernels of another version or machine may round otherwise.
    torch.testing.assert_close(outputs, kept(name, part), rtol=1e-4, atol=1e-5, equal_nan=True)


def test_no_file_is_missing() -> None:
    assert {path.name for path in FOLDER.glob("*.lamina")} == {f"{name}.lamina" for name in MADE} | {CHECKPOINT}


@pytest.mark.parametrize("name", MADE)
def test_a_model_gives_what_it_gave_and_trains_on(name: str) -> None:
    model = load_model(FOLDER / f"{name}.lamina")
    assert_gives(model, name, "outputs")
    prefix = "target."
    found = load_file(FOLDER / f"{name}.safetensors")
    targets = {key.removeprefix(prefix): tensor for key, tensor in found.items() if key.startswith(prefix)}
    if targets:
        one_step(model, (inputs_of(name), targets))
        assert_gives(model, name, "after")


@pytest.mark.parametrize("way", ["load_weights", "load_checkpoint"])
def test_weights_and_a_checkpoint_fit_the_model_they_are_of(way: str) -> None:
    model = load_model(FOLDER / "everything.lamina")
    with torch.no_grad():
        for weight in model.weights:
            weight.zero_()
    getattr(model, way)(FOLDER / (WEIGHTS if way == "load_weights" else CHECKPOINT))
    assert_gives(model, "everything", "outputs")
