"""Evaluation reads: gradients that wait, the optimizer, and the means of a training in progress are not touched."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lamina import Input, Model, Sequential, layers, metrics
from lamina.callbacks import Callback


class OwnSteps(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen = metrics.Mean(name="seen")

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        x, y = data
        loss = (self(x) - y).square().mean()
        loss.backward()
        self.optimizer.apply([p.grad for p in self.parameters()], list(self.parameters()))
        self.zero_grad()
        self.seen.update_state(loss.detach())
        return {"seen": self.seen.result()}

    def test_step(self, data):
        x, y = data
        self.seen.update_state((self(x) - y).square().mean())
        return {"seen": self.seen.result()}


class OwnLoss(Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return (y - y_pred).abs().mean()


def drawn(kind=Model):
    x = Input((3,))
    return kind(x, layers.Dense(1, kernel_regularizer="l2")(layers.Dense(4, activation="relu")(x)))


def own_steps():
    model = OwnSteps()
    model(torch.zeros(1, 3))
    return model


MODELS = {
    "drawn": drawn,
    "sequential": lambda: Sequential([Input((3,)), layers.Dense(1)]),
    "own loss": lambda: drawn(OwnLoss),
    "own steps": own_steps,
}
X, Y = np.random.default_rng(0).random((20, 3), "float32"), np.ones((20, 1), "float32")


def look(model):
    model.evaluate(X, Y, verbose=0)
    model.evaluate(X, Y, batch_size=3, verbose=0)
    model.test_on_batch(X, Y)
    model.predict(X)


@pytest.mark.parametrize("kind", MODELS)
def test_gradients_that_wait_stay(kind):
    """Accumulated by hand over two batches, with an evaluation in between."""
    torch.manual_seed(0)
    model = MODELS[kind]()
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = torch.from_numpy(X), torch.from_numpy(Y)

    def backward(rows):
        (model(x[rows], training=True) - y[rows]).square().mean().backward()

    backward(slice(0, 10)), backward(slice(10, 20))
    due = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    backward(slice(0, 10))
    look(model)
    backward(slice(10, 20))
    assert all(torch.equal(p.grad, g) for p, g in zip(model.parameters(), due, strict=True))


@pytest.mark.parametrize("kind", MODELS)
def test_the_optimizer_is_not_even_built(kind):
    model = MODELS[kind]()
    model.compile("adam", "mse")
    look(model)
    assert not model.optimizer.built
    assert model.optimizer.iterations == 0
    model.fit(X, Y, verbose=0)
    state = {name: t.clone() for name, t in model.optimizer.state_dict().items()}
    look(model)
    assert all(torch.equal(t, state[name]) for name, t in model.optimizer.state_dict().items())
    assert model.optimizer.iterations > 0


@pytest.mark.parametrize("kind", ["drawn", "own loss", "own steps"])
@pytest.mark.parametrize("verb", ["evaluate", "test_on_batch"])
def test_a_callback_may_evaluate_in_the_middle_of_an_epoch(kind, verb):
    """The training's own means, class weights and steps go on as if it had not."""

    class Looks(Callback):
        def on_train_batch_end(self, batch, logs=None):
            options = {"verbose": 0} if verb == "evaluate" else {}
            getattr(self.model, verb)(X[:5], np.zeros((5, 1), "float32"), **options)

    def trained(callbacks):
        torch.manual_seed(0)
        model = MODELS[kind]()
        model.compile("sgd", "mse", metrics=["mae"])
        history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, shuffle=False, callbacks=callbacks)
        return history.history, model.get_weights()

    (plain, weights), (looked, others) = trained([]), trained([Looks()])
    assert plain.keys() == looked.keys()
    assert all(plain[key] == pytest.approx(looked[key]) for key in plain)
    assert all((a == b).all() for a, b in zip(weights, others, strict=True))


def test_training_still_begins_without_what_a_loop_left_behind():
    torch.manual_seed(0)
    one, two = drawn(), drawn()
    two.set_weights(one.get_weights())
    for model in (one, two):
        model.compile("sgd", "mse")
    one(torch.from_numpy(X)).sum().backward()
    one.evaluate(X, Y, verbose=0)
    for model in (one, two):
        model.train_on_batch(X, Y)
    assert all((a == b).all() for a, b in zip(one.get_weights(), two.get_weights(), strict=True))
