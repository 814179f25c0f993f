"""Callbacks that set the learning rate."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import LearningRateScheduler, ReduceLROnPlateau
from tests.callbacks.fakes import FakeModel, play


def network(library, rate):
    x = library.layers.Input((2,))
    model = library.models.Model(x, library.layers.Dense(1)(x))
    model.compile(library.optimizers.SGD(rate), "mse")
    model.set_weights([np.ones((2, 1), "float32"), np.zeros(1, "float32")])
    return model


X, Y = np.linspace(-1, 1, 16, dtype="float32").reshape(8, 2), np.ones((8, 1), "float32")


@pytest.mark.parametrize(
    "schedule",
    [lambda epoch, rate: rate * 0.5, lambda epoch: 0.5 / (epoch + 1), lambda epoch, rate: np.float32(0.25)],
    ids=["of epoch and rate", "of the epoch", "a number of NumPy's"],
)
def test_the_same_training_as_keras(schedule):
    histories = []
    for library in (lamina, keras):
        callback = library.callbacks.LearningRateScheduler(schedule)
        model = network(library, 0.5)
        run = model.fit(X, Y, epochs=4, batch_size=4, shuffle=False, verbose=0, callbacks=[callback])
        histories.append((run.history, model.get_weights()))
    (own, weights), (due, reference) = histories
    assert sorted(own) == sorted(due) == ["learning_rate", "loss"]
    for name in own:
        np.testing.assert_allclose(own[name], due[name], rtol=1e-5)
    for value, its_reference in zip(weights, reference, strict=True):
        np.testing.assert_allclose(value, its_reference, rtol=1e-5)


def test_the_logs_hold_the_rate_of_the_epoch_and_the_next_one_is_smaller():
    model, logs = FakeModel(learning_rate=1.0), [{"val_loss": 1.0} for _ in range(4)]
    list(play(ReduceLROnPlateau(patience=1, factor=0.5), list(enumerate(logs)), model))
    assert [entry["learning_rate"] for entry in logs] == [1.0, 1.0, 0.5, 0.25]


@pytest.mark.parametrize("callback", [LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau("loss")])
@pytest.mark.parametrize("rate", [lamina.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), lambda: 0.1])
def test_a_schedule_of_the_optimizer_is_refused_before_the_first_step(callback, rate):
    model = network(lamina, rate)
    text = f"{type(callback).__name__} cannot set the learning_rate: a schedule"
    with pytest.raises(ArgumentError, match=text) as told:
        model.fit(X, Y, verbose=0, callbacks=[callback])
    assert isinstance(told.value, TypeError)  # as Keras'
    assert model.get_weights()[0].tolist() == [[1.0], [1.0]]


def test_a_plain_optimizer_of_torch():
    model = network(lamina, 0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    model.compile(optimizer, "mse")
    halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
    assert model.fit(X, Y, epochs=2, verbose=0, callbacks=[halve]).history["learning_rate"] == [0.25, 0.125]
    assert optimizer.param_groups[0]["lr"] == 0.125


class Two:
    """Two optimizers in one, by the names that Keras gives this."""

    def __init__(self):
        self.optimizers = [lamina.optimizers.SGD(0.5, name="first"), lamina.optimizers.SGD(0.25, name="second")]


def test_several_optimizers_each_have_their_own(capsys):
    model, logs = FakeModel(), [{"loss": 1.0} for _ in range(3)]
    model.optimizer = Two()
    list(play(ReduceLROnPlateau("loss", patience=1, factor=0.5, min_lr=0.25, verbose=1), list(enumerate(logs)), model))
    assert logs[2]["learning_rate_first"] == 0.25
    assert logs[2]["learning_rate_second"] == 0.25
    assert capsys.readouterr().out == "Epoch 2: ReduceLROnPlateau reducing learning rate_first to 0.25.\n"


@pytest.mark.parametrize("rate", ["fast", None, float("nan"), -1.0, True])
def test_what_is_no_rate_is_refused(rate):
    scheduler, model = LearningRateScheduler(lambda epoch: rate), FakeModel()
    scheduler.set_model(model)
    with pytest.raises(ArgumentError, match="gave no learning rate for epoch 3"):
        scheduler.on_epoch_begin(3)


def test_an_error_within_the_schedule_is_not_taken_for_another_signature():
    def schedule(epoch, rate):
        return rate + "x"

    scheduler, model = LearningRateScheduler(schedule), FakeModel()
    scheduler.set_model(model)
    with pytest.raises(TypeError, match="unsupported operand"):
        scheduler.on_epoch_begin(0)


def test_wrong_arguments():
    with pytest.raises(ArgumentError, match="a function of the epoch"):
        LearningRateScheduler(0.1)
    with pytest.raises(ArgumentError, match=r"factor=\) makes the learning rate smaller"):
        ReduceLROnPlateau(factor=1.0)


def test_what_the_scheduler_says(capsys):
    model = FakeModel()
    list(play(LearningRateScheduler(lambda epoch: 0.5, verbose=1), [(0, {})], model))
    assert capsys.readouterr().out == "Epoch 1: LearningRateScheduler setting learning rate to 0.5.\n"
