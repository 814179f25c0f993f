"""Weights that no gradient reaches are told of after the first step; those that are left out on purpose are not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers

X = np.random.default_rng(0).random((20, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


class Detaches(layers.Layer):
    def call(self, x: Any) -> Any:
        return x.detach() * 2


class NoGrad(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x: Any) -> Any:
        with torch.no_grad():
            return self.dense(x)


class Own(lamina.Model):
    def __init__(self, detaches: bool) -> None:
        super().__init__()
        self.hidden, self.last, self.detaches = layers.Dense(3), layers.Dense(1), detaches

    def call(self, x: Any) -> Any:
        h = self.hidden(x)
        return self.last(h.detach() if self.detaches else h)


def told(model: Any, loss: Any = "mse", y: Any = Y) -> list[str]:
    model.compile("sgd", loss)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(X, y, verbose=0, epochs=2, batch_size=10)
        model.train_on_batch(X, y)
    return [str(warning.message) for warning in seen]


def two_heads() -> Any:
    x = layers.Input((4,))
    h = layers.Dense(3)(x)
    return lamina.Model(x, [layers.Dense(1, name="a")(h), layers.Dense(1, name="b")(h)])


@pytest.mark.parametrize(
    "make, names",
    [
        (lambda: lamina.Sequential([layers.Input((4,)), layers.Dense(3), Detaches(), layers.Dense(1)]), "dense/kernel"),
        (lambda: lamina.Sequential([layers.Input((4,)), NoGrad(), layers.Dense(1)]), "no_grad/dense/kernel"),
        (lambda: Own(True), "hidden/kernel, hidden/bias of"),
    ],
)
def test_weights_that_no_gradient_reaches_are_told_of_once(make: Any, names: str) -> None:
    (message,) = told(make())
    assert names in message
    assert "detach()" in message


def test_weights_without_a_loss_are_silent() -> None:
    assert not told(two_heads(), {"a": "mse"}, {"a": Y})
    x = layers.Input((4,))
    first, _ = two_heads()(x)
    assert not told(lamina.Model(x, first))
    assert not told(Own(False))
    frozen = lamina.Sequential([layers.Input((4,)), layers.Dense(3), Detaches(), layers.Dense(1)])
    frozen.layers[0].trainable = False
    assert not told(frozen)
