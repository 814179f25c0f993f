"""Files and configs that nobody vouches for: whatever is wrong ends in one named error, and nothing is imported."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import lamina
from lamina import Model, layers
from lamina.layers import Dense, Input
from lamina.models import load_model, model_from_json
from lamina.saving import KerasFileEditor, LoadingError, inspect_file
from lamina.saving.archive import read_archive, write_archive


def model() -> Model:
    tokens = Input((None,), dtype="int64", name="tokens")
    y = layers.LSTM(3)(layers.Embedding(5, 2, mask_zero=True)(tokens))
    return Model(tokens, {"y": torch.tanh(Dense(2, name="dense")(y)) * torch.tensor([1.0, 2.0])}, name="small")


Document = dict[str, Any]


def config(document: Document) -> dict[str, Any]:
    return document["model"]["config"]


def layer(document: Document, name: str) -> dict[str, Any]:
    return next(entry for entry in config(document)["layers"] if entry["name"] == name)


def node(document: Document, name: str) -> dict[str, Any]:
    return next(entry for entry in config(document)["nodes"] if entry["name"] == name)


def change(path: str, value: Any) -> Callable[[Document], None]:
    """Sets ``value`` at a path such as ``"layers/dense/class_name"``."""

    def apply(document: Document) -> None:
        *steps, last = path.split("/")
        place: Any = document
        for step in steps:
            if step == "layers":
                place = {entry["name"]: entry for entry in config(document)["layers"]}
            elif step == "nodes":
                place = {entry["name"]: entry for entry in config(document)["nodes"]}
            else:
                place = config(document) if step == "config" and place is document else place[step]
        place[last] = value

    return apply


def constant(**changes: Any) -> dict[str, Any]:
    return {"id": 9, "shape": [2], "dtype": "float32", "parameter": False, "trainable": False, **changes}


WRONG: list[tuple[str, Any, str]] = [
    # the document
    ("format", "keras", "is no model of Lamina's"),
    ("version", 2, "has a format that this version of Lamina cannot read"),
    ("version", 0, "has a format that this version of Lamina cannot read"),
    ("version", True, "malformed"),
    ("script", "print(1)", "holds what this version does not know"),
    ("model", [], "malformed"),
    ("model", {"shared": 3}, "points to nothing"),
    ("tied", {"dense.bias": "dense.kernel"}, "cannot be one"),
    ("tied", {"dense.bias": "nowhere.bias"}, "no weight 'nowhere.bias'"),
    ("tied", {"dense.bias": 3}, "malformed"),
    ("training", {"callbacks": []}, "does not know"),
    # classes
    ("layers/dense/class_name", "Dense2", "no layer called 'Dense2'"),
    ("layers/dense/class_name", "dense", "no layer called 'dense'"),
    ("layers/dense/class_name", "this.Dense", "no layer called 'this.Dense'"),
    ("layers/dense/class_name", "os.system", "no layer called 'os.system'"),
    ("layers/dense/class_name", "Layer", "no layer called 'Layer'"),
    ("layers/dense/class_name", "Input", "no layer called 'Input'"),
    ("layers/dense/class_name", "InputSpec", "no layer called 'InputSpec'"),
    ("layers/dense/class_name", ["Dense"], "malformed"),
    ("layers/dense/custom", True, "'Dense' of the layer 'dense' is not Lamina's"),
    ("layers/dense/drawn", True, "its class makes none"),
    ("layers/dense/module", "os", "does not know"),
    ("layers/dense/id", 0, "has a number that is taken"),
    ("layers/dense/id", "1", "malformed"),
    ("layers/dense/auto_named", 1, "malformed"),
    # configs
    ("layers/dense/config/units", 0, r'Dense "dense" cannot be made from its config'),
    ("layers/dense/config/units", "many", r'Dense "dense" cannot be made from its config'),
    ("layers/dense/config/path", "/etc/passwd", r'Dense "dense" cannot be made from its config'),
    ("layers/dense/config/activation", "os.system", "Unknown activation"),
    ("layers/dense/config/activation", {"class_name": "function", "config": "s", "module": "this"}, 'of "this", and'),
    ("layers/dense/config/kernel_initializer", {"class_name": "Zen", "config": {}, "module": "lamina.this"}, "Zen"),
    ("layers/dense/config/name", "a/b", "cannot be called 'a/b'"),
    ("layers/dense/config/units", {"$eval": "1"}, "a word that is not known"),
    ("layers/dense/config/units", {"$tuple": 1}, r"says \$tuple of something that is none"),
    ("layers/dense/config/units", {"$dtype": "load"}, r"says \$dtype"),
    ("layers/dense/config/units", {"$float": "1"}, r"says \$float"),
    ("layers/dense/config/units", {"$device": "cuda:0 "}, r"says \$device"),
    ("layers/dense/config/units", {"$result": ["os", []]}, r"says \$result"),
    ("layers/dense/config", [], "malformed"),
    ("config/layers", [{}], "malformed"),
    ("config/layers", [3], "malformed"),
    ("config/layers", None, "malformed"),
    # nodes
    ("nodes/tanh/function", "torch.load", "No function is called 'torch.load'"),
    ("nodes/tanh/function", "torch.nn.functional.torch", "No function is called"),
    ("nodes/tanh/function", "this.s", "No function is called 'this.s'"),
    ("nodes/tanh/function", "builtins.eval", "No function is called"),
    ("nodes/tanh/function", "operator.attrgetter", "No function is called"),
    ("nodes/tanh/function", "torch.Tensor.__reduce_ex__", "No function is called"),
    ("nodes/tanh/function", "torch.Tensor.add_", "No function is called"),
    ("nodes/tanh/function", "lamina.ops.convert_to_numpy", "No function is called"),
    ("nodes/tanh/function", "torch.matmul", "cannot be drawn again"),
    ("nodes/tanh/function", "torch.Tensor.item", "cannot be drawn again"),
    ("nodes/tanh/function", "torch.Tensor.is_floating_point", "gives no tensor"),
    ("nodes/tanh/args", [1.0], "called on results of the graph"),
    ("nodes/tanh/args", [{"$node": [99, 0]}], "points to nothing"),
    ("nodes/tanh/args", [{"$node": [-1, 0]}], "points to nothing"),
    ("nodes/tanh/args", [{"$node": [0, 1]}], "points to nothing"),
    ("nodes/tanh/args", [{"$node": [5, 0]}], "points to nothing"),  # itself: a cycle
    ("nodes/tanh/args", [{"$node": 0}], "malformed"),
    ("nodes/tanh/args", [{"$constant": 1}], "points to nothing"),
    ("nodes/tanh/args", "x", "malformed"),
    ("nodes/tanh/layer", 0, "one of layer, function and input"),
    ("nodes/tanh/code", "x", "does not know"),
    ("nodes/dense/layer", 9, "points to nothing"),
    ("nodes/dense/layer", 0.0, "points to nothing"),
    ("nodes/dense/args", [], "cannot be drawn again"),
    ("nodes/embedding/masks", [[0, 0, 0]], "malformed"),
    ("config/nodes", [1], "malformed"),
    ("config/constants", [constant(dtype="float31")], "No dtype is called 'float31'"),
    ("config/constants", [constant(shape=[-2])], "The entry of a constant cannot be made"),
    ("config/constants", [constant(shape=["2"])], "malformed"),
    ("config/constants", [constant(shape=[True])], "malformed"),
    (
        "config/constants",
        [constant(parameter=True, dtype="int64", trainable=True)],
        "The entry of a constant cannot be made",
    ),
    ("config/constants", [constant(id=0)], "has a number that is taken"),
    # structures
    ("config/inputs", None, "cannot be made from its config"),
    ("config/outputs", {"y": "tanh"}, "must be symbolic tensors"),
    ("config/outputs", [], "at least one output"),
]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("good") / "m.lamina"
    model().save(path)
    return read_archive(path)


def load_changed(members: dict[str, bytes], tmp_path: Path, apply: Callable[[Document], None]) -> Any:
    document = json.loads(bytes(members["model.json"]))
    apply(document)
    write_archive(tmp_path / "m.lamina", {**members, "model.json": json.dumps(document).encode()}, overwrite=True)
    return load_model(tmp_path / "m.lamina")


@pytest.mark.parametrize("path,value,message", WRONG)
def test_a_file_with_one_thing_wrong(
    members: dict[str, bytes], tmp_path: Path, path: str, value: Any, message: str
) -> None:
    load_changed(members, tmp_path, lambda document: None)
    imported = set(sys.modules)
    with pytest.raises(LoadingError, match=message):
        load_changed(members, tmp_path, change(path, value))
    assert set(sys.modules) == imported


def test_deep_json_ends_in_a_named_error(members: dict[str, bytes], tmp_path: Path) -> None:
    for data in (b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000, b"\xff\xfe", b'{"a":NaN}', b'{"a":1,"a":2}', b"3"):
        write_archive(tmp_path / "m.lamina", {**members, "model.json": data}, overwrite=True)
        with pytest.raises(LoadingError, match="JSON|no model of Lamina's"):
            load_model(tmp_path / "m.lamina")


def test_deep_nesting_ends_in_a_named_error(members: dict[str, bytes], tmp_path: Path) -> None:
    deep: Any = 0
    for _ in range(900):
        deep = [deep]
    for path in ("nodes/tanh/args", "layers/dense/config/units", "config/outputs", "training"):
        value = {"compile": {"loss": deep, "jit_compile": False}} if path == "training" else [deep]
        with pytest.raises(LoadingError, match="nested too deep|cannot be made|no JSON that can be read"):
            load_changed(members, tmp_path, change(path, value))


def test_a_config_in_memory_holds_json_types_only() -> None:
    good = model().get_config()
    Model.from_config(good)
    for bad in (print, torch.ones(1), object()):
        config = copy.deepcopy(good)
        config["layers"][1]["config"]["input_dim"] = bad
        with pytest.raises(LoadingError, match="JSON types only"):
            Model.from_config(config)


def test_a_text_that_is_no_model() -> None:
    for text in ("", "null", "{}", '{"format": "lamina.model"}', "print(1)"):
        with pytest.raises(LoadingError):
            model_from_json(text)


def test_weights_that_do_not_fit_are_all_listed(members: dict[str, bytes], tmp_path: Path) -> None:
    weights = safetensors.torch.load(bytes(members["weights.safetensors"]))
    del weights["dense.bias"]
    weights["dense.kernel"] = torch.ones(3, 3)
    weights["embedding.embeddings"] = torch.ones(5, 2, dtype=torch.int32)
    weights["extra.kernel"] = torch.ones(1)
    changed = {**members, "weights.safetensors": safetensors.torch.save(weights)}
    write_archive(tmp_path / "m.lamina", changed, overwrite=True)
    with pytest.raises(LoadingError) as caught:
        load_model(tmp_path / "m.lamina")
    text = str(caught.value)
    assert 'are not those of Model "small"' in text
    assert "missing     dense.bias (2,) float32" in text
    assert "unexpected  extra.kernel (1,) float32" in text
    assert "different   dense.kernel (3, 3) float32, but the model's is (3, 2) float32" in text
    assert "different   embedding.embeddings (5, 2) int32, but the model's is (5, 2) float32" in text


def test_weights_that_are_none(members: dict[str, bytes], tmp_path: Path) -> None:
    good = bytes(members["weights.safetensors"])
    for bad in (b"", good[:-4], good + b"1234", b"\xff" * 8 + good[8:], b"\x80\x04K\x01."):
        write_archive(tmp_path / "m.lamina", {**members, "weights.safetensors": bad}, overwrite=True)
        with pytest.raises(LoadingError, match="holds no tensors that can be read"):
            load_model(tmp_path / "m.lamina")


@pytest.mark.parametrize("content", [b"", b"1234", b"<!DOCTYPE html><html>404</html>"])
def test_a_file_of_something_else_is_not_called_one_of_safetensors(content: bytes, tmp_path: Path) -> None:
    model = lamina.Sequential([Input((2,)), Dense(1)])
    for name in ("w.weights.h5", "w.keras", "w.safetensors"):
        path = tmp_path / name
        path.write_bytes(content)
        for reads in (model.load_weights, KerasFileEditor, inspect_file):
            with pytest.raises(LoadingError, match="is no file of a model or of weights, or a damaged one") as caught:
                reads(path)
            assert f"{len(content)} bytes" in str(caught.value)


# -- budgets


def test_a_model_over_the_first_part_of_the_budget_gets_the_same_numbers_and_names() -> None:
    x = Input((4,))
    model = Model(x, Dense(5_000_000, name="large")(Dense(4, name="first")(x)))
    config = model.get_config()
    torch.manual_seed(3)
    with lamina.saving.memory_budget(2**30):
        first = Model.from_config(config)
    torch.manual_seed(3)
    kernel = lamina.initializers.GlorotUniform()((4, 4))
    assert torch.equal(first.get_layer("first").kernel, kernel)
    with lamina.saving.memory_budget(2**20), pytest.raises(LoadingError, match="takes more memory than there is"):
        Model.from_config(config)
