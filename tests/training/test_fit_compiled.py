"""``compile(jit_compile=True)``: fit through ``torch.compile``, with the numbers of a fit without it."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

import lamina
from lamina.layers import LSTM, BatchNormalization, Conv2D, Dense, Embedding, GlobalAveragePooling2D, Input
from lamina.models import Model


@pytest.fixture(autouse=True)
def quick_backend(monkeypatch):
    """What is traced is what counts here; turning it into C++ takes a minute."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))


def images():
    x = Input((8, 8, 3))
    h = BatchNormalization()(Conv2D(4, 3, activation="relu")(x))
    return Model(x, {"a": Dense(1)(h := GlobalAveragePooling2D()(h)), "b": Dense(2)(h)})


def tokens():
    x = Input((5,), dtype="int32")
    h = LSTM(4, return_sequences=True)(Embedding(9, 3, mask_zero=True)(x))
    return Model(x, Dense(3, activation="softmax")(h))


def data(kind):
    rng = np.random.default_rng(0)
    if kind is images:
        return rng.standard_normal((12, 8, 8, 3)).astype("float32"), {"a": np.ones(12), "b": np.ones((12, 2))}, "mse"
    x = rng.integers(1, 9, (12, 5)).astype("int32")
    x[:, 3:] = 0
    return x, rng.integers(0, 3, (12, 5)), "sparse_categorical_crossentropy"


@pytest.mark.parametrize("kind", [images, tokens])
def test_compiled_fit_gives_the_numbers_of_a_plain_one(kind):
    x, y, loss = data(kind)
    model = kind()
    plain = lamina.models.clone_model(model)
    plain.set_weights(model.get_weights())
    histories = []
    for each, jit in ((model, True), (plain, "auto")):
        each.compile(lamina.optimizers.SGD(0.1), loss, jit_compile=jit)
        histories.append(each.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history)
    assert "_jit" in vars(model)
    assert "_jit" not in vars(plain)
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=1e-5, err_msg=name)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_run_eagerly_wins_over_compiled():
    model = images()
    model.compile("sgd", "mse", jit_compile=True, run_eagerly=True)
    x, y, _ = data(images)
    model.fit(x, y, verbose=0)
    assert "_jit" not in vars(model)


class OfLayers(Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.end = Dense(3), Dense(2)

    def call(self, x):
        return self.end(self.hidden(x))


class WithWeight(Model):
    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2), name="kernel")

    def call(self, x):
        return x @ self.kernel


@pytest.mark.parametrize("kind", [OfLayers, WithWeight, lambda: lamina.Sequential([Dense(3), Dense(2)])])
@pytest.mark.parametrize("way, dtype", [("fit", "f8"), ("train_on_batch", "f4")])  # layers cast to their own
def test_a_model_without_weights_yet_gets_them_before_it_is_compiled(kind, way, dtype):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 4)).astype(dtype), rng.normal(size=(8, 2)).astype(dtype)
    weights, histories = None, []
    for jit in (True, "auto"):
        lamina.utils.set_random_seed(3)
        model = kind()
        model.compile(lamina.optimizers.SGD(0.1), "mse", jit_compile=jit)
        if way == "fit":
            histories.append(model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0).history["loss"])
        else:
            histories.append([float(model.train_on_batch(x, y)) for _ in range(3)])
        assert ("_jit" in vars(model)) == (jit is True)
        weights = weights or model.get_weights()
    np.testing.assert_allclose(*histories, rtol=1e-5)
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
