"""`inspect_file` and ``lamina inspect``: what stands in each kind of file, as text and as data, with nothing built."""

from __future__ import annotations

import json
import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.cli import main
from lamina.layers import LSTM, Dense, Input, Layer, Reshape
from lamina.saving import DamagedFileError, LoadingError, inspect_file
from tests.saving.keras.old_files import graph, layer, sequential, source, write_h5


class Sc(Layer):
    def __init__(self, by: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.by = by

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), name="w")

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.by + self.w

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "by": self.by}


def small() -> lamina.Model:
    x = Input((4,), name="x")
    inner = lamina.Sequential([Input((3,), name="i"), Dense(2, name="d")], name="inner")
    y = inner(Sc(3.0, name="sc")(LSTM(3, name="l")(Reshape((2, 2), name="r")(x))))
    model = lamina.Model(x, torch.tanh(y), name="small")
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(torch.ones(4, 4), torch.ones(4, 2), verbose=0)
    return model


TEXT = """\
file        small.lamina: a model of Lamina, #
written by  Lamina, format 1
members     model.json #, weights.safetensors #,
            optimizer.safetensors #
model       Model 'small'
inputs      x (None, 4) float32
outputs     tanh
functions   torch.tanh
optimizer   Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999); 14 tensors of
            its state
loss        mse
metrics     mae
uses        the layer Sc: loads as what was traced without it, and as it was
            with load_model(path, custom_objects={"Sc": Sc})

layer                 class              weights                          values
x                     InputLayer
r                     Reshape
l                     LSTM               cell.kernel (2, 12)                  24
                                         cell.recurrent_kernel (3, 12)        36
                                         cell.bias (12,)                      12
sc                    Sc                 w (3,)                                3
traced: 2 operations
inner                 Sequential
inner.i               InputLayer
inner.d               Dense              kernel (3, 2)                         6
                                         bias (2,)                             2

7 layers, 83 values in 6 tensors, 332 bytes
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_of_lamina(here: Path, capsys: Any) -> None:
    small().save("small.lamina")
    assert main(["inspect", "small.lamina"]) == 0
    told = re.sub(r"[\d.]+ (KiB|bytes)(?=[,\n]+[ mw])", "#", capsys.readouterr().out)  # which hang on line numbers
    assert told == TEXT
    assert main(["inspect", "--json", "small.lamina"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads(json.dumps(inspect_file("small.lamina").to_dict()))
    assert (told["values"], told["tensors"]) == (83, 6)
    assert [one["name"] for one in told["needed"]] == ["Sc"]
    with lamina.saving.custom_object_scope({"Sc": Sc}):
        assert "the layer Sc, which is at hand" in str(inspect_file("small.lamina"))


def test_nothing_is_built_and_no_tensor_is_read(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that are cut to pieces on the disk are not noticed, since nobody looks."""
    model = small()
    model.save("small.lamina")
    model.save_weights("small.weights.safetensors")
    monkeypatch.setattr(Layer, "__init__", None)
    for name in ("small.lamina", "small.weights.safetensors"):
        data = bytearray(Path(name).read_bytes())
        value = model.get_layer("sc").w.detach().numpy().tobytes()
        assert value in data
        data[data.index(value)] ^= 1
        Path(name).write_bytes(bytes(data))
        assert "w (3,)" in str(inspect_file(name)) or "sc.w" in str(inspect_file(name))
    monkeypatch.undo()
    with pytest.raises(DamagedFileError):
        lamina.models.load_model(here / "small.lamina")


def plain(k: Any) -> Any:
    x = k.layers.Input((4,), name="x")
    model = k.Model(x, k.layers.Dense(3, name="dense")(x), name="plain")
    model.compile("sgd", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("k", [lamina, keras], ids=["lamina", "keras"])
@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.json", "m.h5"])
def test_files_of_keras(k: Any, name: str, here: Path) -> None:
    model = plain(k)
    if name == "m.json":
        (here / name).write_text(model.to_json())
    elif name == "m.weights.h5":
        model.save_weights(name)
    else:
        model.save(name)
    told = inspect_file(name)
    assert str(told).startswith(f"file        {name}: ")
    dense = next(one for one in told.layers if one.name == "dense")
    shapes = [] if name == "m.json" else [(4, 3), (3,)]
    assert [one.shape for one in dense.weights] == shapes
    assert not told.others
    if name != "m.weights.h5":
        assert told.model is not None
        assert told.model["name"] == "plain"
        assert told.inputs == [{"name": "x", "shape": [None, 4], "dtype": "float32"}]
        assert told.outputs == ["dense"]
        assert not told.needed
    if name in ("m.keras", "m.h5"):
        assert told.optimizer is not None
        assert told.optimizer["class_name"] == "SGD"
        assert told.training["loss"] in ("mse", "mean_squared_error")  # a .h5 of ours tells the whole name
        assert "mae" in told.training["metrics"]
    if k is keras and name in ("m.keras", "m.h5"):
        assert told.written_by.startswith(f"Keras {keras.__version__}")


def test_weights_of_keras_by_layers_within(here: Path) -> None:
    x = keras.Input((4, 3), name="x")
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, name="d")], name="s")
    y = keras.layers.Bidirectional(keras.layers.LSTM(2), name="b")(keras.layers.TimeDistributed(inner, name="t")(x))
    within = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")], name="w")
    keras.Model(x, within(y)).save("m.keras")
    found = {one.name: [weight.name for weight in one.weights] for one in inspect_file("m.keras").layers}
    assert found["t"] == ["layer/d/0", "layer/d/1"] or found["t"] == ["layer/dense/0", "layer/dense/1"]
    assert found["b"][0] == "forward_layer/cell/0"
    assert len(found["b"]) == 6
    assert found["w.d"] == ["0", "1"]


def test_old_files(here: Path) -> None:
    arrays = {"conv": {"kernel": np.zeros((3, 3, 2, 4), "f4"), "bias": np.zeros(4, "f4")}}
    code = {"function": ["4wE=", None, None], "function_type": "lambda"}
    config = graph(
        [
            source("x", 6, 6, 2),
            layer("Convolution2D", "conv", "x", nb_filter=4, nb_row=3, nb_col=3, activation="mine", init="he_normal"),
            layer("Lambda", "code", "conv", **code),
            layer("Ours", "own", "code"),
            layer("TFOpLambda", "tf.math.add", "own", function="math.add"),
            layer("CuDNNGRU", "g", "tf.math.add", units=2, kernel_regularizer={"class_name": "Mine", "config": {}}),
        ],
        ["x"], ["g"],
    )  # fmt: skip
    adam = {"class_name": "Adam", "config": {"lr": 0.5, "decay": 0.0}}
    training = {"optimizer_config": adam, "loss": {"a": "mse", "b": "our_loss"}, "metrics": [["acc"], ["AUC"]]}
    write_h5(here / "m.h5", config, arrays, "2.1.6", training=training)
    told = inspect_file("m.h5")
    assert told.written_by == "Keras 2.1.6 on tensorflow"
    assert told.kind == "a model of Keras"
    assert {(one.kind, one.name) for one in told.needed} == {
        ("function", "mine"), ("function", "code"), ("layer", "Ours"), ("regularizer", "Mine"), ("loss", "our_loss"),
    }  # fmt: skip
    assert all(one.needed and not one.at_hand for one in told.needed)
    assert told.optimizer == {"class_name": "Adam", "settings": {"lr": 0.5, "decay": 0.0}, "tensors": 0}
    assert told.training == {"loss": "a: mse, b: our_loss", "metrics": "acc, AUC"}
    assert [weight.name for weight in told.layers[1].weights] == ["kernel", "bias"]
    text = str(told)
    assert "conv                  Convolution2D      kernel (3, 3, 2, 4)                  72" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_sequential_as_a_list_and_weights_alone(here: Path) -> None:
    first = {"name": "d", "units": 2, "batch_input_shape": [None, 3]}
    arrays = {"d": {"kernel": np.zeros((3, 2), "f4"), "bias": np.zeros(2, "f4")}}
    write_h5(here / "m.h5", sequential(("Dense", first)), arrays, None)
    told = inspect_file("m.h5")
    assert told.inputs == [{"name": "d", "shape": [None, 3], "dtype": None}]
    assert told.written_by == "Keras 1, as far as it tells"
    write_h5(here / "w.h5", None, arrays, "2.2.4-tf")
    told = inspect_file("w.h5")
    assert told.kind == "weights of Keras 1 or 2"
    assert [(one.name, one.class_name, len(one.weights)) for one in told.layers] == [("d", "", 2)]


def test_weights_of_others_and_checkpoints(here: Path) -> None:
    torch.save({"state_dict": torch.nn.Linear(4, 3, dtype=torch.bfloat16).state_dict()}, "m.pt")
    told = inspect_file("m.pt")
    assert told.kind == "weights of PyTorch"
    assert [(one.name, one.shape, one.dtype) for one in told.others] == [
        ("weight", (3, 4), "bfloat16"), ("bias", (3,), "bfloat16"),
    ]  # fmt: skip
    assert "15 values in 2 tensors, 30 bytes" in str(told)
    model = small()
    model.save_checkpoint("c.lamina")
    told = inspect_file("c.lamina")
    assert told.kind == "a checkpoint of Lamina"
    assert told.optimizer == {"class_name": "Adam", "settings": {}, "tensors": 14}
    model.save_weights("w.lamina")
    assert inspect_file("w.lamina").kind == "weights of Lamina"
    model.fit(
        torch.ones(4, 4), torch.ones(4, 2), epochs=2, verbose=0,
        callbacks=[lamina.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: model.save("r.lamina"))],
    )  # fmt: skip
    told = inspect_file("r.lamina")
    assert told.kind == "a model of Lamina"
    assert told.run is not None
    assert told.run["epoch"] >= 1


def test_a_model_without_traces_needs_its_classes(here: Path) -> None:
    class Own(lamina.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.head = Dense(2, name="head")

        def call(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(x)

        def get_config(self) -> dict[str, Any]:
            return {"name": self.name}

    model = Own(name="own")
    model(torch.ones(1, 3))
    model.save("m.lamina")
    told = inspect_file("m.lamina")
    assert [(one.kind, one.name, one.needed) for one in told.needed] == [("model", "Own", False)]
    text = lamina.Model(x := Input((3,)), Sc(name="sc")(x)).to_json()
    Path("m.json").write_text(text)
    told = inspect_file("m.json")
    assert [(one.kind, one.name, one.needed) for one in told.needed] == [("layer", "Sc", True)]


def test_errors_are_those_of_loading(here: Path, capsys: Any) -> None:
    Path("text.lamina").write_text("no model")
    Path("empty.json").write_text("{}")
    Path("list.json").write_text('{"class_name": 1, "config": []}')
    assert main(["inspect", "none.lamina"]) == 1
    told = capsys.readouterr().err
    assert "There is no file 'none.lamina'." in told
    assert "[Errno" not in told
    for name in ("text.lamina", "empty.json", "list.json"):
        with pytest.raises(LoadingError):
            inspect_file(name)
        assert main(["inspect", name]) == 1
        assert "LoadingError: " in capsys.readouterr().err


READERS = [inspect_file, lamina.models.load_model, lambda path: plain(lamina).load_weights(path)]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize(
    "read", [inspect_file, lamina.models.load_model, lambda path: plain(lamina).load_weights(path)]
)
def test_a_pipe_is_not_waited_for(here: Path, read: Any) -> None:
    os.mkfifo("m.h5")
    with pytest.raises(DamagedFileError, match="no regular file"):
        read("m.h5")


def test_texts_of_a_file_are_printable_and_cut(here: Path) -> None:
    loud = "\x1b[2J" + "n" * 100_000
    first = {"name": loud, "units": 2, "batch_input_shape": [None, 3], "activation": loud}
    Path("m.json").write_text(json.dumps({**sequential((loud, first)), "keras_version": loud}))
    told = inspect_file("m.json")
    text = str(told)
    assert "\x1b" not in text + json.dumps(told.to_dict())
    assert max(map(len, text.splitlines())) <= 80
    assert len(json.dumps(told.to_dict())) < 5000


def test_a_long_label_stands_apart_from_its_text(tmp_path: Path) -> None:
    x = Input((3,))
    model = lamina.Model(x, [lamina.layers.Dense(2)(x), lamina.layers.Dense(2)(x)])
    model.compile("sgd", ["mse", "mse"], loss_weights=[0.9, 0.1], weighted_metrics=[["mae"], ["mae"]])
    model.save(tmp_path / "m.keras")
    text = str(lamina.saving.inspect_file(tmp_path / "m.keras"))
    assert "loss weights 0.9, 0.1" in text
    assert "weighted metrics mae, mae" in text


def test_a_long_name_keeps_its_weights(tmp_path: Path) -> None:
    x = Input((3,))
    lamina.Model(x, Dense(2, name="n" * 300)(x)).save(tmp_path / "m.lamina")
    facts = lamina.saving.inspect_file(tmp_path / "m.lamina")
    assert not facts.others
    assert [tensor.name for tensor in facts.layers[1].weights] == ["kernel", "bias"]


def test_wide_signs_stand_in_their_columns(tmp_path: Path) -> None:
    from rich.cells import cell_len

    x = Input((4,), name="日本語の入力テンソル名が長い")
    y = lamina.layers.Dense(3, name="出力レイヤーの名前がとても長い場合どうなる")(
        lamina.layers.Dense(2, name="café")(x)
    )
    lamina.Model(x, y, name="モデル").save(tmp_path / "m.lamina")
    lines = str(lamina.saving.inspect_file(tmp_path / "m.lamina")).splitlines()
    assert max(map(cell_len, lines)) <= 80
    head = next(line for line in lines if line.startswith("layer "))
    for word, column in (("Dense", "class"), ("kernel", "weights"), ("InputLayer", "class")):
        for line in lines:
            if word in line and "..." in line:
                assert cell_len(line[: line.index(word)]) == head.index(column)
    told = lamina.saving.translations.Translations("'古い.h5'")
    told.add("translated", "フィルター -> filters", "畳み込み_一")
    told.add("left out", "x", "conv")
    rows = str(told).splitlines()[1:]
    places = [cell_len(row[: row.index(word)]) for row, word in zip(rows, ("畳", "conv"), strict=True)]
    assert places[0] == places[1]


@pytest.mark.parametrize("file", ["two.lamina", "two.keras"])
def test_outputs_are_called_by_their_keys(here: Path, file: str) -> None:
    x = Input((4,), name="x")
    ends = {"digit": Dense(3, name="first")(x), "more": [Dense(1, name="second")(x)]}
    model = lamina.Model(x, ends)
    model.save(file)
    assert inspect_file(file).outputs == model.output_names == ["digit", "more.0"]


def test_a_name_takes_the_room_that_other_columns_leave(here: Path) -> None:
    x = Input((4,), name="an_input_with_a_long_name")
    lamina.Model(x, Dense(3, name="a_dense_layer_with_quite_a_long_name")(x)).save("long.lamina")
    text = str(inspect_file("long.lamina"))
    assert "a_dense_layer_with_quite_a_long_name Dense" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_package_runs_as_the_command_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lamina", "--version"])
    monkeypatch.delitem(sys.modules, "lamina.__main__", raising=False)  # which other tests may have imported
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("lamina", run_name="__main__")
    assert capsys.readouterr().out.split()[:1] == ["lamina"]
