"""A layer whose first call is under `vmap`, `grad` or `jvp` makes weights that are its own, and stay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lamina import Model, Sequential, layers


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = layers.Dense(5), layers.BatchNormalization(), nn.Linear(5, 2)

    def call(self, x):
        return self.last(self.norm(self.first(x)))


class BuildsTorch(layers.Layer):
    def build(self, input_shape):
        self.inner = nn.Linear(input_shape[-1], 2)

    def call(self, x):
        return self.inner(x)


MAKERS = {
    "dense": lambda: layers.Dense(3),
    "two": lambda: Sequential([layers.Dense(3), layers.LayerNormalization()]),
    "recurrent": lambda: Sequential([layers.Reshape((2, 2)), layers.LSTM(3)]),
    "wrapped": lambda: Sequential([layers.Reshape((2, 2)), layers.TimeDistributed(layers.Dense(3))]),
    "subclassed": Subclassed,
    "a module of PyTorch's in build": BuildsTorch,
}
TRANSFORMS = {
    "vmap": lambda run, x: torch.vmap(run)(x),
    "vmap, random": lambda run, x: torch.vmap(run, randomness="different")(x),
    "grad": lambda run, x: torch.func.grad(lambda t: run(t).sum())(x[0]),
    "jvp": lambda run, x: torch.func.jvp(run, (x[0],), (x[0],)),
    "vmap of grad": lambda run, x: torch.vmap(torch.func.grad(lambda t: run(t).sum()))(x),
}


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", MAKERS)
def test_weights_outlast_the_transform(name, transform):
    layer, x = MAKERS[name](), torch.randn(3, 2, 4)
    first = TRANSFORMS[transform](layer, x)
    again = TRANSFORMS[transform](layer, x)
    torch.testing.assert_close(first, again)
    weights = list(layer.parameters())
    assert weights
    assert all(w.is_leaf and not torch._C._functorch.is_functorch_wrapped_tensor(w) for w in weights)
    layer(x[0]).square().sum().backward()
    assert all(weight.grad is not None for weight in weights)


def test_a_build_that_fails_leaves_the_transform_at_work():
    class Fails(layers.Layer):
        def build(self, input_shape):
            raise ValueError("no weights")

    seen = []

    def run(x):
        with pytest.raises(ValueError, match="no weights"):
            Fails()(x)
        seen.append(tuple(x.shape))
        return x.sum()

    assert torch.vmap(run)(torch.ones(3, 2, 4)).shape == (3,)
    assert seen == [(2, 4)]
