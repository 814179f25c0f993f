"""Tensors that need gradients: parameters in lists are weights, plain tensors are told of."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers

X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


class Listed(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scales = [torch.nn.Parameter(torch.ones(4)) for _ in range(2)]
        self.table = {"a": (torch.nn.Parameter(torch.ones(4)),)}

    def call(self, x: Any) -> Any:
        return x * self.scales[0] * self.scales[1] * self.table["a"][0]


class FromInit(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.scales: list[Any] = []
        self.scales.append(torch.nn.Parameter(torch.ones(4)))
        self.net = layers.Dense(4)
        self.of_net = list(torch.nn.Linear(4, 4).parameters())

    def call(self, x: Any) -> Any:
        return self.net(x * self.scales[0] @ self.of_net[0] + self.of_net[1])


class Plain(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.w = torch.ones(4, requires_grad=True)

    def call(self, x: Any) -> Any:
        return x * self.w


class PlainListed(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.ws = {"w": [torch.ones(4, requires_grad=True)]}

    def call(self, x: Any) -> Any:
        return x * self.ws["w"][0]


class OfTorch(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = [torch.nn.Parameter(torch.ones(4))]

    def forward(self, x: Any) -> Any:
        return x * self.w[0]


def compiled(layer: Any, optimizer: Any = "sgd") -> Any:
    model = lamina.Sequential([layers.Input((4,)), layer, layers.Dense(1)])
    model.compile(optimizer(model) if callable(optimizer) else optimizer, "mse")
    return model


@pytest.mark.parametrize("kind, count", [(Listed, 3), (FromInit, 5)])
def test_parameters_in_lists_are_trained_and_saved(kind: Any, count: int, tmp_path: Path) -> None:
    layer = kind()
    model = compiled(layer)
    before = layer.scales[0].detach().clone()
    model.fit(X, Y, verbose=0)
    assert not torch.equal(layer.scales[0], before)
    assert len(layer.weights) == len(layer.trainable_weights) == count
    path = tmp_path / "m.lamina"
    model.save(path)
    loaded = lamina.models.load_model(path, custom_objects={kind.__name__: kind})
    np.testing.assert_allclose(loaded.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    assert torch.equal(loaded.layers[0].scales[0], layer.scales[0])


@pytest.mark.parametrize(
    "make, name",
    [
        (Plain, "self.w,"),
        (PlainListed, "self.ws['w'][0],"),
        (lambda: layers.TorchModule(OfTorch()), "self.w[0],"),
    ],
)
def test_a_tensor_that_nobody_trains_is_told_of_once(make: Any, name: str) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model = compiled(make())
        model.fit(X, Y, epochs=2, verbose=0)
        model.train_on_batch(X, Y)
    (message,) = [str(warning.message) for warning in seen]
    assert "needs gradients" in message
    assert name in message


def test_a_tensor_that_the_optimizer_holds_is_silent() -> None:
    layer = Plain()
    compiled(layer, lambda model: torch.optim.SGD([*model.parameters(), layer.w], lr=0.1)).fit(X, Y, verbose=0)
    assert not torch.equal(layer.w, torch.ones(4))
