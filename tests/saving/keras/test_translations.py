"""The table of what was translated, renamed, defaulted or left out: as it is printed, and as data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import lamina
from lamina.cli import main
from lamina.models import load_model, model_from_json
from lamina.saving import Translations, TranslationWarning
from tests.saving.keras.old_files import graph, layer, sequential, source, write_h5

RNG = np.random.default_rng(7)


def draw(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype("float32")


def dense(name: str, inputs: int, units: int) -> dict[str, dict[str, np.ndarray]]:
    return {name: {"kernel": draw(inputs, units), "bias": draw(units)}}


FIRST = {
    "name": "block/conv", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "border_mode": "same", "dim_ordering": "tf",
    "batch_input_shape": [None, 6, 6, 2], "W_regularizer": {"name": "L1L2Regularizer", "l1": 0.0, "l2": 0.1},
}  # fmt: skip
GRU = {
    "name": "g", "output_dim": 2, "consume_less": "cpu",
    "kernel_initializer": {"class_name": "HeNormal", "config": {"seed": None, "dtype": "float32"}},
}  # fmt: skip


def first_keras(path: Path) -> Path:
    """A file of Keras 1 with something of each kind."""
    entries = [
        ("Convolution2D", FIRST),
        ("Reshape", {"name": "r", "target_shape": [36, 4]}),
        ("GRU", GRU),
        ("Dense", {"name": "d", "output_dim": 3}),
    ]
    gates = {"kernel": draw(4, 6), "recurrent_kernel": draw(2, 6), "bias": draw(6)}
    arrays = {"block/conv": {"kernel": draw(3, 3, 2, 4), "bias": draw(4)}, "g": gates, **dense("d", 2, 3)}
    adam = {"lr": 0.01, "decay": 0.001, "epsilon": None, "beta_1": 0.9, "beta_2": 0.999}
    training = {"optimizer_config": {"class_name": "Adam", "config": adam}, "loss": "my_loss", "metrics": ["acc"]}
    return write_h5(path, sequential(*entries), arrays, "1.2.2", training=training)


TABLE = """\
Not as it stands in 'old.h5' (Keras 1.2.2):
translated  batch_input_shape -> an Input before it     block_conv
translated  Convolution2D -> Conv2D                     block_conv
translated  nb_row, nb_col -> kernel_size               block_conv
translated  nb_filter -> filters                        block_conv
translated  border_mode -> padding                      block_conv
translated  dim_ordering -> data_format                 block_conv
translated  data_format: tf -> channels_last            block_conv
translated  W_regularizer -> kernel_regularizer         block_conv
translated  output_dim -> units                         g, d
translated  optimizer: lr and decay ->
            learning_rate=InverseTimeDecay
translated  optimizer: epsilon of Adam: null -> 1e-07
renamed     block/conv -> block_conv
defaulted   reset_after=false                           g
defaulted   recurrent_activation=keras2_hard_sigmoid    g
left out    consume_less, which says nothing here       g
left out    kernel_initializer: dtype of HeNormal       g
left out    how the model is trained: Unknown loss
            "my_loss". ('my_loss')
"""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(first_keras(Path("old.h5")))


def test_loading_prints_one_table(old: str, capsys: Any) -> None:
    with pytest.warns(TranslationWarning):
        load_model(old)
    assert capsys.readouterr().out == TABLE


def test_converting_prints_it_too(old: str, capsys: Any) -> None:
    assert main(["convert", old, "new.lamina"]) == 0
    assert capsys.readouterr().out == f"{TABLE}old.h5 -> new.lamina\n"
    assert main(["convert", old, "new.weights.h5"]) == 0
    last = "left out    the graph and how the model is trained: a\n            file of weights holds neither\n"
    assert capsys.readouterr().out == f"{TABLE}{last}old.h5 -> new.weights.h5\n"
    assert main(["convert", "new.lamina", "new.keras"]) == 0
    assert "without hard_sigmoid of Keras 2" in " ".join(capsys.readouterr().out.split())


def test_it_is_data_and_may_be_quiet(old: str, capsys: Any) -> None:
    found: list[Translations] = []
    with pytest.warns(TranslationWarning):
        load_model(old, report=found.append)
    with pytest.warns(TranslationWarning):
        load_model(old, report=None)
    assert capsys.readouterr().out == ""
    (told,) = found
    assert str(told) == TABLE.rstrip("\n")
    rows = told.to_list()
    assert {"kind": "renamed", "what": "block/conv -> block_conv", "layers": []} in rows
    assert {"kind": "defaulted", "what": "reset_after=false", "layers": ["g"]} in rows
    assert [row.kind for row in told] == [row["kind"] for row in rows]


def test_what_was_not_translated_prints_nothing(tmp_path: Path, capsys: Any) -> None:
    for k in (keras, lamina):
        x = k.layers.Input((3,))
        model = k.Model(x, k.layers.LSTM(2)(k.layers.Reshape((3, 1))(x)) + 1)
        model.compile("adam", "mse", metrics=["mae"])
        model.save(tmp_path / "m.keras")
        load_model(tmp_path / "m.keras")
        model_from_json(model.to_json())
    model.save(tmp_path / "m.lamina")
    load_model(tmp_path / "m.lamina")
    assert main(["convert", str(tmp_path / "m.lamina"), str(tmp_path / "n.keras")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'm.lamina'} -> {tmp_path / 'n.keras'}\n"


def rows(model: Any) -> set[tuple[str, str, tuple[str, ...]]]:
    found: list[Translations] = []
    model(found.append)
    return {tuple(row) for told in found for row in told}  # type: ignore[misc]


def test_calls_functions_and_weights_are_told(tmp_path: Path) -> None:
    gates = {
        f"{kind}_{gate}": draw(*shape) for gate in "icfo" for kind, shape in (("W", (3, 4)), ("U", (4, 4)), ("b", (4,)))
    }
    config = graph(
        [
            source("x", None, 3),
            source("h", 4),
            source("c", 4, dtype="uint16"),
            layer("Lambda", "cast", "c", function="to_float", output_shape=[4]),
            layer("LSTM", "l", "x", "h", "cast", output_dim=4, inner_activation="sigmoid"),
            layer("TFOpLambda", "tf.math.multiply", ["l", 0, 0, {"y": 2.0}], function="math.multiply"),
        ],
        ["x", "h", "c"], ["tf.math.multiply"],
    )  # fmt: skip
    config["config"]["layers"][-1]["inbound_nodes"] = [["l", 0, 0, {"y": 2.0}]]
    path = write_h5(tmp_path / "m.h5", config, {"l": gates}, "1.2.0")
    own = {"to_float": lambda x: x.float()}
    told = rows(lambda report: load_model(path, custom_objects=own, report=report))
    assert {
        ("translated", "states behind the sequence -> initial_state", ("l",)),
        ("translated", "weights: a weight for each gate -> one of each kind", ("l",)),
        ("translated", "TFOpLambda -> math.multiply, a function", ("tf.math.multiply",)),
        ("translated", "dtype: uint16 -> int32", ("c",)),
        ("translated", "inner_activation -> recurrent_activation", ("l",)),
    } <= told


@pytest.mark.parametrize(
    "entry, due",
    [
        (("CuDNNLSTM", {"units": 2}), ("translated", "CuDNNLSTM -> LSTM")),
        (("AtrousConvolution1D", {"nb_filter": 2, "filter_length": 1}), ("translated", "filter_length -> kernel_size")),
        (("TimeDistributedDense", {"output_dim": 2}), ("translated", "TimeDistributedDense -> Dense")),
        (("LSTM", {"units": 2, "dtype": {"class_name": "Policy", "config": {"name": "float32"}}}),
         ("translated", "dtype: Policy -> DTypePolicy")),
        (("LeakyReLU", {"alpha": 0.2}), ("translated", "alpha -> negative_slope")),
        (("SimpleRNN", {"units": 2, "implementation": 0}), None),
    ],
)  # fmt: skip
def test_rows_of_layers(entry: Any, due: Any) -> None:
    kind, config = entry
    first = {"class_name": kind, "config": {"name": "n", "batch_input_shape": [None, 3, 2], **config}}
    told = rows(lambda report: model_from_json(json.dumps({"class_name": "Sequential", "config": [first]}),
                                               report=report))  # fmt: skip
    assert due is None or (*due, ("n",)) in told
    assert not [what for _, what, _ in told if "implementation" in what]


def test_merges_and_metrics(tmp_path: Path) -> None:
    config = graph(
        [source("a", 3), source("b", 3), layer("Merge", "m", "a", "b", mode="concat", concat_axis=-1)],
        ["a", "b"],
        ["m"],
    )
    loss = {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mse"}}
    metric = {"class_name": "MeanMetricWrapper", "config": {"name": "acc", "fn": "binary_accuracy", "dtype": "float32"}}
    rms = {"lr": 0.1, "decay": 0.0}
    training = {"optimizer_config": {"class_name": "RMSprop", "config": rms}, "loss": loss, "metrics": [[metric]]}
    path = write_h5(tmp_path / "m.h5", config, {}, "2.4.0", training=training)
    told = {(kind, what) for kind, what, _ in rows(lambda report: load_model(path, report=report))}
    assert {
        ("translated", "Merge(mode='concat') -> Concatenate"),
        ("translated", "optimizer: lr of RMSprop -> learning_rate"),
        ("translated", "loss: reduction of MeanSquaredError: auto -> sum_over_batch_size"),
        ("translated", "metrics: MeanMetricWrapper -> BinaryAccuracy"),
    } <= told


LOUD = "\x1b[31mred\n" + "x" * 10_000


def test_what_a_file_says_is_printable_and_cut(tmp_path: Path, capsys: Any) -> None:
    first = {"name": "d", "output_dim": 2, "batch_input_shape": [None, 3], "activation": "linear", "init": "zero"}
    config = sequential(("Dense", {**first, "name": f"{LOUD}/d"}))
    config["config"][0]["config"]["kernel_initializer"] = {"class_name": "Zeros", "config": {"dtype": LOUD}}
    del config["config"][0]["config"]["init"]
    path = write_h5(tmp_path / "m.h5", config, {}, LOUD[:50])
    with pytest.raises(lamina.saving.LoadingError):
        load_model(path)  # there are no weights
    model_from_json(json.dumps({**config, "keras_version": "1" + LOUD}))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80 + len("Not as it stands in ")
    assert len(out) < 2000


def test_a_metric_beyond_the_budget_is_left_out_and_told(tmp_path: Path, capsys: Any) -> None:
    x = keras.Input((3,))
    model = keras.Model(x, keras.layers.Dense(2)(x))
    model.compile("adam", "mse", metrics=[keras.metrics.AUC(num_thresholds=20)])
    model.save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    entry = json.loads(members["config.json"])
    entry["compile_config"]["metrics"][0]["config"] |= {"num_thresholds": 3 * 10**8, "thresholds": None}
    members["config.json"] = json.dumps(entry).encode()
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.warns(TranslationWarning, match="not compiled"):
        made = load_model(tmp_path / "b.keras")
    assert "left out    how the model is trained:" in capsys.readouterr().out
    assert made.optimizer is None
    np.testing.assert_array_equal(made.get_weights()[0], np.asarray(model.get_weights()[0]))
