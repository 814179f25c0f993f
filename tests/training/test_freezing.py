"""Freezing means frozen: from the next step on, at any depth, without compiling again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

import lamina
from lamina.callbacks import LambdaCallback
from lamina.layers import BatchNormalization, Dense, Input
from lamina.models import Model, Sequential


def rows(n=32):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype("float32")
    return x, x.sum(1, keepdims=True)


def nested():
    encoder = Sequential([Input((4,)), Dense(8, name="inner"), BatchNormalization(name="norm")], name="encoder")
    x = Input((4,))
    return Model(x, Dense(1, name="head")(encoder(x)))


def values(layer):
    return [w.detach().clone() for w in layer.weights]


def same(before, layer):
    return [torch.equal(a, b) for a, b in zip(before, layer.weights, strict=True)]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adamw"])
def test_a_frozen_part_stays_bit_equal_and_thaws(optimizer):
    x, y = rows()
    model = nested()
    model.compile(optimizer, "mse")
    model.fit(x, y, verbose=0)
    encoder, head = model.get_layer("encoder"), model.get_layer("head")
    encoder.trainable = False
    before, moving = values(encoder), values(head)
    model.fit(x, y, epochs=2, verbose=0)
    assert all(same(before, encoder))
    assert not any(same(moving, head))
    encoder.get_layer("inner").trainable = True
    model.fit(x, y, verbose=0)
    assert not any(same(before[:2], encoder.get_layer("inner")))
    assert all(same(before[2:], encoder.get_layer("norm")))


def test_freezing_takes_effect_at_the_next_step_not_at_the_next_epoch():
    x, y = rows()
    model = nested()
    model.compile(lamina.optimizers.SGD(0.1, momentum=0.9), "mse")
    inner = model.get_layer("encoder").get_layer("inner")
    seen = []

    def at(batch, logs):
        seen.append(values(inner))
        if batch in (3, 5):
            inner.trainable = batch == 5

    model.fit(x, y, batch_size=4, callbacks=[LambdaCallback(on_train_batch_end=at)], verbose=0)
    moved = [not torch.equal(a[0], b[0]) for a, b in pairwise(seen)]
    assert moved == [True, True, True, False, False, True, True]


def test_what_was_frozen_from_the_start_is_trained_from_the_next_step_on():
    x, y = rows()
    model = nested()
    model.compile("sgd", "mse")
    inner = model.get_layer("encoder").get_layer("inner")
    inner.trainable = False
    seen = []

    def at(batch, logs):
        seen.append(values(inner))
        if batch == 3:
            inner.trainable = True

    model.fit(x, y, batch_size=4, callbacks=[LambdaCallback(on_train_batch_end=at)], verbose=0)
    assert [not torch.equal(a[0], b[0]) for a, b in pairwise(seen)] == [False] * 3 + [True] * 4


def test_the_penalty_of_a_part_that_is_frozen_within_an_epoch_ends_with_the_step():
    x, y = rows(8)
    a = Dense(4, kernel_regularizer=lambda kernel: 1000.0 + 0.0 * kernel.sum())
    model = Sequential([Input((4,)), a, Dense(1)])
    model.compile(lamina.optimizers.SGD(0.0), "mse")
    seen = []

    def at(batch, logs):
        seen.append(logs["loss"])
        a.trainable = False

    model.fit(x, y, batch_size=4, callbacks=[LambdaCallback(on_train_batch_end=at)], verbose=0)
    assert 1000.0 < seen[0] < 1100.0
    assert 500.0 < seen[1] < 600.0  # the mean of both steps


def test_a_frozen_batch_normalization_uses_and_keeps_its_averages():
    x, y = rows()
    model = nested()
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=3, verbose=0)
    norm = model.get_layer("encoder").get_layer("norm")
    norm.trainable = False
    before = values(norm)
    model.get_layer("encoder").get_layer("inner").trainable = False
    features = Model(model.get_layer("encoder").input, model.get_layer("encoder").output)
    expected = features(x, training=False)
    model.fit(10 * x + 3, y, epochs=2, verbose=0)
    assert all(same(before, norm))
    torch.testing.assert_close(features(x, training=True), expected)


def test_a_frozen_layer_of_pytorch_is_frozen_too():
    x, y = rows()
    inputs = Input((4,))
    inner = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8))
    layer = lamina.layers.TorchModule(inner, name="inner")
    model = Model(inputs, Dense(1)(layer(inputs)))
    model.compile("adam", "mse")
    layer.trainable = False
    before = {name: tensor.clone() for name, tensor in inner.state_dict().items()}
    model.fit(x, y, epochs=2, verbose=0)
    assert all(torch.equal(before[name], tensor) for name, tensor in inner.state_dict().items())


def test_weight_decay_and_regularizers_leave_frozen_weights_alone():
    x, y = rows()
    model = Sequential([Input((4,)), Dense(4, kernel_regularizer="l2", name="a"), Dense(1, name="b")])
    model.compile(lamina.optimizers.AdamW(0.1, weight_decay=0.5), "mse")
    a = model.get_layer("a")
    a.trainable = False
    before = values(a)
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert all(same(before, a))
    error = np.square(model.predict(x) - y).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(error, rel=1e-5)
    assert len(history["loss"]) == 2
