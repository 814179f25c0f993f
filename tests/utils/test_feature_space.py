"""`lamina.utils.FeatureSpace`, against what Keras' gives where TensorFlow is (see feature_space_keras.py)."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

import lamina
from lamina.graph import ArgumentError, DtypeError, StructureError
from lamina.saving import LoadingError, SavingError
from lamina.saving.archive import read_archive, write_archive
from lamina.utils import FeatureSpace
from tests.utils.feature_space_cases import CALLED, CASES, LEARNED, made, table

KERAS = json.loads(Path(__file__).with_name("feature_space_keras.json").read_text())


def adapted(case: str) -> Any:
    space = made(FeatureSpace, case)
    space.adapt(table(case, LEARNED))
    return space


def parts(result: Any) -> dict[str, Any]:
    return result if isinstance(result, dict) else {"": result}


def agree(result: Any, expected: Any) -> None:
    result, expected = parts(result), parts(expected)
    assert list(result) == list(expected)
    for name, value in result.items():
        assert np.array(expected[name]).shape == tuple(value.shape)
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_as_in_keras(case: str) -> None:
    space = adapted(case)
    agree(space(table(case, CALLED)), KERAS[case]["called"])
    agree(space(table(case, CALLED, row=1)), KERAS[case]["row"])


@pytest.mark.parametrize("case", CASES)
def test_in_a_graph(case: str) -> None:
    space = adapted(case)
    encoded = space.get_encoded_features()
    assert {name: list(tensor.shape) for name, tensor in parts(encoded).items()} == parts(KERAS[case]["shapes"])
    assert encoded is space.get_encoded_features()
    assert list(space.get_inputs()) == list(CASES[case][0])
    model = lamina.Model(space.get_inputs(), encoded)
    agree(model(space.model_inputs(table(case, CALLED))), KERAS[case]["called"])


# ---- data of every make


class Rows(torch.utils.data.Dataset):
    """A row with its target at each index, as a dataset without batches has them."""

    def __init__(self, data: dict[str, list[Any]]) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(next(iter(self.data.values())))

    def __getitem__(self, i: int) -> Any:
        return {name: column[i] for name, column in self.data.items()}, float(i)


def in_two(data: dict[str, list[Any]]) -> list[dict[str, Any]]:
    return [{name: column[part] for name, column in data.items()} for part in (slice(0, 3), slice(3, None))]


KINDS = {
    "arrays": lambda data: {name: np.array(column) for name, column in data.items()},
    "columns": lambda data: {name: np.array(column)[:, None] for name, column in data.items()},
    "tensors": lambda data: {n: c if isinstance(c[0], str) else torch.tensor(c) for n, c in data.items()},
    "bytes": lambda data: {n: [v.encode() for v in c] if isinstance(c[0], str) else c for n, c in data.items()},
    "strings": lambda data: {n: np.array(c, "T") if isinstance(c[0], str) else c for n, c in data.items()},
    "frame": pd.DataFrame,
}
SOURCES = KINDS | {
    "more columns": lambda data: data | {"target": [0] * 8},
    "batches": in_two,
    "frames": lambda data: [pd.DataFrame(part) for part in in_two(data)],
    "generator": lambda data: (part for part in in_two(data)),
    "rows": Rows,
    "loader": lambda data: DataLoader(Rows(data), batch_size=3, shuffle=True),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_adapt_to(kind: str) -> None:
    space = made(FeatureSpace, "all")
    space.adapt(SOURCES[kind](table("all", LEARNED)))
    agree(space(table("all", CALLED)), KERAS["all"]["called"])


@pytest.mark.parametrize("kind", KINDS)
def test_call_on(kind: str) -> None:
    agree(adapted("all")(KINDS[kind](table("all", CALLED))), KERAS["all"]["called"])


def test_adapt_again_learns_anew() -> None:
    space = adapted("string_categorical")
    assert space({"s": ["red"]}).shape == (1, 5)
    space.adapt({"s": ["red", "violet"]})
    assert space({"s": ["red", "violet", "blue"]}).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert space.get_encoded_features().shape == (None, 3)


def test_several_values_in_a_row() -> None:
    space = FeatureSpace({"tags": "string_categorical"})
    space.adapt({"tags": [["b", "a"], ["b", "b"]]})
    assert space({"tags": [["b", "a"], ["b", "?"]]}).tolist() == [[0, 1, 1], [1, 1, 0]]


# ---- features with layers of one's own


def test_own_layers() -> None:
    twice = FeatureSpace.feature("float32", lamina.layers.Rescaling(2.0), "float")
    text = lamina.layers.StringLookup(vocabulary=["p", "q"], output_mode="one_hot")
    bins = lamina.layers.Discretization([0.0, 10.0])
    space = FeatureSpace(
        {
            "a": twice,
            "b": FeatureSpace.feature("string", text, "float"),
            "c": FeatureSpace.feature("float32", bins, "one_hot"),
            "d": FeatureSpace.float_discretized(3, bin_boundaries=[0.0, 10.0]),
        }
    )
    data = {"a": [1, 2], "b": ["q", "?"], "c": [-1, 20], "d": [10, 9.5]}
    expected = [[2, 0, 0, 1, 1, 0, 0, 0, 0, 1], [4, 1, 0, 0, 0, 0, 1, 0, 1, 0]]
    assert space(data).tolist() == expected  # there is nothing to learn
    model = lamina.Model(space.get_inputs(), space.get_encoded_features())
    assert model(space.model_inputs(data)).tolist() == expected
    assert space.preprocessors["b"] is text
    space.adapt(data)  # nor does this change anything
    assert space(data).tolist() == expected


def test_own_layer_learns_how_many_rows_hold_a_value() -> None:
    lookup = lamina.layers.IntegerLookup(output_mode="tf_idf")
    space = FeatureSpace({"k": FeatureSpace.feature("int64", lookup, "float")})
    with pytest.raises(ArgumentError, match="nothing known of 'k'"):
        space({"k": 1})
    space.adapt({"k": [1, 2, 1, 3]})
    twice, once = np.log1p(4 / 3), np.log1p(4 / 2)
    unknown = (twice + 2 * once) / 3
    np.testing.assert_allclose(space({"k": [1, 3, 9]}), [[0, twice, 0, 0], [0, 0, once, 0], [unknown, 0, 0, 0]])


def test_names_that_layers_cannot_have() -> None:
    space = FeatureSpace({"a.b": "float_rescaled", "a/c": "integer_hashed"}, hashing_dim=2)
    model = lamina.Model(space.get_inputs(), space.get_encoded_features())
    data = {"a.b": [1.0], "a/c": [3]}
    assert torch.equal(model(space.model_inputs(data)), space(data))


def test_floats_stay_what_they_are_in_mixed_precision() -> None:
    lamina.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        space = FeatureSpace({"x": "float", "n": "float_normalized", "s": "string_categorical"})
    finally:
        lamina.mixed_precision.set_global_policy("float32")
    space.adapt({"n": [0.0, 2.0], "s": ["a", "b"]})
    assert space({"x": 1.001, "n": 1.501, "s": "a"}).tolist() == pytest.approx([0.501, 0, 0, 1, 1.001])


def test_whole_numbers_keep_their_digits() -> None:
    space = FeatureSpace({"id": "integer_categorical"})
    space.adapt({"id": [2**40, 2**40 + 1, 2**40 + 1]})
    assert space({"id": [2**40, 2**40 + 1, 2**40 + 2, 0]}).argmax(-1).tolist() == [2, 1, 0, 0]


# ---- files and configs


@pytest.mark.parametrize("case", CASES)
def test_save_and_load(case: str, tmp_path: Path) -> None:
    space = adapted(case)
    space.save(tmp_path / "space.lamina")
    loaded = lamina.models.load_model(tmp_path / "space.lamina")
    assert type(loaded) is FeatureSpace
    assert loaded.name == space.name
    agree(loaded(table(case, CALLED)), KERAS[case]["called"])
    agree(loaded(table(case, CALLED, row=1)), KERAS[case]["row"])
    loaded.adapt(table(case, {name: column[::2] for name, column in LEARNED.items()}))  # it is no frozen copy
    assert loaded.get_encoded_features() is not None


def test_load_in_a_fresh_process(tmp_path: Path) -> None:
    adapted("all").save(tmp_path / "space.lamina")
    code = (
        "import sys, lamina\n"
        "space = lamina.models.load_model(sys.argv[1])\n"
        "print(space({'y': 10.0, 's': 'red', 'x': 0.5, 'k': 3}).tolist())"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "space.lamina")], capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(json.loads(told.stdout), KERAS["all"]["called"][0], rtol=1e-5)


def test_what_a_file_of_a_space_not_adapted_is(tmp_path: Path) -> None:
    made(FeatureSpace, "all").save(tmp_path / "space.lamina")
    loaded = lamina.models.load_model(tmp_path / "space.lamina")
    with pytest.raises(ArgumentError, match="has yet to learn"):
        loaded(table("all", CALLED))
    loaded.adapt(table("all", LEARNED))
    agree(loaded(table("all", CALLED)), KERAS["all"]["called"])


@pytest.mark.parametrize("case", CASES)
def test_config(case: str) -> None:
    space = made(FeatureSpace, case)
    again = FeatureSpace.from_config(json.loads(json.dumps(space.get_config())))
    assert again.get_config() == space.get_config()
    again.adapt(table(case, LEARNED))
    agree(again(table(case, CALLED)), KERAS[case]["called"])
    through = lamina.utils.deserialize_keras_object(lamina.utils.serialize_keras_object(again))
    assert through.get_config() == again.get_config()


def test_a_config_holds_what_was_learned_but_no_statistics() -> None:
    again = FeatureSpace.from_config(adapted("crosses").get_config())
    agree(again(table("crosses", CALLED)), KERAS["crosses"]["called"])
    with pytest.raises(ArgumentError, match="nothing known of 'y'$|yet to learn"):
        FeatureSpace.from_config(adapted("all").get_config())(table("all", CALLED))


def test_state_and_copies() -> None:
    space = adapted("float_normalized")
    other = made(FeatureSpace, "float_normalized")
    other.load_state_dict(space.state_dict())
    for copied in (other, copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        agree(copied(table("float_normalized", CALLED)), KERAS["float_normalized"]["called"])
        assert copied.get_encoded_features() is not space.get_encoded_features()


def test_a_layer_of_ones_own_in_a_file(tmp_path: Path) -> None:
    class Shifted(lamina.layers.Layer):
        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs + 5

    space = FeatureSpace({"a": FeatureSpace.feature("float32", Shifted(), "float")})
    space.save(tmp_path / "space.lamina")
    loaded = lamina.models.load_model(tmp_path / "space.lamina", custom_objects={"Shifted": Shifted})
    assert loaded({"a": [1.0]}).tolist() == [[6.0]]
    with pytest.raises(ValueError, match="Shifted"):
        lamina.models.load_model(tmp_path / "space.lamina")


ATTACKS: dict[str, Any] = {
    "no features": lambda config: config.pop("features"),
    "features that are none": lambda config: config.update(features=3),
    "a feature that is none": lambda config: config["features"].update(x=[1]),
    "an unknown kind": lambda config: config["features"].update(x="os.system"),
    "a class of Python's": lambda config: config["features"]["x"]["preprocessor"].update(class_name="os.system"),
    "no layer": lambda config: config["features"]["x"].update(preprocessor="relu"),
    "an argument too many": lambda config: config["features"]["x"].update(path="/etc/passwd"),
    "a vocabulary that is a path": lambda config: config["features"]["s"]["preprocessor"]["config"].update(
        vocabulary="/etc/passwd"
    ),
    "a cross of nothing": lambda config: config.update(crosses=[{"feature_names": ["a", "b"], "crossing_dim": 3}]),
    "bins without end": lambda config: config.update(crossing_dim="many"),
    "a word too many": lambda config: config.update(code="print()"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_files_that_nobody_vouches_for(attack: str, tmp_path: Path) -> None:
    adapted("crosses").save(tmp_path / "space.lamina")
    members = read_archive(tmp_path / "space.lamina")
    document = json.loads(bytes(members["model.json"]))
    ATTACKS[attack](document["model"]["config"])
    spoiled = {name: bytes(data) for name, data in members.items()} | {"model.json": json.dumps(document).encode()}
    write_archive(tmp_path / "spoiled.lamina", spoiled, overwrite=False)
    with pytest.raises(LoadingError):
        lamina.models.load_model(tmp_path / "spoiled.lamina")


# ---- Keras' guide on structured data, with a DataLoader in the place of tf.data

PATIENTS = 96


def patients() -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    draw = np.random.default_rng(0)
    data = {
        "age": draw.integers(29, 78, PATIENTS),
        "sex": draw.integers(0, 2, PATIENTS),
        "ca": draw.integers(0, 4, PATIENTS),
        "thal": draw.choice(["fixed", "normal", "reversible"], PATIENTS),
        "chol": draw.normal(240, 40, PATIENTS),
        "oldpeak": draw.exponential(1.0, PATIENTS),
    }
    return data, ((data["thal"] == "fixed") ^ (data["sex"] == 1)).astype("float32")


def test_the_guide(tmp_path: Path) -> None:
    keras = lamina
    data, target = patients()
    feature_space = keras.utils.FeatureSpace(
        features={
            "sex": FeatureSpace.integer_categorical(num_oov_indices=0),
            "ca": "integer_categorical",
            "thal": "string_categorical",
            "age": FeatureSpace.float_discretized(num_bins=10),
            "chol": "float_normalized",
            "oldpeak": "float_normalized",
        },
        crosses=[FeatureSpace.cross(feature_names=("sex", "age"), crossing_dim=16), ("thal", "sex")],
        crossing_dim=32,
        output_mode="concat",
    )
    train = DataLoader(Rows({name: column.tolist() for name, column in data.items()}), batch_size=32)
    feature_space.adapt(train)
    x = feature_space(data)
    assert (x.shape, x.dtype) == ((PATIENTS, 2 + 5 + 4 + 10 + 2 + 16 + 32), torch.float32)

    keras.utils.set_random_seed(0)
    dict_inputs = feature_space.get_inputs()
    encoded_features = feature_space.get_encoded_features()
    hidden = keras.layers.Dense(32, activation="relu")(encoded_features)
    predictions = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Dropout(0.1)(hidden))
    training_model = keras.Model(inputs=encoded_features, outputs=predictions)
    training_model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    inference_model = keras.Model(inputs=dict_inputs, outputs=predictions)
    prepared = DataLoader(torch.utils.data.TensorDataset(x, torch.as_tensor(target)[:, None]), batch_size=32)
    history = training_model.fit(prepared, epochs=15, verbose=0)
    assert history.history["accuracy"][-1] > 0.95

    sample = {name: column[:1] for name, column in data.items()}
    expected = training_model.predict(feature_space(sample), verbose=0)
    found = inference_model.predict(feature_space.model_inputs(sample), verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    inference_model.save(tmp_path / "inference.lamina")
    loaded = keras.models.load_model(tmp_path / "inference.lamina")
    np.testing.assert_array_equal(loaded.predict(feature_space.model_inputs(sample), verbose=0), found)


# ---- what cannot be


def space_of(**features: Any) -> Any:
    return FeatureSpace(features)


WRONG: dict[str, tuple[Any, type, str]] = {
    "no features": (lambda: FeatureSpace({}), ArgumentError, "needs features"),
    "features by number": (lambda: FeatureSpace({1: "float"}), ArgumentError, "needs features"),
    "an unknown kind": (lambda: space_of(a="strange"), ArgumentError, "no kind of features .* 'strange'"),
    "mode": (lambda: FeatureSpace({"a": "float"}, output_mode="list"), ArgumentError, "output_mode cannot be 'list'"),
    "crossing_dim": (lambda: FeatureSpace({"a": "float"}, crossing_dim=0), ArgumentError, "crossing_dim cannot be 0"),
    "hashing_dim": (lambda: FeatureSpace({"a": "float"}, hashing_dim=-1), ArgumentError, "hashing_dim cannot be -1"),
    "bins": (
        lambda: FeatureSpace({"a": "float"}, num_discretization_bins=1.5),
        ArgumentError,
        "num_discretization_bins cannot be 1.5",
    ),
    "a cross of nothing known": (
        lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]),
        ArgumentError,
        "cannot cross what is no feature",
    ),
    "a made cross of nothing known": (
        lambda: FeatureSpace({"a": "float"}, crosses=[FeatureSpace.cross(("b", "a"), 3)]),
        ArgumentError,
        "cannot cross what is no feature",
    ),
    "a cross twice": (
        lambda: FeatureSpace({"a": "integer_hashed", "b": "integer_hashed"}, crosses=[("a", "b"), ("a", "b")]),
        ArgumentError,
        "two results called 'a_X_b'",
    ),
    "a cross of one": (lambda: FeatureSpace.cross(("a",), 3), ArgumentError, "feature_names cannot be"),
    "a cross of a text": (lambda: FeatureSpace.cross("ab", 3), ArgumentError, "feature_names cannot be 'ab'"),
    "a cross as floats": (
        lambda: FeatureSpace.cross(("a", "b"), 3, output_mode="float"),
        ArgumentError,
        "output_mode cannot be 'float'",
    ),
    "a cross of floats": (
        lambda: FeatureSpace({"a": "float", "b": "float"}, crosses=[("a", "b")])({"a": 1, "b": 2}),
        DtypeError,
        "cannot cross floats",
    ),
    "a feature of no layer": (lambda: FeatureSpace.feature("int64", 3, "int"), ArgumentError, "preprocessor cannot be"),
    "a feature of no dtype": (
        lambda: FeatureSpace.feature("strange", lamina.layers.Identity(), "int"),
        DtypeError,
        "'strange' is not a dtype",
    ),
    "a feature as multi_hot": (
        lambda: FeatureSpace.string_categorical(output_mode="multi_hot"),
        ArgumentError,
        "output_mode cannot be 'multi_hot'",
    ),
    "bins beside boundaries": (
        lambda: FeatureSpace.float_discretized(3, [1.0]),
        ArgumentError,
        "num_bins and bin_boundaries contradict",
    ),
    "one_hot of who knows how many": (
        lambda: space_of(a=FeatureSpace.feature("int64", lamina.layers.Identity(), "one_hot"))({"a": 1}),
        ArgumentError,
        "nobody knows how many",
    ),
    "one_hot of floats": (
        lambda: space_of(a=FeatureSpace.feature("int64", lamina.layers.Hashing(3, output_mode="one_hot"), "one_hot"))(
            {"a": 1}
        ),
        ArgumentError,
        "gives no whole numbers",
    ),
    "whole numbers among floats": (
        lambda: space_of(a=FeatureSpace.string_hashed(3, output_mode="int"))({"a": "x"}),
        ArgumentError,
        "no place in a vector of floats",
    ),
    "call before adapt": (lambda: space_of(a="float_normalized")({"a": 1}), ArgumentError, "yet to learn from data"),
    "inputs before adapt": (
        lambda: space_of(a="float", b="string_categorical").get_inputs(),
        ArgumentError,
        "nothing known of 'b'\n",
    ),
    "no table": (lambda: space_of(a="float")([1]), StructureError, "takes a table"),
    "a column missing": (lambda: space_of(a="float", b="float")({"a": 1}), StructureError, "misses the feature 'b'"),
    "a column too many": (lambda: space_of(a="float")({"a": 1, "b": 1}), StructureError, "no such feature.*\n.*'b'"),
    "a text in place of a number": (lambda: space_of(a="float")({"a": ["x"]}), DtypeError, "needs numbers in 'a'"),
    "nothing in place of a number": (lambda: space_of(a="float")({"a": [None]}), DtypeError, "needs numbers in 'a'"),
    "floats in place of whole numbers": (
        lambda: space_of(a="integer_hashed")({"a": [1.5]}),
        DtypeError,
        "needs whole numbers in 'a'",
    ),
    "numbers in place of texts": (lambda: space_of(a="string_hashed")({"a": [1]}), DtypeError, "needs texts in 'a'"),
    "a tensor in place of texts": (
        lambda: space_of(a="string_hashed")({"a": torch.ones(2)}),
        DtypeError,
        "needs texts in 'a'",
    ),
    "a text missing": (
        lambda: space_of(a="string_hashed")({"a": ["x", None]}),
        ArgumentError,
        "cannot take these texts",
    ),
    "columns of two lengths": (
        lambda: space_of(a="float", b="float")({"a": [1, 2], "b": [1]}),
        StructureError,
        "of one length",
    ),
    "a value beside columns": (
        lambda: space_of(a="float", b="float")({"a": [1, 2], "b": 1}),
        StructureError,
        "of one length",
    ),
    "a symbolic tensor": (lambda: space_of(a="float")({"a": lamina.Input((1,))}), ArgumentError, "called on data"),
    "adapt to a number": (lambda: space_of(a="float_normalized").adapt(3), StructureError, "cannot adapt to this"),
    "adapt to numbers": (lambda: space_of(a="float_normalized").adapt([3]), StructureError, "cannot adapt to this"),
    "adapt without a column": (
        lambda: space_of(a="float_normalized").adapt({"b": [1]}),
        StructureError,
        "misses the feature 'a'",
    ),
    "adapt to NaN": (
        lambda: space_of(a="float_normalized").adapt({"a": [1, float("nan")]}),
        ArgumentError,
        "not finite",
    ),
    "another ending": (lambda: space_of(a="float").save("x.keras"), SavingError, r"is called \*\.lamina"),
}


@pytest.mark.parametrize("case", WRONG)
def test_refused(case: str) -> None:
    attempt, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        attempt()
