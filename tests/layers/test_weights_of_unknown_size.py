"""No weight is ever made from an example of a size that only run time tells, whatever asks for it, and wherever."""

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, Sequential, ShapeError, layers, ops


class Around(layers.Layer):
    """A layer of a user's that calls another one on its input with the axes in another order."""

    def __init__(self, inner, axes=(0, 2, 1)):
        super().__init__()
        self.inner, self.axes = inner, axes

    def call(self, x):
        x = ops.transpose(x, self.axes)
        return self.inner(x, x) if isinstance(self.inner, layers.MultiHeadAttention) else self.inner(x)


class OfRows(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight((shape[1], 3), name="w")

    def call(self, x):
        return ops.einsum("btf,tk->bkf", x, self.w)


class OfRowsUnseen(layers.Layer):
    """Nothing that is computed tells that the weight goes with one number of rows only."""

    def build(self, shape):
        self.w = self.add_weight((shape[1],), name="w")

    def call(self, x):
        return x * ops.sum(self.w)


class MadeInCall(layers.Layer):
    def call(self, x):
        if not hasattr(self, "w"):
            self.w = self.add_weight((x.shape[1], 3), name="w")
        return ops.einsum("btf,tk->bkf", x, self.w)


class UnitsInCall(layers.Layer):
    def call(self, x):
        if not hasattr(self, "dense"):
            self.dense = layers.Dense(x.shape[1] // 2 + 1)
        return self.dense(x)


LAST = {
    "Dense": lambda: layers.Dense(4),
    "Conv1D": lambda: layers.Conv1D(4, 3, padding="same"),
    "SeparableConv1D": lambda: layers.SeparableConv1D(4, 1),
    "DepthwiseConv1D": lambda: layers.DepthwiseConv1D(1),
    "Conv1DTranspose": lambda: layers.Conv1DTranspose(4, 1),
    "LSTM": lambda: layers.LSTM(4),
    "GRU": lambda: layers.GRU(4),
    "SimpleRNN": lambda: layers.SimpleRNN(4),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(4)),
    "stacked cells": lambda: layers.RNN(layers.StackedRNNCells([layers.LSTMCell(4), layers.GRUCell(3)])),
    "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 4)),
    "MultiHeadAttention": lambda: layers.MultiHeadAttention(2, 4),
    "BatchNormalization": layers.BatchNormalization,
    "LayerNormalization": layers.LayerNormalization,
    "RMSNormalization": layers.RMSNormalization,
    "GroupNormalization": lambda: layers.GroupNormalization(1),
    "Normalization": lambda: layers.Normalization(axis=-1),
    "PReLU": layers.PReLU,
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(4)),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(4)),
    "Sequential": lambda: Sequential([layers.Dropout(0.1), layers.Dense(4)]),
    "another layer of the user's": lambda: Around(layers.Dense(4), (0, 1, 2)),
    "LazyLinear": lambda: torch.nn.LazyLinear(4),
}
SECOND = {
    "EinsumDense": lambda: layers.EinsumDense("abc,bd->adc", output_shape=(4, None)),
    "bias of EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 4), bias_axes="bd"),
    "BatchNormalization": lambda: layers.BatchNormalization(axis=1),
    "LayerNormalization": lambda: layers.LayerNormalization(axis=(1, 2)),
    "PReLU": layers.PReLU,
    "Flatten": lambda: Sequential([layers.Flatten(), layers.Dense(4)]),
    "own build": OfRows,
    "own build, unseen": OfRowsUnseen,
}


def _is_refused(call):
    with pytest.raises(ShapeError, match="cannot make a weight of unknown size") as caught:
        call()
    text = str(caught.value)
    assert "None" in caught.value.got, text
    assert not {"192", "384", "48"} & set(text.replace(",", " ").replace("(", " ").replace(")", " ").split()), text
    return text


@pytest.mark.parametrize("name", LAST)
def test_no_weight_hangs_on_an_unknown_axis_that_a_call_turns_to_the_end(name):
    layer = Around(LAST[name]())
    text = _is_refused(lambda: layer(Input((None, 6))))
    assert 'in Around "around"' in text
    y = layer(Input((5, 6)))  # nothing has stayed of the call that was refused
    assert y.shape[0] is None
    assert all(192 not in weight.shape for weight in layer.weights)


@pytest.mark.parametrize("name", SECOND)
def test_nor_on_one_within(name):
    layer = Around(SECOND[name](), (0, 1, 2))
    _is_refused(lambda: layer(Input((None, 6))))
    assert layer(Input((5, 6))).shape[0] is None


@pytest.mark.parametrize("make", [MadeInCall, UnitsInCall])
def test_nor_one_that_a_call_makes(make):
    layer = make()
    _is_refused(lambda: layer(Input((None, 6))))
    assert not layer.weights
    layer(Input((5, 6)))
    assert layer.weights


def test_nor_on_the_size_of_the_batch():
    class Across(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4)

        def call(self, x):
            return ops.transpose(self.dense(ops.transpose(x)))

    _is_refused(lambda: Across()(Input((6,))))
    assert Across()(Input(batch_shape=(3, 6))).shape == (4, 6)


def test_the_error_names_the_layer_the_weight_and_what_it_was_called_on():
    text = _is_refused(lambda: Around(layers.Dense(4, name="mix"), (0, 2, 1))(Input((None, 6), name="steps")))
    assert text.startswith('Dense "mix" in Around "around" cannot make a weight of unknown size.')
    assert "'kernel' of shape (None, 4), made for (None, 6, None)" in text
    assert 'InputLayer "steps"' in text
    assert "test_weights_of_unknown_size.py" in text
    assert "Input(shape=...)" in text


def test_shape_questions_and_builds_from_shapes_say_the_same():
    class Mixer(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(4)

        def call(self, x):
            return self.dense(ops.transpose(x, (0, 2, 1)))

    for call in (
        lambda: Mixer().build((None, None, 6)),
        lambda: Mixer().compute_output_shape((None, None, 6)),
        lambda: Mixer()(Input((None, 6))),
        lambda: Around(layers.Dense(4)).compute_output_shape((None, None, 6)),
        lambda: Sequential([Around(layers.Dense(4))]).build((None, None, 6)),
        lambda: Sequential([Input((None, 6)), Around(layers.Dense(4))]),
        lambda: layers.TimeDistributed(Around(layers.Dense(4)))(Input((3, None, 6))),
    ):
        _is_refused(call)
    model = Mixer()
    model.build((None, 5, 6))
    assert [tuple(w.shape) for w in model.weights] == [(5, 4), (4,)]


def test_a_rule_of_shapes_of_the_users_does_not_hide_it():
    class Ruled(Around):
        def compute_output_shape(self, shape):
            return shape[0], shape[2], 4

    _is_refused(lambda: Ruled(layers.Dense(4))(Input((None, 6))))


def test_what_hangs_on_no_unknown_size_is_as_it_was():
    class Pixels(layers.Layer):
        def __init__(self):
            super().__init__()
            self.conv, self.dense = layers.Conv2D(4, 3), layers.Dense(8)
            self.table = layers.Embedding(50, 8)

        def call(self, x):
            x = self.conv(x)
            b, h, w, c = ops.shape(x)
            x = self.dense(ops.reshape(x, (b, h * w, c)))
            return x + self.table(ops.arange(h * w) % 50)

    x = Input((None, None, 3))
    model = Model(x, Pixels()(x))
    assert model.output_shape == (None, None, 8)
    assert model.predict(np.zeros((2, 5, 7, 3), "float32"), verbose=0).shape == (2, 15, 8)


def test_drawing_draws_no_more_random_numbers_than_the_weights_do():
    def number_after(make):
        lamina.utils.set_random_seed(3)
        make()
        return torch.rand(()).item()

    drawn = number_after(lambda: Around(layers.Dense(4), (0, 1, 2))(Input((None, 6))))
    assert drawn == number_after(lambda: layers.Dense(4).build((None, 6)))
