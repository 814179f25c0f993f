"""Weights in several files with a table, as Keras 3 writes them for `max_shard_size`: both ways; what is refused."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import lamina
from lamina.graph import ArgumentError
from lamina.saving import LoadingError, SavingError

X = np.ones((4, 40), "float32")
SIZE = 11_000 / 1024**3  # of GB: the first kernel has 10,240 bytes, and a layer's weights are in two files


def model_of(k):
    x = k.Input((40,))
    h = k.layers.BatchNormalization()(k.layers.Dense(64)(x))
    h = k.layers.Bidirectional(k.layers.LSTM(8))(k.layers.Reshape((8, 8))(h))
    return k.Model(x, k.layers.Dense(1)(h))


@pytest.mark.parametrize("writer, reader", ((lamina, lamina), (lamina, keras), (keras, lamina)))
def test_both_ways(writer, reader, tmp_path):
    one, other = model_of(writer), model_of(reader)
    one.save_weights(tmp_path / "m.weights.json", max_shard_size=SIZE)
    assert {path.name for path in tmp_path.iterdir()} == {"m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5"}
    other.load_weights(tmp_path / "m.weights.json")
    np.testing.assert_allclose(other.predict(X, verbose=0), one.predict(X, verbose=0), atol=1e-6)


def test_the_table_is_that_of_keras(tmp_path):
    tables = []
    for k in (keras, lamina):
        model_of(k).save_weights(tmp_path / f"{k.__name__}.weights.json", max_shard_size=SIZE)
        told = json.loads((tmp_path / f"{k.__name__}.weights.json").read_text().replace(k.__name__, "m"))
        listed = {path: [at] if isinstance(at, str) else at for path, at in told["weight_map"].items()}
        tables.append((told["metadata"], listed))
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "name, size, error, said",
    (
        ("m.weights.h5", 1, ArgumentError, r"\.weights\.json"),
        ("m.weights.json", None, ArgumentError, "max_shard_size=5"),
        ("m.weights.json", 0, ArgumentError, "above 0"),
        ("m.weights.json", "1GB", ArgumentError, "a number of GB"),
        ("m.weights.json", 1e-6, SavingError, "10240 bytes"),
    ),
)
def test_refused_writing(name, size, error, said, tmp_path):
    with pytest.raises(error, match=said):
        model_of(lamina).save_weights(tmp_path / name, max_shard_size=size)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "told",
    (
        '{"weight_map": {"/a/vars": "../m_00000.weights.h5"}}',
        '{"weight_map": {"/a/vars": [3]}}',
        "{}",
        '{"weight',
        "[]",
    ),
)
def test_a_table_that_lies_is_refused(told, tmp_path):
    (tmp_path / "m.weights.json").write_text(told)
    with pytest.raises(LoadingError, match=r"m\.weights\.json"):
        model_of(lamina).load_weights(tmp_path / "m.weights.json")


def test_a_file_of_the_set_that_is_missing_or_there_twice_is_named(tmp_path):
    model, table = model_of(lamina), tmp_path / "m.weights.json"
    model.save_weights(table, max_shard_size=SIZE)
    before = model.get_weights()
    told = json.loads(table.read_text())
    (tmp_path / "copy.weights.h5").write_bytes((tmp_path / "m_00000.weights.h5").read_bytes())
    told["weight_map"]["/copy/vars"] = "copy.weights.h5"
    table.write_text(json.dumps(told))
    with pytest.raises(LoadingError, match="one weight twice"):
        model.load_weights(table)
    (tmp_path / "m_00001.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"m_00001\.weights\.h5"):
        model.load_weights(table)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
