"""A loop that forgets `model.train()` is told so, once, with its line; nobody else is."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, layers, optimizers
from lamina.layers.mode_watch import _WATCHES, differs_in_training

X, Y = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(8, 1)


@pytest.fixture(autouse=True)
def nothing_watched_before():
    _WATCHES.clear()


def drawn(*middle):
    h = x = Input((4,))
    for layer in (layers.Dense(5, activation="relu"), *middle, layers.Dense(1)):
        h = layer(h)
    return Model(x, h)


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = layers.Dense(5), layers.Dropout(0.5), layers.Dense(1)

    def call(self, x):
        return self.last(self.drop(self.first(x)))


class Parent(nn.Module):
    """In training mode from birth, as PyTorch has it: its Lamina layers are not."""

    def __init__(self, middle):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(4, 5), middle, nn.Linear(5, 1)

    def forward(self, x):
        return self.last(self.middle(torch.relu(self.first(x))))


class OwnNoise(layers.Layer):
    def call(self, x, training=None):
        return x + torch.randn_like(x) if training else x


MODELS = {
    "dropout": lambda: drawn(layers.Dropout(0.5)),
    "normalization": lambda: drawn(layers.BatchNormalization()),
    "noise": lambda: drawn(layers.GaussianNoise(0.1)),
    "own layer": lambda: drawn(OwnNoise()),
    "recurrent": lambda: drawn(layers.Reshape((5, 1)), layers.LSTM(3, dropout=0.2)),
    "both ways": lambda: drawn(layers.Reshape((5, 1)), layers.Bidirectional(layers.GRU(3, recurrent_dropout=0.2))),
    "module": lambda: drawn(layers.TorchModule(nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5)))),
    "module's normalization": lambda: drawn(layers.TorchModule(nn.BatchNorm1d(5))),
    "nested": lambda: drawn(Sequential([Input((5,)), layers.Dense(5), layers.Dropout(0.5)])),
    "frozen before it": lambda: with_frozen_first(drawn(layers.Dropout(0.5))),
    "sequential": lambda: Sequential([layers.Dense(5), layers.BatchNormalization(), layers.Dense(1)]),
    "subclassed": Subclassed,
    "parent, dropout": lambda: Parent(layers.Dropout(0.5)),
    "parent, normalization": lambda: Parent(layers.BatchNormalization()),
    "parent, model": lambda: Parent(Sequential([layers.Dense(5), layers.Dropout(0.5)])),
    "bare module": lambda: Model.from_module(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))),
}


def with_frozen_first(model):
    model.layers[1].trainable = False
    return model


def torch_loop(model, steps=3, **call):
    model(X)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(X, **call) - Y).square().mean().backward()
        optimizer.step()


def own_loop(model, steps=3, **call):
    model(X)
    optimizer = optimizers.Adam()
    weights = [p for p in model.parameters() if p.requires_grad]
    for _ in range(steps):
        loss = (model(X, **call) - Y).square().mean()
        optimizer.apply(torch.autograd.grad(loss, weights), weights)


@pytest.mark.parametrize("loop", [torch_loop, own_loop])
@pytest.mark.parametrize("kind", MODELS)
def test_a_loop_that_never_says_train_is_told_once(kind, loop):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop(MODELS[kind](), steps=4)
    assert len(caught) == 1, [str(w.message) for w in caught]
    assert "model.train()" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert f"test_mode_never_set.py:{caught[0].lineno}" in str(caught[0].message)


@pytest.mark.parametrize("kind", MODELS)
def test_whoever_sets_the_mode_hears_nothing(kind):
    for mode in (True, False):
        torch_loop(MODELS[kind]().train(mode))
        own_loop(MODELS[kind]().train(mode))
    if not kind.startswith("parent"):
        model = MODELS[kind]()
        model(X, training=True)
        torch_loop(model, training=True)


@pytest.mark.parametrize("middle", [
    lambda: [layers.Dropout(0.0)],
    lambda: [layers.GaussianNoise(0.0)],
    lambda: [layers.LayerNormalization()],
    lambda: [layers.Reshape((5, 1)), layers.LSTM(3)],
    lambda: [layers.Reshape((5, 1)), layers.Bidirectional(layers.GRU(3))],
    lambda: [layers.BatchNormalization(trainable=False)],
    lambda: [layers.Dropout(0.5, trainable=False)],
    lambda: [layers.TorchModule(nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Dropout(0.0)))],
    lambda: [layers.Activation("relu")],
])  # fmt: skip
def test_what_does_not_differ_is_no_matter(middle):
    torch_loop(drawn(*middle()))
    own_loop(drawn(*middle()))


def test_looking_at_gradients_is_no_training():
    """What a model looks at, pictures made by one, and then a fit that sets its own mode."""
    model = drawn(layers.Dropout(0.5), layers.BatchNormalization())
    x = X.clone().requires_grad_()
    for _ in range(3):
        model(x).sum().backward()  # leaves gradients in the weights, too
        torch.autograd.grad(model(x).sum(), x)
    model.zero_grad()
    picture = torch.optim.Adam([x])
    for _ in range(3):
        model(x).square().sum().backward()
        picture.step()
    model.zero_grad()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0, epochs=2)
    model.train_on_batch(X, Y)
    model.evaluate(X, Y, verbose=0), model.predict(X)


def test_a_judge_that_is_not_trained_stays_as_it_is():
    """A loss made by a model in inference mode, whose own weights nobody changes."""
    judge, made = drawn(layers.Dropout(0.5), layers.BatchNormalization()), nn.Linear(4, 4)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    for _ in range(3):
        judge(made(X)).square().mean().backward()
        optimizer.step()


def test_weights_frozen_by_hand_are_no_matter():
    base = drawn(layers.BatchNormalization())
    for weight in base.parameters():
        weight.requires_grad_(False)
    x = Input((4,))
    torch_loop(Model(x, layers.Dense(1)(base(x))))


def test_a_look_at_other_data_within_a_loop_that_says_training():
    model = drawn(layers.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        (model(X, training=True) - Y).square().mean().backward()
        optimizer.step()
        model(X)  # without no_grad


def test_only_parts_that_differ():
    assert differs_in_training(layers.Dropout(0.1))
    assert not differs_in_training(layers.Dropout(0))
    assert not differs_in_training(layers.MultiHeadAttention(1, 2))
    assert differs_in_training(layers.MultiHeadAttention(1, 2, dropout=0.1))
