"""Every kind of model, saved here, loaded in a process that has none of the code that made it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lamina.models import load_model
from tests.saving.cases import CASES
from tests.saving.elsewhere import elsewhere
from tests.saving.look import same

# A Sequential draws its graph itself, again whenever it is made.
REDRAWN = ("sequential", "sequential_built_by_data", "mixed_models")


# Nothing in these is trained: functions alone, of inputs alone, of integers, or into more rows than came.
UNTRAINED = (
    "functions_of_torch", "indexing", "whole_results", "operators", "symbolic_sizes", "functions_of_ours",
    "special_values", "constants", "constants_given_to_layers",
)  # fmt: skip


@dataclass
class Saved:
    """The files of all cases, what was to be seen of each model here, and what a fresh process saw in its file."""

    folder: Path
    before: dict[str, Any] = field(repr=False)
    after: dict[str, Any] = field(repr=False)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.lamina"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("models")
    return Saved(folder, *elsewhere(folder, {name: build() for name, build in CASES.items()}))


@pytest.mark.parametrize("name", CASES)
def test_predictions_are_bit_equal(saved: Saved, name: str) -> None:
    assert same(saved.after[name]["outputs"], saved.before[name]["outputs"])


@pytest.mark.parametrize("name", [name for name in CASES if name not in UNTRAINED])
def test_one_more_step_is_bit_equal(saved: Saved, name: str) -> None:
    here, there = saved.before[name]["step"], saved.after[name]["step"]
    assert there["logs"] == here["logs"]
    assert same(there["weights"], here["weights"])
    assert same(there["optimizer"], here["optimizer"])


def test_every_model_that_can_be_trained_was(saved: Saved) -> None:
    assert {name for name in CASES if saved.before[name]["step"] is None} == set(UNTRAINED)


@pytest.mark.parametrize("fact", ("keys", "paths", "layers", "trained", "names", "nodes", "lines"))
@pytest.mark.parametrize("name", CASES)
def test_facts_are_the_same(saved: Saved, name: str, fact: str) -> None:
    if not (fact == "lines" and name in REDRAWN):
        assert saved.after[name][fact] == saved.before[name][fact]


@pytest.mark.parametrize("name", CASES)
def test_saving_what_was_loaded_gives_the_same_bytes(saved: Saved, name: str) -> None:
    path = saved.path(name)
    again = path.with_name(f"again-{name}.lamina")
    assert document(again) == document(path)
    assert again.read_bytes() == path.read_bytes()


def document(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("model.json"))


def test_layers_shared_across_models_are_one_layer(saved: Saved) -> None:
    model = load_model(saved.path("layers_shared_across_models"))
    trunk = model.get_layer("trunk")
    two = model.get_layer("two")
    assert model.get_layer("one").get_layer("trunk") is trunk
    assert two.get_layer("trunk") is trunk
    assert two.get_layer("small").get_layer("trunk") is trunk


def test_masks_that_are_used_are_edges_of_the_graph(saved: Saved) -> None:
    graph = load_model(saved.path("masks")).graph
    embedding, lstm = graph.node("embedding"), graph.node("lstm")
    assert lstm.kwargs["mask"] is embedding.masks[0]
    assert embedding.masks[0].node in graph.nodes


def test_a_parameter_in_two_places_is_one_parameter(saved: Saved) -> None:
    original, _ = CASES["parameters"]()
    model = load_model(saved.path("parameters"))
    assert len(list(model.parameters())) == len(list(original.parameters())) == 4
    kernel = model.get_layer("dense").kernel
    assert sum(p is kernel for module in model.modules() for p in module._parameters.values()) == 2


def test_tied_weights_are_stored_once(saved: Saved) -> None:
    tied = document(saved.path("parameters"))["tied"]
    with zipfile.ZipFile(saved.path("parameters")) as archive:
        data = archive.read("weights.safetensors")
    header = int.from_bytes(data[:8], "little")
    model, _ = CASES["parameters"]()
    assert tied == {"linear_constant.value": "dense.kernel", "add_1_constant.value": "mul_constant.value"}
    assert len(data) - 8 - header == 4 * sum(p.numel() for p in model.parameters())


def test_thawing_a_loaded_model_thaws_what_trainable_froze_and_not_what_a_hand_froze(saved: Saved) -> None:
    for model in (CASES["frozen"]()[0], load_model(saved.path("frozen"))):
        model.trainable = True
        assert [path for path, p in model.named_parameters() if not p.requires_grad] == ["mul_constant.value"]


def test_a_mask_warning_is_not_repeated_when_loading(saved: Saved, recwarn: pytest.WarningsRecorder) -> None:
    load_model(saved.path("masks"))
    assert not recwarn.list
