"""What is refused leaves everything as it was; what was set stays; what cannot be is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina import ArgumentError, Input, LaminaError, Model
from lamina.callbacks import Callback
from lamina.layers import LSTM, Bidirectional, Dense, Flatten, Layer, Normalization

X, Y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")


class Lazy(Layer):
    def __init__(self):
        super().__init__()
        self.kept, self.dense = [], None

    def call(self, x):
        if self.dense is None:
            self.dense = Dense(5)
            self.kept.append(Dense(5))
        return self.kept[0](self.dense(x))


@pytest.mark.parametrize("new", [lambda: Dense(5), lambda: Dense(5, name="mine"), Lazy, lambda: torch.nn.LazyLinear(5)])
def test_a_refused_replacement_is_as_it_was(new):
    x = Input((3,))
    model = Model(x, Dense(2, name="last")(Dense(4, name="first")(x)))
    layer = new()
    with pytest.raises(LaminaError, match="last"):
        model.first = layer
    if isinstance(layer, Layer):
        assert not layer.built
        assert not layer.weights
        assert not layer.called_by
        assert layer(torch.ones(2, 7)).shape == (2, 5)
        assert len(layer.weights) in (2, 4)
    assert model(torch.ones(2, 3)).shape == (2, 2)
    layer = Dense(4)
    model.first = layer
    assert model.get_layer("first") is layer


def test_weights_of_a_built_layer_go_forwards():
    layer = LSTM(4, return_sequences=True)
    layer.build((None, 5, 3))
    layer.set_weights([np.full_like(w, 0.1) for w in layer.get_weights()])
    both = Bidirectional(layer, merge_mode=None)
    x = torch.randn(2, 5, 3)
    ahead, _ = both(x)
    torch.testing.assert_close(ahead, layer(x))
    assert not np.allclose(both.backward_layer.get_weights()[0], 0.1)
    drawn = Bidirectional(layer)
    drawn(Input((5, 3)))
    np.testing.assert_array_equal(drawn.forward_layer.get_weights()[1], layer.get_weights()[1])
    given = Bidirectional(layer, weights=[*both.get_weights()[3:], *both.get_weights()[:3]])
    given.build((None, 5, 3))
    np.testing.assert_array_equal(given.get_weights()[0], both.get_weights()[3])


class Freezes(Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.trainable = False


@pytest.mark.parametrize("when", ["before", "within", "no weights"])
def test_nothing_to_train_is_named(when):
    x = Input((3,))
    model = Model(x, Dense(2)(x) if when != "no weights" else Flatten()(Normalization(mean=0, variance=1)(x)), name="m")
    model.compile("sgd", "mse")
    model.trainable = when != "before"
    with pytest.raises(ArgumentError, match='Model "m" has nothing to train'):
        model.fit(X, X if when == "no weights" else Y, 2, verbose=0, callbacks=[Freezes()])
    model.trainable = True
    if when != "no weights":
        model.fit(X, Y, verbose=0)
