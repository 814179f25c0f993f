"""What objects say of themselves: one line, with what a reader looks for, of half-made ones too, on any stream."""

from __future__ import annotations

import io
import sys
import traceback

import numpy as np
import pytest
import torch

import lamina
from lamina import callbacks, initializers, layers, losses, metrics, optimizers
from lamina.one_line import encodable
from lamina.program import Program


def test_graphs_and_programs_are_one_line():
    x = lamina.Input((4,), name="x")
    graph = lamina.Model(x, layers.Dense(2, name="y")(x)).graph
    assert repr(graph) == "<Graph of 2 nodes: x -> y>"
    assert repr(Program(graph)).startswith("<Program of 4 lines, in lamina_program_")


class Scaled(layers.Layer):
    def __init__(self, factor, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.factor, self.rate = factor, rate

    def call(self, inputs):
        return inputs * self.factor


class Net(lamina.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Dense(3), layers.Dense(2)

    def call(self, inputs):
        return self.second(self.first(inputs))


def drawn_dense():
    x = lamina.Input((8,))
    layer = layers.Dense(4, name="hidden")
    return layer, layer(x)


def test_a_layer_tells_its_shapes_and_its_parameters():
    layer, _ = drawn_dense()
    assert repr(layer) == '<Dense "hidden": (None, 8) → (None, 4), 36 parameters>'
    layer.trainable = False
    assert repr(layer) == '<Dense "hidden": (None, 8) → (None, 4), 36 parameters, frozen>'
    eager = layers.Dense(4, name="eager")
    eager(torch.ones(2, 8))
    assert repr(eager) == '<Dense "eager": (None, 8) → (None, 4), 36 parameters>'
    both = layers.Concatenate(name="both")
    kept = both([lamina.Input((2,)), lamina.Input((3,))])
    assert repr(both) == '<Concatenate "both": [(None, 2), (None, 3)] → (None, 5)>'
    assert kept.shape == (None, 5)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda: layers.Dense(4, name="d"), '<Dense "d": units=4, unbuilt>'),
        (lambda: layers.Dense(4, activation="relu", name="d"), '<Dense "d": units=4, activation=relu, unbuilt>'),
        (lambda: layers.LSTM(5, name="l"), '<LSTM "l": units=5, unbuilt>'),
        (lambda: layers.Dropout(0.5, name="drop"), '<Dropout "drop": rate=0.5>'),
        (lambda: layers.TimeDistributed(layers.Dense(2), name="t"), '<TimeDistributed "t": of Dense, unbuilt>'),
        (lambda: layers.Bidirectional(layers.GRU(2), name="b"), '<Bidirectional "b": of GRU, unbuilt>'),
        (
            lambda: layers.Dense(3, dtype="mixed_bfloat16", name="d"),
            '<Dense "d": units=3, unbuilt, dtype=mixed_bfloat16>',
        ),
        (lambda: Scaled(3, name="s"), '<Scaled "s": factor=3, unbuilt>'),
        (lambda: Scaled(3, 0.25, name="s"), '<Scaled "s": factor=3, rate=0.25, unbuilt>'),
        (lambda: layers.TorchModule(torch.nn.Linear(3, 4), name="w"), '<TorchModule "w": of Linear, 16 parameters>'),
        (lambda: optimizers.Adam(1e-3), "<Adam: learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-07>"),
        (lambda: optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0), "<SGD: learning_rate=0.1, momentum=0.9, clipnorm=1>"),
        (
            lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 100, 0.9)),
            "<SGD: learning_rate=<ExponentialDecay: initial_learning_rate=0.1, decay_steps=100, decay_rate=0.9>>",
        ),
        (lambda: losses.MeanSquaredError(), "<MeanSquaredError>"),
        (lambda: losses.BinaryCrossentropy(from_logits=True), "<BinaryCrossentropy: from_logits=True>"),
        (lambda: losses.MeanSquaredError(reduction="sum", name="mine"), "<MeanSquaredError \"mine\": reduction='sum'>"),
        (lambda: metrics.Precision(top_k=3, name="best"), '<Precision "best": top_k=3>'),
        (lambda: callbacks.EarlyStopping(patience=3), "<EarlyStopping: monitor='val_loss', patience=3>"),
        (lambda: callbacks.LambdaCallback(on_epoch_end=max), "<LambdaCallback: on_epoch_end=max>"),
        (lambda: initializers.GlorotUniform(seed=1), "<GlorotUniform: seed=1>"),
        (lambda: initializers.RandomNormal(), "<RandomNormal: stddev=0.05>"),
        (lambda: lamina.regularizers.L2(0.01), "<L2: l2=0.01>"),
        (lambda: lamina.constraints.MaxNorm(3), "<MaxNorm: max_value=3>"),
        (lambda: lamina.random.SeedGenerator(3), "<SeedGenerator: seed 3, 0 draws made>"),
        (lambda: lamina.Variable([[1.0, 2.0]], name="v"), '<Variable "v" (1, 2) float32: 1, 2>'),
        (lambda: lamina.Variable(np.zeros((0, 2)), name="v"), '<Variable "v" (0, 2) float64: no values>'),
        (lambda: lamina.Variable(range(9), name="v"), '<Variable "v" (9,) int64: 0, 1, 2, 3, 4, 5, …>'),
        (lambda: lamina.Variable([1.0], trainable=False), '<Variable "variable" (1,) float32, not trained: 1>'),
        (lambda: lamina.Sequential([layers.Dense(2)], name="s"), '<Sequential "s": 1 layer, unbuilt>'),
    ],
)
def test_what_each_kind_says(make, said):
    assert repr(make()) == said


def test_models_tell_their_ends_and_their_layers():
    x, y = lamina.Input((3,), name="x"), lamina.Input((2,), name="y")
    out = {"sum": layers.Dense(1)(x) + layers.Dense(1)(y), "same": x}
    model = lamina.Model({"x": x, "y": y}, out, name="m")
    said = "{x: (None, 3), y: (None, 2)} → {sum: (None, 1), same: (None, 3)}"
    assert repr(model) == f'<Model "m": {said}, 4 layers, 7 parameters>'
    net = Net()
    assert repr(net) == '<Net "net": 2 layers, unbuilt>'
    net(torch.ones(2, 3))
    assert repr(net) == '<Net "net": built for (None, 3), 2 layers, 20 parameters>'
    many = [lamina.Input((1,)) for _ in range(7)]
    assert "… 3 more]" in repr(lamina.Model(many, many[0] + sum(many[1:])))


def test_an_optimizer_and_a_history_tell_where_they_stand():
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
    data = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    history = model.fit(*data, epochs=3, verbose=0, validation_data=data)
    assert repr(model.optimizer) == "<SGD: learning_rate=0.1, 3 steps made>"
    last = ", ".join(f"{name} {series[-1]:.4g}" for name, series in history.history.items())
    assert repr(history) == f"<History: 3 epochs, {last}>"
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    assert repr(callbacks.History()) == "<History: 0 epochs>"


def test_a_weight_names_its_path_and_tells_where_it_lies():
    layer, _ = drawn_dense()
    assert repr(layer.bias) == '<Variable "hidden/bias" (4,) float32: 0, 0, 0, 0>'
    with torch.device("meta"):
        far = layers.Dense(3, name="far")
        far.build((None, 4))
    assert repr(far) == '<Dense "far": (None, 4) → (None, 3), 15 parameters>'
    assert repr(far.kernel) == '<Variable "far/kernel" (4, 3) float32, on meta: no values>'
    mean = metrics.Mean()
    mean.update_state(3.0)
    assert repr(mean.total) == '<MetricVariable "mean/total" () float32: 3>'


# -- whatever is wrong with it


class Forgetful(layers.Layer):
    def __init__(self):
        self.units = 3


class Broken(layers.Layer):
    def __init__(self):
        super().__init__(name="broken")
        raise ZeroDivisionError("in __init__")


class Rude(layers.Layer):
    @property
    def name(self):
        raise RuntimeError("no name")

    weights = name


def test_what_is_half_made_has_a_line_too():
    assert repr(Forgetful.__new__(Forgetful)) == "<Forgetful, before super().__init__()>"
    assert repr(Rude()) == "<Rude>"
    kinds = (optimizers.Adam, losses.MeanSquaredError, metrics.AUC, callbacks.EarlyStopping, callbacks.History)
    for kind in (*kinds, initializers.Zeros, lamina.random.SeedGenerator, lamina.Sequential, lamina.Model):
        text = repr(kind.__new__(kind))
        assert text.startswith(f"<{kind.__name__}")
        assert "\n" not in text
    try:
        Broken()
    except ZeroDivisionError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert 'self = <Broken "broken": unbuilt>' in shown


def test_a_line_stays_one_line_of_bearable_length():
    class Odd(layers.Layer):
        def __init__(self, text, values):
            super().__init__(name="two\nlines")
            self.text, self.values = text, values

    text = repr(Odd("a\n" * 500, [[0.123456789] * 99] * 99))
    assert "\n" not in text
    assert len(text) <= 302


def test_saying_it_asks_no_code_of_the_users():
    class Asked(layers.Layer):
        def __init__(self, units):
            super().__init__(name="asked")
            self.units = units

        def get_config(self):
            raise AssertionError("a repr is no place for this")

        compute_output_shape = call = get_config

    assert repr(Asked(3)) == '<Asked "asked": units=3, unbuilt>'


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_a_stream_that_knows_no_arrow_gets_plain_signs(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
    monkeypatch.setattr(sys, "stdout", stream)
    layer, _ = drawn_dense()
    print(layer, lamina.Sequential([lamina.Input((2,))], name="日本"))
    stream.flush()
    text = stream.buffer.getvalue().decode(encoding)
    assert '<Dense "hidden": (None, 8) -> (None, 4), 36 parameters>' in text
    assert "\\u65e5\\u672c" in text


def test_encodable_leaves_what_can_be_written():
    assert encodable("größe → …", "latin-1") == "größe -> ..."
    assert encodable("größe → …", "utf-8") == "größe → …"
    assert encodable("a → b", "no such encoding") == "a -> b"


def test_data_tell_how_many_they_are(tmp_path):
    series = lamina.utils.timeseries_dataset_from_array(np.arange(40.0), None, 4, batch_size=8)
    assert repr(series) == f"<{type(series).__name__}: 5 batches of 8>"
    assert repr(series.take(2)) == f"<Pipeline from a {type(series).__name__}: 2 elements>"
    assert repr(series.filter(bool)) == f"<Pipeline from a {type(series).__name__}>"
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        for k in range(3):
            (tmp_path / name / f"{k}.txt").write_text("miaow")
    texts = lamina.utils.text_dataset_from_directory(str(tmp_path), batch_size=4)
    assert repr(texts) == f"<{type(texts).__name__}: 2 batches of 4, 2 classes (cats, dogs)>"
