"""An optimizer of PyTorch's that does not hold the model's weights is told of before its first step; so is ``.lr``."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from torch.optim import SGD

import lamina
from lamina import layers

X, Y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")


def small() -> Any:
    return lamina.Sequential([layers.Input((4,)), layers.Dense(3), layers.Dense(1)])


def told(model: Any, weights: Any, fits: int = 2) -> list[str]:
    model.compile(SGD(weights, 0.1), "mse")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(fits):
            model.fit(X, Y, verbose=0, epochs=2)
            model.train_on_batch(X, Y)
    return [str(warning.message) for warning in seen]


def test_an_optimizer_of_another_model_is_an_error_each_time() -> None:
    model, other = small(), small()
    before = [weight.copy() for weight in (*model.get_weights(), *other.get_weights())]
    model.compile(SGD(other.parameters(), 0.1), "mse")
    for run in (model.fit, model.fit, model.train_on_batch):
        with pytest.raises(lamina.ArgumentError, match="holds none of the 4 trainable weights") as error:
            run(X, Y)
        assert "dense/kernel" in str(error.value)
    for ours, due in zip((*model.get_weights(), *other.get_weights()), before, strict=True):
        assert np.array_equal(ours, due)


def test_a_replaced_head_that_the_optimizer_does_not_know_is_told_of_once() -> None:
    base = small()
    held = list(base.parameters())
    model = lamina.Model(base.inputs, layers.Dense(1, name="head")(base.layers[0].output))
    (message,) = told(model, held)
    assert "does not hold 2 of the 4 trainable weights" in message
    assert "head/kernel, head/bias" in message


def test_weights_that_are_thawed_later_are_told_of() -> None:
    model = small()
    model.layers[0].trainable = False
    assert not told(model, [p for p in model.parameters() if p.requires_grad])
    model.layers[0].trainable = True
    with pytest.warns(UserWarning, match="does not hold 2 of the 4"):
        model.fit(X, Y, verbose=0)


def test_what_is_meant_is_silent() -> None:
    whole = small()
    assert not told(whole, whole.parameters())
    frozen = small()
    frozen.layers[0].trainable = False
    assert not told(frozen, frozen.layers[1].parameters())
    generator, discriminator = lamina.Sequential([layers.Input((4,)), layers.Dense(4)]), small()
    both = lamina.Sequential([layers.Input((4,)), generator, discriminator])
    assert not told(both, generator.parameters())


@pytest.mark.parametrize("make", [lambda model: "sgd", lambda model: SGD(model.parameters(), 0.1)])
def test_lr_says_what_it_is_called(make: Any) -> None:
    model = small()
    model.compile(make(model), "mse")
    assert not hasattr(model.optimizer, "lr")
    with pytest.raises(AttributeError, match="learning_rate"):
        model.optimizer.lr  # noqa: B018
    with pytest.raises(AttributeError, match="learning_rate"):
        model.optimizer.lr = 0.0


def test_an_optimizer_of_the_users_may_have_an_lr() -> None:
    class Mine(lamina.optimizers.SGD):
        def __init__(self, lr: float) -> None:
            super().__init__(lr)
            self.lr = lr

    assert Mine(0.5).lr == 0.5
