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
