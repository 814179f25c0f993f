"""Whole files of Keras': training goes on, code is refused, odd zips are refused, nothing giant is made."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.saving import LoadingError, SavingError


def small():
    x = keras.Input((3,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, kernel_regularizer="l2")(keras.layers.Dense(4, activation="relu")(x)))
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def changed(path, change):
    """The file again, with its config or members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config, members)
    members["config.json"] = json.dumps(config).encode() if config is not None else b""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def test_training_goes_on_as_in_keras(tmp_path):
    theirs = small()
    x, y = np.random.rand(8, 3).astype("float32"), np.random.rand(8, 1).astype("float32")
    theirs.fit(x, y, epochs=3, verbose=0, shuffle=False)
    theirs.save(tmp_path / "a.keras")
    ours = lamina.models.load_model(tmp_path / "a.keras")
    theirs.fit(x, y, epochs=2, verbose=0, shuffle=False)
    ours.fit(x, y, epochs=2, verbose=0, shuffle=False)
    for one, other in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)
    ours.save(tmp_path / "b.keras")
    again = keras.models.load_model(tmp_path / "b.keras")
    again.fit(x, y, epochs=1, verbose=0, shuffle=False)
    theirs.fit(x, y, epochs=1, verbose=0, shuffle=False)
    for one, other in zip(theirs.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


def test_the_content_tells_the_kind(tmp_path):
    theirs = small()
    theirs.save(tmp_path / "a.keras")
    (tmp_path / "a.keras").rename(tmp_path / "a.lamina")
    x = np.ones((2, 3), "float32")
    ours = lamina.models.load_model(tmp_path / "a.lamina")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-6)


def unknown_class(config, members):
    config["config"]["layers"][1]["class_name"] = "Dens"


def foreign_module(config, members):
    config["config"]["layers"][1]["module"] = "os"


def an_operation_that_is_none(config, members):
    config["config"]["layers"][1] |= {"module": "keras.src.ops.numpy", "class_name": "system"}


def a_giant(config, members):
    config["config"]["layers"][1]["config"]["units"] = 10**12


def bytecode(config, members):
    layer = config["config"]["layers"][1]
    code = {"class_name": "__lambda__", "config": {"value": ["4wE=", None, None]}}
    layer |= {"class_name": "Lambda", "config": {"name": layer["name"], "function": code}}


def an_unknown_argument(config, members):
    config["config"]["layers"][1]["config"]["spread"] = 3


def another_member(config, members):
    members["run.py"] = b"1"


def a_cycle(config, members):
    layer = config["config"]["layers"][1]
    layer["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = config["config"]["layers"][2]["name"]


def no_such_layer(config, members):
    config["config"]["output_layers"][0] = "nobody"


@pytest.mark.parametrize(
    "change, told",
    [
        (unknown_class, "no class is imported by name"),
        (foreign_module, "not Keras' own"),
        (an_operation_that_is_none, "Lamina does not have"),
        (a_giant, "not those of"),
        (bytecode, "bytecode"),
        (an_unknown_argument, "does not have"),
        (another_member, "members"),
        (a_cycle, "wait for each other"),
        (no_such_layer, "points to nothing"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_refused(tmp_path, change, told):
    small().save(tmp_path / "a.keras")
    changed(tmp_path / "a.keras", change)
    with pytest.raises(LoadingError, match=told):
        lamina.models.load_model(tmp_path / "a.keras")


def test_a_parameter_of_the_graph_is_refused_with_its_line(tmp_path):
    x = lamina.layers.Input((3,))
    model = lamina.Model(x, x * torch.nn.Parameter(torch.ones(3)))
    with pytest.raises(SavingError, match=r"(?s)bare parameter.*test_files.py"):
        model.save(tmp_path / "a.keras")
    assert list(tmp_path.iterdir()) == []


def test_a_layer_shared_by_two_models_stays_one(tmp_path):
    x, y = keras.Input((3,)), keras.Input((3,))
    trunk = keras.layers.Dense(3, name="trunk")
    inner = keras.Model(x, trunk(x), name="inner")
    theirs = keras.Model(y, inner(trunk(y)))
    theirs.save(tmp_path / "a.keras")
    ours = lamina.models.load_model(tmp_path / "a.keras")
    assert len(ours.weights) == len(theirs.weights) == 2
    with pytest.raises(SavingError, match="it lies in two models"):
        ours.save(tmp_path / "b.keras")


@pytest.mark.parametrize("name", ("functional", "sequential", "recurrent", "nested"))
def test_a_whole_model_of_keras_2_and_how_it_was_trained(name):
    """Keras 2 has registered its own optimizers, as "Custom>Adam", and tells arguments that only it has."""
    path = Path(__file__).parent / "fixtures" / f"{name}.h5"
    model = lamina.models.load_model(path)
    with np.load(path.with_suffix(".npz")) as kept:
        np.testing.assert_allclose(model.predict(kept["x"], verbose=0), kept["y"], rtol=1e-5, atol=1e-5)
    assert type(model.optimizer) is lamina.optimizers.Adam
    assert float(model.optimizer.learning_rate) == pytest.approx(0.002)
    assert model.compute_loss(y=torch.zeros(2, 1), y_pred=torch.ones(2, 1)) == 1.0
