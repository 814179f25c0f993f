"""The Functional API guide, third part: layers of one's own, subclassed models, and all the styles mixed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina as keras
from lamina import layers
from tests.articles.by_hand import (
    FILE_SUFFIX,
    assert_close,
    assert_trains_like,
    beyond_keras,
    categorical_crossentropy,
    dense,
    integers,
    lstm,
    mse,
    normal,
    one_hot,
    softmax,
    tensors,
)

# ---------------------------------------------------------------------------------------------------- a custom Dense


class CustomDense(layers.Layer):
    def __init__(self, units=32, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="random_normal", trainable=True)

    def call(self, inputs):
        return inputs @ self.w + self.b

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def test_a_custom_dense_computes_and_learns():
    inputs = keras.Input((4,))
    outputs = CustomDense(10)(inputs)
    model = keras.Model(inputs, outputs)
    assert tuple(outputs.shape) == (None, 10)
    assert [tuple(w.shape) for w in model.trainable_weights] == [(4, 10), (10,)]

    x, y = normal(6, 4), normal(6, 10, seed=1)
    assert_close(model(x), dense(x, *tensors(model)))
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, x.numpy(), y.numpy(), lambda w, b: mse(y, dense(x, w, b)), optimizer, 0.1)


def test_a_custom_dense_comes_back_from_its_config():
    layer = CustomDense(7, name="mine")
    again = CustomDense.from_config(layer.get_config())
    assert (again.units, again.name) == (7, "mine")
    assert again.get_config() == layer.get_config()


def test_a_model_of_custom_layers_comes_back_from_its_config(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, CustomDense(10)(inputs))

    config = model.get_config()
    new_model = keras.Model.from_config(config, custom_objects={"CustomDense": CustomDense})

    assert type(new_model.layers[1]) is CustomDense
    assert not np.array_equal(new_model.get_weights()[0], model.get_weights()[0])
    new_model.set_weights(model.get_weights())
    x = normal(3, 4)
    assert torch.equal(new_model(x), model(x))

    model.save(tmp_path / f"custom.{FILE_SUFFIX}")
    file = tmp_path / f"custom.{FILE_SUFFIX}"
    loaded = keras.models.load_model(file, custom_objects={"CustomDense": CustomDense})
    assert type(loaded.layers[1]) is CustomDense
    assert torch.equal(loaded(x), model(x))


class Doubled(CustomDense):
    """Makes itself from a config in its own way."""

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "units": 2 * config["units"]})


def test_from_config_may_be_overridden():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, Doubled(5)(inputs))
    again = keras.Model.from_config(model.get_config(), custom_objects={"Doubled": Doubled})
    assert tuple(again.outputs[0].shape) == (None, 10)


class Talkative(layers.Layer):
    """Adds the sum of its input to the loss."""

    def call(self, inputs):
        self.add_loss(inputs.sum())
        return inputs


def test_losses_are_those_of_the_last_call():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Talkative()(inputs))
    for factor in (1.0, 2.0):
        model(factor * torch.ones(4, 3))
        assert [float(loss) for loss in model.losses] == [12.0 * factor]
    model.compile(optimizer="sgd", loss="mse")
    ones = np.ones((4, 3), "float32")
    assert model.evaluate(ones, ones, verbose=0) == 12.0
    assert model.evaluate(ones, ones, verbose=0) == 12.0


class InitDense(layers.Layer):
    """Weights may also be made in ``__init__``."""

    def __init__(self, width, units):
        super().__init__()
        self.kernel = self.add_weight(shape=(width, units), name="kernel")

    def call(self, inputs):
        return inputs @ self.kernel + 0.0


def test_weights_made_in_init():
    layer = InitDense(3, 2)
    assert len(layer.weights) == 1
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layer(inputs))
    x = normal(2, 3)
    assert_close(model(x), x @ tensors(layer)[0])
    assert len(model.weights) == 1


# ------------------------------------------------------------------------------- both ways to write the same network


class MLP(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense_1 = layers.Dense(64, activation="relu")
        self.dense_2 = layers.Dense(10)

    def call(self, inputs):
        x = self.dense_1(inputs)
        return self.dense_2(x)


def test_functional_and_subclassed_are_the_same_network():
    inputs = keras.Input(shape=(32,))
    x = layers.Dense(64, activation="relu")(inputs)
    outputs = layers.Dense(10)(x)
    functional = keras.Model(inputs, outputs)

    mlp = MLP()
    data, y = normal(12, 32), normal(12, 10, seed=1)
    _ = mlp(torch.zeros((1, 32)))
    mlp.set_weights(functional.get_weights())
    assert torch.equal(mlp(data), functional(data))

    for model in (mlp, functional):
        model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
        model.fit(data.numpy(), y.numpy(), epochs=3, shuffle=False, verbose=0)
    for a, b in zip(tensors(mlp), tensors(functional), strict=True):
        assert_close(a, b)
    assert_close(mlp.predict(data.numpy(), verbose=0), functional.predict(data.numpy(), verbose=0))


def test_a_model_is_checked_while_it_is_drawn():
    inputs = keras.Input(shape=(32,))
    wide = layers.Dense(64)
    wide(inputs)
    with pytest.raises(ValueError, match="32"):
        wide(keras.Input(shape=(31,)))
    with pytest.raises(ValueError, match=r"(?i)conv"):
        layers.Conv2D(4, 3)(inputs)


class TreeRNN(keras.Model):
    """What no static graph can say: the computation follows the data, a binary tree of leaf vectors."""

    def __init__(self, units):
        super().__init__()
        self.leaf = layers.Dense(units, activation="tanh")
        self.join = layers.Dense(units, activation="tanh")

    def call(self, tree):
        if isinstance(tree, tuple):
            left, right = (self.call(branch) for branch in tree)
            return self.join(torch.cat([left, right], -1))
        return self.leaf(tree)


def test_a_tree_rnn_is_a_subclassed_model():
    model = TreeRNN(3)
    a, b, c = normal(1, 2), normal(1, 2, seed=1), normal(1, 2, seed=2)
    output = model.call(((a, b), c))
    leaf, join = tensors(model.leaf), tensors(model.join)
    hand_a, hand_b, hand_c = (dense(x, *leaf, torch.tanh) for x in (a, b, c))
    inner = dense(torch.cat([hand_a, hand_b], -1), *join, torch.tanh)
    assert_close(output, dense(torch.cat([inner, hand_c], -1), *join, torch.tanh))


# ---------------------------------------------------------------------------------- a custom RNN, written from scratch


class CustomRNN(layers.Layer):
    """Reads a sequence step by step; every step is projected and added to what is remembered of those before.

    ``classifier`` may be any layer or model.
    """

    def __init__(self, units=32, classifier=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.projection_1 = layers.Dense(units=units, activation="tanh")
        self.projection_2 = layers.Dense(units=units, activation="tanh")
        self.classifier = classifier or layers.Dense(1)

    def call(self, inputs):
        outputs = []
        state = inputs.new_zeros(inputs.shape[0], self.units)
        for t in range(inputs.shape[1]):
            x = inputs[:, t, :]
            h = self.projection_1(x)
            y = h + self.projection_2(state)
            state = y
            outputs.append(y)
        features = torch.stack(outputs, dim=1)
        return self.classifier(features)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def rnn_by_hand(x, w1, b1, w2, b2):
    state, outputs = torch.zeros(len(x), w1.shape[1]), []
    for step in x.unbind(1):
        state = dense(step, w1, b1, torch.tanh) + dense(state, w2, b2, torch.tanh)
        outputs.append(state)
    return torch.stack(outputs, 1)


UNITS, TIMESTEPS, INPUT_DIM = 6, 7, 5


def test_a_custom_rnn_on_real_tensors():
    rnn = CustomRNN(UNITS)
    x = normal(1, TIMESTEPS, INPUT_DIM)
    answer = rnn(x)
    assert len(rnn.weights) == 6
    states = rnn_by_hand(x, *tensors(rnn.projection_1), *tensors(rnn.projection_2))
    assert_close(answer, dense(states, *tensors(rnn.classifier)))


@pytest.mark.parametrize("batch_size", [None, 16])
def test_a_custom_rnn_in_a_functional_model(batch_size):
    inputs = keras.Input(batch_shape=(batch_size, TIMESTEPS, INPUT_DIM))
    x = layers.Dense(8)(inputs)
    outputs = CustomRNN(UNITS)(x)
    model = keras.Model(inputs, outputs)
    assert tuple(outputs.shape) == (batch_size, TIMESTEPS, 1)
    rnn = model.layers[-1]
    assert len(model.trainable_weights) == 2 + 6
    assert [tuple(w.shape) for w in rnn.projection_1.get_weights()] == [(8, UNITS), (UNITS,)]

    x, y = normal(16, TIMESTEPS, INPUT_DIM), normal(16, TIMESTEPS, 1, seed=1)

    def by_hand(k, b, w1, b1, w2, b2, w3, b3):
        return dense(rnn_by_hand(dense(x, k, b), w1, b1, w2, b2), w3, b3)

    assert_close(model(x), by_hand(*tensors(model)))
    optimizer = keras.optimizers.SGD(0.1)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, x.numpy(), y.numpy(), lambda *w: mse(y, by_hand(*w)), optimizer, 0.1)


def test_a_functional_model_inside_a_custom_rnn():
    """Functional in subclassed in Functional."""
    features = keras.Input((None, UNITS))
    mean = layers.Lambda(lambda t: t.mean(1), output_shape=(UNITS,))(features)
    classifier = keras.Model(features, layers.Dense(1, activation="sigmoid")(mean))
    rnn = CustomRNN(UNITS, classifier=classifier)
    inputs = keras.Input((TIMESTEPS, INPUT_DIM))
    model = keras.Model(inputs, rnn(inputs))
    assert tuple(model.outputs[0].shape) == (None, 1)
    assert len(model.weights) == 6

    x = normal(4, TIMESTEPS, INPUT_DIM)
    states = rnn_by_hand(x, *tensors(rnn.projection_1), *tensors(rnn.projection_2))
    assert_close(model(x), dense(states.mean(1), *tensors(classifier), torch.sigmoid))


@beyond_keras  # Keras' call sees a meta tensor while building, which torch.zeros() does not follow
def test_a_custom_rnn_may_call_torch_zeros():
    class PlainRNN(CustomRNN):
        def call(self, inputs):
            state = torch.zeros(inputs.shape[0], self.units)
            for t in range(inputs.shape[1]):
                state = self.projection_1(inputs[:, t]) + self.projection_2(state)
            return self.classifier(state)

    inputs = keras.Input((TIMESTEPS, INPUT_DIM))
    model = keras.Model(inputs, PlainRNN(UNITS)(inputs))
    assert tuple(model.outputs[0].shape) == (None, 1)
    x = normal(4, TIMESTEPS, INPUT_DIM)
    w1, b1, w2, b2, w3, b3 = tensors(model)
    assert_close(model(x), dense(rnn_by_hand(x, w1, b1, w2, b2)[:, -1], w3, b3))


# ------------------------------------------------------------------------------------------------- mixing the styles


def test_sequential_and_subclassed_inside_functional():
    stack = keras.Sequential([layers.Dense(64, activation="relu"), layers.Dense(32)])
    inputs = keras.Input(shape=(32,))
    outputs = MLP()(layers.Activation("relu")(stack(inputs)))
    model = keras.Model(inputs, outputs)
    assert tuple(outputs.shape) == (None, 10)
    assert len(model.trainable_weights) == 8

    x, y = normal(8, 32), normal(8, 10, seed=1)

    def by_hand(k1, b1, k2, b2, k3, b3, k4, b4):
        hidden = torch.relu(dense(dense(x, k1, b1, torch.relu), k2, b2))
        return dense(dense(hidden, k3, b3, torch.relu), k4, b4)

    assert_close(model(x), by_hand(*tensors(model)))
    optimizer = keras.optimizers.SGD(0.05)
    model.compile(optimizer=optimizer, loss="mse")
    assert_trains_like(model, x.numpy(), y.numpy(), lambda *w: mse(y, by_hand(*w)), optimizer, 0.05)


class Wrapped(keras.Model):
    """A subclassed model that is made of a Functional one, a Sequential one and a layer."""

    def __init__(self):
        super().__init__()
        inputs = keras.Input((6,))
        self.functional = keras.Model(inputs, layers.add([inputs, layers.Dense(6, activation="relu")(inputs)]))
        self.sequential = keras.Sequential([layers.Dense(4, activation="tanh"), layers.Dropout(0.5)])
        self.head = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=None):
        x = self.functional(inputs)
        x = self.sequential(x, training=training)
        return self.head(x)


def wrapped_by_hand(model, x):
    x = x + dense(x, *tensors(model.functional), torch.relu)
    return dense(dense(x, *tensors(model.sequential), torch.tanh), *tensors(model.head), softmax)


def test_functional_and_sequential_inside_subclassed():
    model = Wrapped()
    x, kind = normal(30, 6), integers(3, 30)
    output = model(x)
    expected = wrapped_by_hand(model, x)
    assert_close(output, expected)
    assert len(model.weights) == 6

    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss = model.evaluate(x.numpy(), kind.numpy(), verbose=0)[0]
    assert_close(loss, categorical_crossentropy(one_hot(kind, 3), expected))
    model.fit(x.numpy(), kind.numpy(), epochs=20, verbose=0)
    assert model.evaluate(x.numpy(), kind.numpy(), verbose=0)[0] < 0.8 * loss
    assert_close(model.predict(x.numpy(), verbose=0), wrapped_by_hand(model, x))


def test_subclassed_inside_sequential_inside_functional():
    inputs = keras.Input((6,))
    wrapped = Wrapped()
    model = keras.Model(inputs, keras.Sequential([layers.Dense(6), wrapped])(inputs))
    x = normal(4, 6)
    first = tensors(model)[:2]
    assert_close(model(x), wrapped_by_hand(wrapped, dense(x, *first)))
    assert len(model.weights) == 8


# --------------------------------------------------------------------------------------------- the four call patterns


class Plain(layers.Layer):
    """call(self, inputs, **kwargs): arguments that are no tensors may follow."""

    def call(self, inputs, scale=1.0, shift=0.0):
        return inputs * scale + shift


class WithTraining(layers.Layer):
    """call(self, inputs, training=None)."""

    def call(self, inputs, training=None):
        return inputs + (100.0 if training else 0.0)


class WithMask(layers.Layer):
    """call(self, inputs, mask=None): the mean of the steps that are there. (B, T, F) -> (B, F)."""

    def call(self, inputs, mask=None):
        if mask is None:
            return inputs.mean(1)
        there = mask.to(inputs.dtype)[..., None]
        return (inputs * there).sum(1) / there.sum(1)


class WithBoth(layers.Layer):
    """call(self, inputs, training=None, mask=None)."""

    def call(self, inputs, training=None, mask=None):
        outputs = inputs * (1.0 if mask is None else mask.to(inputs.dtype)[..., None])
        return outputs + (100.0 if training else 0.0)


class OfList(layers.Layer):
    """inputs may be a nested structure."""

    def call(self, inputs):
        return inputs["a"] - inputs["b"][0] * inputs["b"][1]


def test_arguments_that_are_no_tensors():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Plain()(Plain()(inputs, scale=2.0), shift=-1.0))
    x = normal(2, 3)
    assert_close(model(x), 2 * x - 1)


def test_nested_structures_as_inputs():
    a, b, c = (keras.Input((3,), name=name) for name in "abc")
    model = keras.Model([a, b, c], OfList()({"a": a, "b": [b, c]}))
    x, y, z = normal(2, 3), normal(2, 3, seed=1), normal(2, 3, seed=2)
    assert_close(model([x, y, z]), x - y * z)


def test_training_reaches_every_layer_under_a_call():
    inputs = keras.Input((3,))
    inner = keras.Model(inputs, WithTraining()(inputs))
    outer = keras.Input((3,))
    model = keras.Model(outer, WithTraining()(inner(outer)))
    x = normal(2, 3)
    assert_close(model(x), x)
    assert_close(model(x, training=True), x + 200)
    assert_close(model(x, training=False), x)
    assert_close(model(x), x)


@beyond_keras  # a model's training= overrides what the call of the layer said
def test_training_can_be_fixed_at_a_call():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, WithTraining()(WithTraining()(inputs, training=False)))
    x = normal(2, 3)
    assert_close(model(x, training=True), x + 100)


def test_fit_trains_and_the_rest_does_not():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, WithTraining()(layers.Dense(1, kernel_initializer="zeros")(inputs)))
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mae")
    x, y = normal(4, 3).numpy(), np.zeros((4, 1), "float32")
    history = model.fit(x, y, validation_data=(x, y), verbose=0).history
    assert (history["loss"], history["val_loss"]) == ([100.0], [0.0])
    assert model.evaluate(x, y, verbose=0) == 0.0
    assert np.array_equal(model.predict(x, verbose=0), y)


WORDS = torch.cat([integers(9, 3, 4, low=1), torch.zeros(3, 2, dtype=torch.int64)], 1)


@pytest.mark.parametrize("between", [False, True])
def test_a_mask_reaches_the_layer_that_asks_for_it(between):
    """From the Embedding, through layers that keep positions, into ``mask``."""
    words = keras.Input((None,), dtype="int32")
    table = layers.Embedding(9, 4, mask_zero=True)
    x = table(words)
    x = layers.Dropout(0.5)(layers.Activation("tanh")(x)) if between else x
    model = keras.Model(words, WithMask()(x))
    seen = tensors(table)[0][WORDS[:, :4]]
    assert_close(model(WORDS), (seen.tanh() if between else seen).mean(1))
    assert_close(model.predict(WORDS.numpy(), verbose=0), (seen.tanh() if between else seen).mean(1))


def test_mask_and_training_together():
    words = keras.Input((None,), dtype="int32")
    table = layers.Embedding(9, 4, mask_zero=True)
    model = keras.Model(words, WithBoth()(table(words)))
    seen = tensors(table)[0][WORDS] * (WORDS != 0)[..., None]
    assert_close(model(WORDS), seen)
    assert_close(model(WORDS, training=True), seen + 100)


def test_a_mask_can_be_given_by_hand():
    x = normal(2, 3, 4)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    expected = torch.stack([x[0, :2].mean(0), x[1, 0]])
    assert_close(WithMask()(x, mask=mask), expected)
    inputs, given = keras.Input((3, 4)), keras.Input((3,), dtype="bool")
    model = keras.Model([inputs, given], WithMask()(inputs, mask=given))
    assert_close(model([x, mask]), expected)


def test_an_lstm_skips_padding():
    words = keras.Input((None,), dtype="int32")
    table, reader = layers.Embedding(9, 4, mask_zero=True), layers.LSTM(5)
    model = keras.Model(words, reader(table(words)))
    assert_close(model(WORDS), lstm(tensors(table)[0][WORDS[:, :4]], *tensors(reader))[1])
