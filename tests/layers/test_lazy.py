"""PyTorch's lazy modules in layers and models: their weights are made when the model is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, layers

pytestmark = pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")


class Around(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.LazyLinear(3), nn.Dropout(0.5))

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


class Users(Model):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = layers.TorchModule(nn.LazyLinear(3)), layers.Dense(2)

    def call(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x))


def functional(layer: Any, shape: tuple[int | None, ...] = (4,)) -> Model:
    x = Input(shape)
    return Model(x, layer(x))


def exchanged() -> Model:
    model = functional(layers.Dense(3, name="out"))
    model.out = nn.LazyLinear(5)
    return model


def within_another() -> Model:
    x = Input((4,))
    return Model(x, Users()(x))


CASES: dict[str, tuple[Callable[[], Model], tuple[int, ...], int]] = {
    "wrapped": (lambda: functional(layers.TorchModule(nn.LazyLinear(3))), (4,), 15),
    "in a layer": (lambda: functional(Around()), (4,), 15),
    "from_module": (lambda: Model.from_module(nn.Sequential(nn.LazyLinear(3)), inputs=(4,)), (4,), 15),
    "in a stack": (lambda: Sequential([Input((4,)), nn.LazyLinear(3)]), (4,), 15),
    "exchanged": (exchanged, (4,), 25),
    "an open window": (lambda: functional(layers.TorchModule(nn.LazyConv1d(2, 5)), (4, None)), (4, 9), 42),
    "with averages": (lambda: functional(layers.TorchModule(nn.LazyBatchNorm1d())), (4,), 17),
    "in a subclass within a model": (within_another, (4,), 23),
}


@pytest.mark.parametrize("case", CASES)
def test_they_are_made_when_drawn(case: str) -> None:
    make, shape, count = CASES[case]
    model = make()
    assert model.count_params() == count
    assert not any(isinstance(p, nn.parameter.UninitializedParameter) for p in model.parameters())
    x = torch.randn(6, *shape)
    result = model(x).detach()
    known = [(n, m) for n, m in zip(model.output_shape, result.shape, strict=True) if n is not None]
    assert all(n == m for n, m in known)
    assert len(known) > 0
    model.compile("sgd", "mse")
    model.fit(x, torch.zeros_like(result), verbose=0)


def test_drawing_leaves_averages_as_they_were() -> None:
    model = functional(layers.TorchModule(nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())))
    assert all(not w.any() for name, w in model.named_buffers() if name.endswith(("mean", "tracked")))
