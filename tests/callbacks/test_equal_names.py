"""Callbacks that set learning rates reach every optimizer, two of one name too."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import callbacks, layers
from lamina.optimizers import SGD, MultiOptimizer

X, Y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def model_of(*rates):
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(2), layers.Dense(2), layers.Dense(1)])
    made = {weight.path.partition("/")[0]: SGD(rate) for weight, rate in zip(model.weights[::2], rates, strict=True)}
    model.compile(MultiOptimizer(lambda weight: made[weight.path.partition("/")[0]]), "mse")
    return model, list(made.values())


@pytest.mark.parametrize("names", [["sgd", "sgd", "sgd"], ["a", "sgd", "sgd"]])
def test_a_schedule_changes_each(names):
    model, made = model_of(0.1, 0.2, 0.4)
    for optimizer, name in zip(made, names, strict=True):
        optimizer.name = name
    history = model.fit(X, Y, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)])
    assert [float(optimizer.learning_rate) for optimizer in made] == [0.05, 0.1, 0.2]
    logged = sorted(v[0] for name, v in history.history.items() if name.startswith("learning_rate"))
    assert logged == pytest.approx([0.05, 0.1, 0.2])


def test_so_does_a_plateau():
    model, made = model_of(0.1, 0.2, 0.4)
    plateau = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1e9)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[plateau])
    assert len({float(o.learning_rate) / r for o, r in zip(made, (0.1, 0.2, 0.4), strict=True)}) == 1
    assert float(made[0].learning_rate) < 0.1
