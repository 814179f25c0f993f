"""A loop that forgets `model.train()` is told so, once, with its line; nobody else is."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import pytest
import torch
from torch import nn

from lamina import Input, Model, Sequential, layers, optimizers
from lamina.layers.mode_watch import differs_in_training

X, Y = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)), torch.zeros(8, 1)


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


class LazyParent(Parent):
    """Whose last module has no weights yet when the layer in the middle is called first."""

    def __init__(self, middle):
        super().__init__(middle)
        self.last = nn.LazyLinear(1)


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
    "parent, lazy": lambda: LazyParent(layers.Dropout(0.5)),
    "parent, model": lambda: Parent(Sequential([layers.Dense(5), layers.Dropout(0.5)])),
    "bare module": lambda: Model.from_module(nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))),
}


def with_frozen_first(model):
    model.layers[1].trainable = False
    return model


def torch_loop(model, steps=3, optimizer=torch.optim.SGD, **call):
    model(X)
    optimizer = optimizer([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(X, **call) - Y).square().mean().backward()
        optimizer.step()


def own_loop(model, steps=3, optimizer=None, **call):
    model(X)
    optimizer = optimizer or optimizers.Adam()
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


OPTIMIZERS = {
    "each weight": lambda p, lr: torch.optim.Adam(p, lr, foreach=False),
    "all at once": lambda p, lr: torch.optim.Adam(p, lr, foreach=True),
    "fused": lambda p, lr: torch.optim.Adam(p, lr, fused=True),  # whose writes PyTorch does not count
    "SGD, fused": lambda p, lr: torch.optim.SGD(p, lr, fused=True),
    "some weights": lambda p, lr: torch.optim.SGD(p[2:3], lr),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_steps_of_any_optimizer_tell(optimizer):
    with pytest.warns(UserWarning, match="is in inference mode") as caught:
        torch_loop(drawn(layers.Dropout(0.5)), 2, OPTIMIZERS[optimizer])
    assert len(caught) == 1


def is_plain(kind):
    wraps_others = (optimizers.Optimizer, optimizers.LossScaleOptimizer, optimizers.MultiOptimizer)
    return isinstance(kind, type) and issubclass(kind, optimizers.Optimizer) and kind not in wraps_others


@pytest.mark.parametrize("name", [name for name in optimizers.__all__ if is_plain(getattr(optimizers, name))])
def test_two_steps_of_any_optimizer_of_ours_tell(name):
    with pytest.warns(UserWarning, match="is in inference mode"):
        own_loop(drawn(layers.Dropout(0.5)), 2, getattr(optimizers, name)())


@torch.no_grad()
def in_place(p):
    p.add_(p.grad, alpha=-0.1)


def through_data(p):
    p.data -= 0.1 * p.grad


def by_hand(model, change, steps=2):
    for _ in range(steps):
        model.zero_grad()
        (model(X) - Y).square().mean().backward()
        for p in model.parameters():
            change(p)


@pytest.mark.parametrize("change", [in_place, through_data])
def test_training_by_hand_is_training(change):
    with pytest.warns(UserWarning, match="is in inference mode"):
        by_hand(drawn(layers.Dropout(0.5)), change)


class TwoParts(Model):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.norm, self.last = (
            layers.Dense(5), layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(1)
        )  # fmt: skip

    def call(self, x):
        return self.last(self.norm(self.drop(self.first(x))))


@pytest.mark.parametrize("make", [
    TwoParts,
    lambda: Parent(nn.Sequential(layers.Dropout(0.5), layers.BatchNormalization())),
    lambda: Parent(Sequential([layers.Dense(5), layers.Dropout(0.5), layers.BatchNormalization()])),
    lambda: nn.Sequential(drawn(layers.Dropout(0.5)), drawn_of(1, layers.Dropout(0.5))),
])  # fmt: skip
@pytest.mark.parametrize("loop", [torch_loop, own_loop])
def test_one_warning_is_enough_for_a_model(make, loop):
    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loop(model, 4)
        loop(model, 4)
    assert len(caught) == 1


def drawn_of(width, layer):
    x = Input((width,))
    return Model(x, layers.Dense(1)(layer(layers.Dense(5)(x))))


def test_frozen_first_layers_that_were_not_built():
    model = Subclassed()
    model.first.trainable = False
    model(X)
    with pytest.warns(UserWarning, match="is in inference mode"):
        torch_loop(model)


def test_nothing_is_left_once_it_is_answered():
    warned, told, looked_at = drawn(layers.Dropout(0.5)), drawn(layers.Dropout(0.5)), drawn(layers.Dropout(0.5))
    with pytest.warns(UserWarning, match="is in inference mode"):
        torch_loop(warned)
    told(X)
    torch_loop(told.train())
    assert not any(w._backward_hooks for model in (warned, told) for w in model.parameters())
    looked_at(X)
    hooks = [len(w._backward_hooks) for w in looked_at.parameters()]
    for _ in range(3):
        looked_at(X).sum().backward()
    assert [len(w._backward_hooks) for w in looked_at.parameters()] == hooks == [1] * 4


def loaded(model, state):
    model.load_state_dict(state)


def set_by_arrays(model, state):
    model.set_weights([w + 0.1 for w in model.get_weights()])


def set_in_one_layer(model, state):
    layer = next(m for m in model.modules() if isinstance(m, layers.Dense))
    layer.set_weights([w + 0.1 for w in layer.get_weights()])


@pytest.mark.parametrize("change", [loaded, set_by_arrays, set_in_one_layer])
@pytest.mark.parametrize("make", [lambda: drawn(layers.Dropout(0.5)), Subclassed])
def test_other_weights_are_no_training(make, change, tmp_path):
    model = make()
    model(X)
    state = {k: v.clone() + 0.1 for k, v in model.state_dict().items()}
    for _ in range(4):
        model(X).sum().backward()
        change(model, state)
    with pytest.warns(UserWarning, match="is in inference mode"):
        torch_loop(model)


def test_weights_from_a_file_are_no_training(tmp_path):
    model = drawn(layers.Dropout(0.5))
    model.save_weights(tmp_path / "w.safetensors")
    for _ in range(4):
        model(X).sum().backward()
        model.load_weights(tmp_path / "w.safetensors")


def test_a_copy_of_a_model_that_was_called_is_told_too():
    model = drawn(layers.Dropout(0.5))
    model(X).sum().backward()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with pytest.warns(UserWarning, match="is in inference mode"):
            torch_loop(twin)
    torch.save(model, io.BytesIO())
    parent = Parent(layers.Dropout(0.5))
    parent(X).sum().backward()
    pickle.dumps(parent), torch.save(parent, io.BytesIO())


def test_layers_alone_that_a_function_calls():
    first, drop, last = layers.Dense(5), layers.Dropout(0.5), layers.Dense(1)

    def model(x):
        return last(drop(first(x)))

    model.parameters = lambda: [*first.parameters(), *last.parameters()]
    with pytest.warns(UserWarning, match="is in inference mode"):
        torch_loop(model)


@pytest.mark.parametrize("kind", ["drawn", "subclassed"])
def test_under_a_mixed_policy(kind):
    model = {"drawn": mixed_drawn, "subclassed": MixedSubclass}[kind]("mixed_bfloat16")
    with pytest.warns(UserWarning, match="is in inference mode") as caught:
        torch_loop(model, 4)
    assert len(caught) == 1


def mixed_drawn(policy):
    x = Input((4,))
    h = layers.BatchNormalization(dtype=policy)(layers.Dense(5, dtype=policy)(x))
    return Model(x, layers.Dense(1, dtype="float32")(layers.Dropout(0.5, dtype=policy)(h)))


class MixedSubclass(Model):
    def __init__(self, policy):
        super().__init__(dtype=policy)
        self.first, self.drop = layers.Dense(5, dtype=policy), layers.Dropout(0.5, dtype=policy)
        self.last = layers.Dense(1, dtype="float32")

    def call(self, x):
        return self.last(self.drop(self.first(x)))


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


@pytest.mark.parametrize("train", [
    lambda model: model.train_on_batch(X, Y),
    lambda model: model.fit(X, Y, verbose=0),
])  # fmt: skip
@pytest.mark.parametrize("middle", [lambda: [layers.Dropout(0.5)], lambda: [layers.BatchNormalization()]])
def test_a_look_at_gradients_between_steps_that_set_the_mode(middle, train):
    model = drawn(*middle())
    model.compile("adam", "mse")
    for _ in range(3):
        model(X).sum().backward()
        train(model)


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
