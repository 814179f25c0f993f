"""Models as JSON texts and configs: the architecture without the weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lamina import Model, Sequential, layers, tree
from lamina.layers import Dense, Input
from lamina.models import clone_model, model_from_json
from lamina.saving import LoadingError, deserialize_keras_object, serialize_keras_object
from lamina.saving.archive import MODEL, read_archive
from lamina.saving.strict_json import parse
from tests.saving.cases import CASES
from tests.saving.look import same

NAMES = [name for name in CASES if name != "deep_chain"]


@pytest.mark.parametrize("name", NAMES)
def test_a_text_holds_the_architecture(name: str) -> None:
    model, inputs = CASES[name]()
    text = model.to_json()
    again = model_from_json(text)
    assert list(again.state_dict()) == list(model.state_dict())
    again.load_state_dict(model.state_dict())
    assert again.to_json() == text
    assert same(again(inputs), model(inputs))


@pytest.mark.parametrize("name", NAMES)
def test_a_config_is_plain_data_and_makes_the_model(name: str) -> None:
    """Tuples are tuples, and no word of a file's is in it. It makes the same after JSON, which has lists for tuples."""
    model, inputs = CASES[name]()
    config = model.get_config()
    assert not list(_words(config))
    for told in (config, json.loads(json.dumps(config))):
        again = type(model).from_config(told)
        again.load_state_dict(model.state_dict())
        assert again.get_config() == config or json.dumps(again.get_config()) == json.dumps(config)
        assert same(tree.flatten(again(inputs)), tree.flatten(model(inputs)))


def _words(data: Any) -> Iterator[str]:
    """The keys in nested data that begin as a file's words do."""
    if isinstance(data, dict):
        yield from (key for key in data if str(key).startswith("$"))
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, (list, tuple)) else ():
        yield from _words(item)


def test_configs_of_models_within_wrappers_and_of_any_object_are_plain_too() -> None:
    x = Input((8, 8))
    hidden = layers.Conv1D(3, (3,))(x[:, ::2, [0, 1]] * float("inf"))
    inner = Model(x, (hidden, hidden[:, 0, 1], hidden[..., None]))
    wrapper = layers.TimeDistributed(inner)
    told = wrapper.get_config()["layer"]["config"]["layers"]
    assert [entry["config"]["kernel_size"] for entry in told if entry["class_name"] == "Conv1D"] == [(3,)]
    objects = (inner, wrapper, layers.Conv2D(1, (2, 2)), {1: (2, float("inf")), "s": slice(1), "e": ..., "c": 1j})
    for obj in objects:
        data = serialize_keras_object(obj)
        assert not list(_words(data)), data
        again = deserialize_keras_object(data)
        assert again == obj if isinstance(obj, dict) else again.get_config() == obj.get_config()
    for config in (wrapper.get_config(), json.loads(json.dumps(wrapper.get_config()))):
        again = layers.TimeDistributed.from_config(config)
        assert json.dumps(again.get_config()) == json.dumps(wrapper.get_config())
    again = Model.from_config(json.loads(json.dumps(inner.get_config())))
    assert list(again.output_shape) == list(inner.output_shape)


@pytest.mark.parametrize(
    "text, message",
    [('{"a": 1, "a": 1}', "a key twice"), ('[{"b": {"a": 1, "c": 2, "a": 3}}]', "a key twice"),
     ("[NaN]", "holds NaN"), ("-Infinity", "holds -Infinity"), ("[1,]", "no JSON that can be read"),
     (b"\xff", "no JSON that can be read"), (None, "no JSON that can be read")],
)  # fmt: skip
def test_what_is_no_json_is_named(text: Any, message: str) -> None:
    with pytest.raises(LoadingError, match=message):
        parse(text, "It")


def test_constants_come_with_their_values() -> None:
    x = Input((3,))
    tensors = [
        torch.tensor([0.1, float("inf"), float("nan")]),
        torch.tensor([0.1, 1e-30, -0.0], dtype=torch.float64),
        torch.tensor([1, -(2**62), 3]),
        torch.tensor([True, False, True]),
        torch.tensor([1 / 3, 2, 3], dtype=torch.bfloat16),
        torch.tensor([1 + 2j, 0, 1j], dtype=torch.complex128),
        torch.zeros(0, 3),
    ]
    again = model_from_json(Model(x, [x + t for t in tensors[:-1]] + [torch.cat([x, tensors[-1]])]).to_json())
    found = [module.value for name, module in again.named_children() if "constant" in name]
    assert all(same(a, b) for a, b in zip(found, tensors, strict=True))


def test_a_text_of_a_file_lacks_the_values_of_constants(tmp_path: Path) -> None:
    x = Input((3,))
    Model(x, x * torch.ones(3)).save(tmp_path / "m.lamina")
    document = json.loads(bytes(read_archive(tmp_path / "m.lamina")[MODEL]))
    part = {key: document[key] for key in ("format", "version", "model")}
    with pytest.raises(LoadingError, match="'values': nothing"):
        model_from_json(json.dumps(part))


def test_new_weights_are_drawn() -> None:
    model = Sequential([Input((9,)), Dense(9)])
    again = model_from_json(model.to_json())
    assert not torch.equal(again.weights[0], model.weights[0])


def test_custom_objects() -> None:
    class Twice(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    x = Input((3,))
    model = Model(x, Twice()(x))
    with pytest.raises(LoadingError, match="'Twice'"):
        model_from_json(model.to_json())
    for again in (
        model_from_json(model.to_json(), custom_objects={"Twice": Twice}),
        Model.from_config(model.get_config(), custom_objects={"Twice": Twice}),
    ):
        assert torch.equal(again(torch.ones(1, 3)), 2 * torch.ones(1, 3))


def test_two_models_from_one_config_go_together() -> None:
    """Names that were made up stay made up: the second is renamed."""
    x = Input((3,))
    text = Model(x, Dense(3)(x)).to_json()
    one, two = model_from_json(text), model_from_json(text)
    assert list(Model(x, two(one(x))).state_dict()) == [
        "functional.dense.kernel",
        "functional.dense.bias",
        "functional_1.dense.kernel",
        "functional_1.dense.bias",
    ]


@pytest.mark.parametrize("shape", [(None, 16, 16, 3), [None, 16, 16, 3], (2, None, None, 3)])
def test_a_config_may_be_changed_by_hand(shape: Any) -> None:
    """The usual way to give a trained network another input size."""
    x = Input((8, 8, 3))
    model = Model(x, layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3)(x)))
    config = model.get_config()
    config["layers"][0]["config"]["batch_shape"] = shape
    other = Model.from_config(config)
    other.set_weights(model.get_weights())
    assert other.input_shape == tuple(shape)
    pictures = np.ones((2, 16, 16, 3), "float32")
    expected = clone_model(other)
    expected.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(pictures, verbose=0), expected.predict(pictures, verbose=0))
