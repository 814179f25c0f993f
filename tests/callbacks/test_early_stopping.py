"""EarlyStopping in real trainings: which weights a model has afterwards, whatever ended it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError
from lamina.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint, ReduceLROnPlateau
from lamina.layers import BatchNormalization, Dense, Input
from lamina.models import Model
from tests.callbacks.fakes import FakeModel


def network():
    lamina.utils.set_random_seed(3)
    x = Input((4,))
    hidden = BatchNormalization(momentum=0.5)(Dense(8, activation="relu")(x))
    model = Model(x, Dense(1)(hidden))
    model.compile(lamina.optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def data(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 4, generator=generator)
    return x, x.sum(1, keepdim=True) + torch.randn(rows, 1, generator=generator)


class At(Callback):
    """Does something in the middle of an epoch."""

    def __init__(self, epoch, what):
        super().__init__()
        self.epoch, self.what = epoch, what

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 1:
            self.what(self.model)


def interrupt(model):
    raise KeyboardInterrupt


def fail(model):
    raise OSError("the data is gone")


def stop(model):
    model.stop_training = True


@pytest.mark.parametrize(
    "patience, what, raised",
    [
        pytest.param(3, None, None, id="patience"),
        pytest.param(99, None, None, id="last epoch"),
        pytest.param(99, interrupt, KeyboardInterrupt, id="Ctrl-C"),
        pytest.param(99, fail, OSError, id="an error"),
        pytest.param(99, stop, None, id="another callback"),
    ],
)
def test_the_best_weights_are_back_whatever_ended_the_training(patience, what, raised):
    model, train, held = network(), data(24, 1), data(64, 2)
    early = EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
    run = At(9, what) if what else LambdaCallback()
    arguments = {"epochs": 16, "batch_size": 4, "verbose": 0, "validation_data": held, "callbacks": [run, early]}
    if raised:
        with pytest.raises(raised):
            model.fit(*train, **arguments)
    else:
        model.fit(*train, **arguments)
    history = model.history
    best = int(np.argmin(history.history["val_loss"]))
    assert best < len(history.epoch) - 1, "the last epoch is the best one: nothing to put back"
    assert early.best_epoch == best
    scores = model.evaluate(*held, batch_size=4, verbose=0)
    assert scores["loss"] == history.history["val_loss"][best] == early.best
    assert scores["mae"] == history.history["val_mae"][best]


def test_patience_is_counted_in_epochs():
    model, train, held = network(), data(24, 1), data(64, 2)
    early = EarlyStopping("val_loss", patience=3)
    history = model.fit(*train, epochs=40, batch_size=4, verbose=0, validation_data=held, callbacks=[early])
    best = int(np.argmin(history.history["val_loss"]))
    assert early.stopped_epoch == history.epoch[-1] == best + 3


def test_weights_are_put_back_in_place_and_kept_once():
    model = FakeModel()
    weight, mean = model.weight, model.moving_mean
    early = EarlyStopping(restore_best_weights=True)
    early.set_model(model)
    early.on_train_begin()
    early.on_epoch_end(0, {"val_loss": 0.5})
    with torch.no_grad():
        weight.fill_(7.0)
        mean.fill_(7.0)
    early.on_epoch_end(1, {"val_loss": 0.75})
    early.on_train_end()
    assert model.weight is weight
    assert weight.tolist() == mean.tolist() == [0.0, 0.0]
    assert weight.requires_grad
    assert not early.best_weights["weight"].requires_grad


def test_the_end_of_a_training_that_never_began_is_no_error():
    early = EarlyStopping(restore_best_weights=True)
    early.set_model(FakeModel())
    early.on_train_end()


def test_verbose_says_when_it_stops_and_what_it_restores(capsys):
    model = FakeModel()
    early = EarlyStopping("loss", restore_best_weights=True, verbose=1)
    early.set_model(model)
    early.on_train_begin()
    for epoch, loss in enumerate((1.0, 0.5, 0.75)):
        early.on_epoch_end(epoch, {"loss": loss})
    early.on_train_end()
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 3: early stopping",
        "Restoring model weights from the end of the best epoch: 2.",
    ]


# ---- what all callbacks that watch a number share --------------------------------------------------------------------


def watching(name, **arguments):
    path = {"filepath": "best.lamina", "save_best_only": True} if name == "ModelCheckpoint" else {}
    return {"EarlyStopping": EarlyStopping, "ReduceLROnPlateau": ReduceLROnPlateau, "ModelCheckpoint": ModelCheckpoint}[
        name
    ](**path, **arguments)


WATCHERS = ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"]


@pytest.mark.parametrize("name", WATCHERS)
def test_an_unknown_mode_is_refused(name):
    with pytest.raises(ArgumentError, match=rf"{name}\(mode=\) is unknown.\n.*got +'least'"):
        watching(name, mode="least")


@pytest.mark.parametrize("name", WATCHERS)
def test_a_missing_number_is_warned_of_once_with_those_there_are(name):
    callback, model = watching(name, monitor="val_auc"), FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    text = f"{name} watches 'val_auc', which is not in the logs. There are: loss, auc"
    with pytest.warns(UserWarning, match=text):
        callback.on_epoch_end(0, {"loss": 1.0, "auc": 0.5})
    callback.on_epoch_end(1, {"loss": 1.0, "auc": 0.5})  # a second warning would be an error


@pytest.mark.parametrize("name", WATCHERS)
def test_a_name_that_does_not_say_needs_a_mode(name):
    callback = watching(name, monitor="val_size")
    callback.set_model(FakeModel())
    callback.on_train_begin()
    with pytest.raises(ArgumentError, match="whether more or less of 'val_size' is better"):
        callback.on_epoch_end(0, {"val_size": 1.0})


@pytest.mark.parametrize("name", WATCHERS)
def test_a_misspelt_name_that_does_not_say_is_refused_though_nothing_is_there_to_compare(name):
    callback = watching(name, monitor="val_acuracy")
    callback.set_model(FakeModel())
    callback.on_train_begin()
    with pytest.raises(ArgumentError, match=r"not in the logs: loss, val_accuracy(?s:.*)try +'val_accuracy'\?"):
        callback.on_epoch_end(0, {"loss": 1.0, "val_accuracy": 0.5})


def test_early_stopping_keeps_the_best_of_what_only_answers_to_keras_names():
    class Wrapped:
        """Something around a model, no module itself."""

        stop_training, weights = False, [0]

        def get_weights(self):
            return self.weights

        def set_weights(self, weights):
            self.weights = weights

    stop = EarlyStopping(patience=2, restore_best_weights=True)
    stop.set_model(Wrapped())
    stop.on_train_begin()
    for epoch, loss in enumerate([3.0, 1.0, 2.0, 2.0]):
        stop.model.weights = [epoch]
        stop.on_epoch_end(epoch, {"val_loss": loss})
    stop.on_train_end()
    assert stop.model.stop_training
    assert stop.model.weights == [1]


@pytest.mark.parametrize("name", WATCHERS)
def test_several_numbers_are_refused(name):
    callback = watching(name, monitor="val_f1")
    callback.set_model(FakeModel())
    callback.on_train_begin()
    with pytest.raises(ArgumentError, match="watches 'val_f1', which is not one number"):
        callback.on_epoch_end(0, {"val_f1": [0.5, 0.25]})
