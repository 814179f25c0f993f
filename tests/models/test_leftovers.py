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
    slots = layer._parameters, layer._buffers, layer._modules
    held = [dict(slot) for slot in slots]
    with pytest.raises(LaminaError, match="last"):
        model.first = layer
    if isinstance(layer, Layer):
        assert (layer._parameters, layer._buffers, layer._modules) == tuple(held)
        assert all(
            now is was for now, was in zip((layer._parameters, layer._buffers, layer._modules), slots, strict=True)
        )
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


@pytest.mark.parametrize("when", ["before", "within", "no weights", "own loop"])
def test_without_weights_to_train_fit_measures_and_says_so_once(when):
    x = Input((3,))
    bare = when == "no weights"
    model = Model(x, Flatten()(Normalization(mean=0, variance=1)(x)) if bare else Dense(2)(x), name="m")
    model.compile("sgd", "mse", metrics=["mae"])
    model.trainable = when not in ("before", "own loop")
    y = X if bare else Y

    def train():
        if when == "own loop":
            return [model.train_on_batch(X, y, return_dict=True) for _ in range(3)][-1]
        return model.fit(X, y, 2, epochs=3, verbose=0, callbacks=[Freezes()]).history

    with pytest.warns(UserWarning, match='Model "m" has nothing to train') as warned:
        logs = train()
    assert len(warned) == 1
    assert warned[0].filename == __file__
    last = np.ravel(logs["loss"])[-1], np.ravel(logs["mae"])[-1]
    assert last == pytest.approx(model.evaluate(X, y, verbose=0), rel=1e-5)
    if when != "within":
        assert not int(model.optimizer.iterations)
    model.trainable = True
    if not bare:
        before = model.get_weights()[0]
        model.fit(X, Y, verbose=0)
        assert np.any(model.get_weights()[0] != before)


def test_a_loss_that_hangs_on_no_weight_is_named():
    model = Model(x := Input((3,)), Dense(2)(x), name="m")
    model.compile("sgd", lambda y_true, y_pred: (y_true - y_pred.detach()) ** 2)
    with pytest.raises(ArgumentError, match='Model "m" has nothing to train'):
        model.fit(X, Y, verbose=0)
