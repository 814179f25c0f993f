"""Masks and Keras' files: what Keras computes from a file of its own, and from one of Lamina's, Lamina computes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import lamina
from lamina.models import clone_model, load_model, model_from_json
from lamina.saving import SavingError
from tests.saving.keras.old_files import graph, layer, source

IDS = np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0], [1, 1, 2, 3, 4]])


def pooled(k: Any, x: Any) -> Any:
    return k.layers.GlobalAveragePooling1D()(x)


# (a library, a masked tensor) -> an output
GRAPHS: dict[str, Callable[[Any, Any], Any]] = {
    "operator": lambda k, x: pooled(k, x + k.layers.Dense(4)(x)),
    "number": lambda k, x: k.layers.LSTM(3)(x * 2),
    "function": lambda k, x: k.layers.Bidirectional(k.layers.GRU(3))(k.ops.relu(x)),
    "layers between": lambda k, x: pooled(k, k.layers.Dense(3)(k.layers.Dropout(0.1)(x + 1))),
    "one side": lambda k, x: k.layers.GRU(3)(k.layers.Add()([x, k.ops.tanh(k.layers.Dense(4)(x))])),
    "cast to its dtype": lambda k, x: pooled(k, k.ops.cast(x, "float32")),
    "cast to another": lambda k, x: pooled(k, k.ops.cast(k.ops.cast(x, "float64"), "float32")),
    "attention": lambda k, x: k.layers.MultiHeadAttention(2, 4)(x * 3, x),
    "moved": lambda k, x: pooled(k, k.ops.flip(x, 2)),
    "layer": lambda k, x: pooled(k, k.layers.Add()([x, k.layers.Dense(4)(x)])),
}


def drawn(k: Any, name: str) -> Any:
    k.utils.set_random_seed(3)
    ids = k.Input((5,), dtype="int32")
    return k.Model(ids, GRAPHS[name](k, k.layers.Embedding(5, 4, mask_zero=True)(ids)))


def predicted(model: Any) -> np.ndarray:
    found: np.ndarray = np.asarray(model.predict(IDS, verbose=0))
    return found


@pytest.mark.filterwarnings("ignore:.*drops the mask", "ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_model_of_keras_has_the_masks_that_it_has_in_keras(name: str, ending: str, tmp_path: Path) -> None:
    theirs = drawn(keras, name)
    theirs.save(tmp_path / f"model.{ending}")
    expected = predicted(theirs)
    mine = load_model(tmp_path / f"model.{ending}")
    np.testing.assert_allclose(predicted(mine), expected, atol=1e-5)
    for again in ("again.lamina", "again.keras"):
        mine.save(tmp_path / again)
        np.testing.assert_allclose(predicted(load_model(tmp_path / again)), expected, atol=1e-5)
    clone = clone_model(mine)
    clone.set_weights(mine.get_weights())
    np.testing.assert_allclose(predicted(clone), expected, atol=1e-5)
    np.testing.assert_allclose(predicted(keras.models.load_model(tmp_path / "again.keras")), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*drops the mask", "ignore:.*in Keras")
@pytest.mark.parametrize("name", [name for name in GRAPHS if name != "attention"])
def test_a_model_of_laminas_keeps_its_masks_in_keras(name: str, tmp_path: Path) -> None:
    mine = drawn(lamina, name)
    mine.save(tmp_path / "model.keras")
    mine.save(tmp_path / "model.lamina")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    for other in (theirs, load_model(tmp_path / "model.keras"), load_model(tmp_path / "model.lamina")):
        np.testing.assert_allclose(predicted(other), predicted(mine), atol=1e-5)


def test_an_output_whose_mask_keras_drops_is_told(tmp_path: Path) -> None:
    ids = lamina.Input((5,), dtype="int32")
    x = lamina.layers.Embedding(5, 4, mask_zero=True)(ids)
    path = tmp_path / "model.keras"
    with pytest.warns(UserWarning, match='output of Dense "dense" .*has a mask, and in Keras it has none'):
        lamina.Model(ids, lamina.layers.Dense(2)(x * 2)).save(path)
    within = lamina.Model(ids, x * 2)
    with pytest.warns(UserWarning, match="output of Dense .*has a mask, and in Keras it has none"):
        lamina.Model(ids, lamina.layers.Dense(2)(within(ids))).save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lamina.Model(ids, lamina.layers.Dense(2)(x)).save(path)
        lamina.Model(ids, pooled(lamina, x * 2)).save(path)
        lamina.Model(ids, pooled(lamina, within(ids))).save(path)


@pytest.mark.filterwarnings("ignore:The output of")
def test_a_query_whose_mask_keras_drops_is_told(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="other numbers at padded positions of its query"):
        drawn(lamina, "attention").save(tmp_path / "model.keras")


def test_a_layer_that_looks_for_masks_on_its_inputs_alone(tmp_path: Path) -> None:
    ids = lamina.Input((5,), dtype="int32")
    x = lamina.layers.Embedding(5, 4, mask_zero=True)(ids)
    product = lamina.layers.Multiply()
    model = lamina.Model(ids, pooled(lamina, product([x, lamina.layers.Dense(4)(x)])))
    model.save(tmp_path / "model.keras")
    np.testing.assert_allclose(
        predicted(keras.models.load_model(tmp_path / "model.keras")), predicted(model), atol=1e-5
    )
    with pytest.raises(SavingError, match="would find no mask on its inputs"):
        lamina.Model(ids, pooled(lamina, product([x * 2, x]))).save(tmp_path / "model.keras")


def test_functions_in_a_file_of_keras_2_end_masks() -> None:
    plus = layer("TFOpLambda", "plus", function="__operators__.add")
    plus["inbound_nodes"] = [["emb", 0, 0, {"y": 1.0, "name": None}]]
    layers = [
        source("ids", 5, dtype="int32"),
        layer("Embedding", "emb", "ids", input_dim=5, output_dim=4, mask_zero=True),
        plus,
        layer("GlobalAveragePooling1D", "pool", "plus"),
    ]
    model = model_from_json(json.dumps(graph(layers, ["ids"], ["pool"])))
    vectors = model.get_layer("emb").get_weights()[0]
    np.testing.assert_allclose(predicted(model), (vectors[IDS] + 1).mean(1), atol=1e-5)


def with_query_mask(k: Any, zero: bool) -> Any:
    k.utils.set_random_seed(3)
    ids = k.Input((5,), dtype="int32")
    x = k.layers.Embedding(5, 4, mask_zero=zero)(ids)
    attended = k.layers.MultiHeadAttention(2, 4)(x, x * 2, query_mask=k.ops.not_equal(ids, 2))
    return k.Model(ids, k.layers.Dense(2)(attended))


@pytest.mark.filterwarnings("ignore:.*drops the mask")
@pytest.mark.parametrize("zero", [True, False])
def test_a_query_mask_that_is_given_by_hand_is_ignored_in_a_file_of_keras(zero: bool, tmp_path: Path) -> None:
    theirs = with_query_mask(keras, zero)
    theirs.save(tmp_path / "theirs.keras")
    np.testing.assert_allclose(predicted(load_model(tmp_path / "theirs.keras")), predicted(theirs), atol=1e-5)
    with pytest.warns(UserWarning, match="ignores query_mask"):
        with_query_mask(lamina, zero).save(tmp_path / "mine.keras")


def attended(residual: str) -> Any:
    """A nested model of Keras' in which attention takes the mask off what is read again."""
    x = keras.Input((None, 8))
    attention = lambda *on: keras.layers.MultiHeadAttention(2, 4)(*on)  # noqa: E731
    if residual == "add":
        result = keras.layers.Add()([x, attention(x, x)])
    elif residual == "twice":  # the second finds no mask on the query
        result = keras.layers.Concatenate()([attention(x, x), attention(x, x)])
    elif residual == "through dropout":
        result = keras.layers.Add()([x, (lambda y: attention(y, y))(keras.layers.Dropout(0.1)(x))])
    elif residual == "beside":  # which of the two runs first decides
        result = keras.layers.Concatenate()([attention(x, x), keras.layers.LSTM(4, return_sequences=True)(x)])
    elif residual == "deep":
        result = attended("add")(attended("add")(x))
    else:
        other = keras.layers.Dense(8)(x)
        result = keras.layers.Add()([other, attention(x, other)])
    return keras.Model(x, result)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask", "ignore:You are saving your model as an")
@pytest.mark.parametrize("residual", ["add", "twice", "through dropout", "beside", "deep", "value"])
@pytest.mark.parametrize("outer", [False, True])
def test_attention_takes_the_masks_off_in_a_file_of_keras(residual: str, outer: bool, tmp_path: Path) -> None:
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(5, 8, mask_zero=True)(ids)
    y = attended(residual)(x)
    y = keras.layers.LSTM(3)(keras.layers.Concatenate()([x, y]) if outer else y)
    of_keras = keras.Model(ids, y)
    ending = "h5" if outer else "keras"
    of_keras.save(tmp_path / f"m.{ending}")
    rows = np.array([[1, 2, 0, 0, 3], [0, 0, 4, 1, 0]], "int32")
    expected = of_keras.predict(rows, verbose=0)
    model = lamina.models.load_model(tmp_path / f"m.{ending}")
    np.testing.assert_allclose(model.predict(rows, verbose=0), expected, atol=1e-5)
    for name in ("again.lamina", "again.keras"):
        model.save(tmp_path / name)
        again = lamina.models.load_model(tmp_path / name)
        np.testing.assert_allclose(again.predict(rows, verbose=0), expected, atol=1e-5)
    copied = lamina.models.clone_model(model)
    copied.set_weights(model.get_weights())
    np.testing.assert_allclose(copied.predict(rows, verbose=0), expected, atol=1e-5)
