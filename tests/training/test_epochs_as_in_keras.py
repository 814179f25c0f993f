"""How many batches an epoch has, what callbacks are told at the end, and who may stop: compared with Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import lamina

X = np.arange(40, dtype="float32").reshape(10, 4) / 40
Y = X.sum(1, keepdims=True) * 2


def model_of(library: Any, **compiled: Any) -> Any:
    model = library.Sequential([library.Input((4,)), library.layers.Dense(1, kernel_initializer="ones")])
    model.compile(library.optimizers.SGD(0.1), "mse", **compiled)
    return model


def heard(library: Any, **hooks: Any) -> Any:
    callback = library.callbacks.Callback()
    for name, hook in hooks.items():
        setattr(callback, name, hook)
    return callback


@pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:The data ended after")
@pytest.mark.parametrize("batch_size", [2, 3, 5])
@pytest.mark.parametrize("steps", [None, 1, 2, 3, 4, 5, 7])
def test_an_epoch_goes_on_where_the_last_stopped_and_ends_with_the_data(steps: int | None, batch_size: int) -> None:
    def run(library: Any) -> Any:
        seen: list[int] = []
        told = heard(library, on_train_batch_end=lambda batch, logs=None: seen.append(batch))
        options = {"batch_size": batch_size, "steps_per_epoch": steps, "epochs": 5, "shuffle": False, "verbose": 0}
        history = model_of(library).fit(X, Y, callbacks=[told], **options).history
        return seen, history["loss"]

    (ours, our_loss), (theirs, their_loss) = run(lamina), run(keras)
    assert ours == theirs
    np.testing.assert_allclose(our_loss, their_loss, rtol=1e-4)


class Pieces:
    """The same rows as arrays, a DataLoader, a PyDataset and a function that begins a generator."""

    @staticmethod
    def arrays(_: Any) -> Any:
        return X, Y

    @staticmethod
    def loader(_: Any) -> Any:
        return DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=3)

    @staticmethod
    def by_index(library: Any) -> Any:
        class Rows(library.utils.PyDataset):  # type: ignore[misc]  # a base that is chosen
            def __len__(self) -> int:
                return 4

            def __getitem__(self, i: int) -> Any:
                return X[i * 3 : i * 3 + 3], Y[i * 3 : i * 3 + 3]

        return Rows()


@pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:The data ended after", "ignore:.*has nothing")
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", ["arrays", "loader", "by_index"])
def test_every_validation_is_of_the_same_first_batches(kind: str, steps: int) -> None:
    """Numbers of other rows in each epoch would tell nothing of how the model does."""

    def run(library: Any) -> Any:
        held = getattr(Pieces, kind)(library)
        size = {"validation_batch_size": 3} if kind == "arrays" else {}
        options = {"validation_steps": steps, "epochs": 4, "shuffle": False, "verbose": 0, **size}
        return model_of(library).fit(X, Y, validation_data=held, **options).history["val_loss"]

    np.testing.assert_allclose(run(lamina), run(keras), rtol=1e-4)


def test_a_generator_that_begins_anew_validates_on_the_same_batches() -> None:
    rows = iter(range(100))

    def batches() -> Any:
        for i in range(3):
            next(rows)
            yield X[i : i + 1], Y[i : i + 1]

    model = model_of(lamina)
    model.trainable = False
    with pytest.warns(UserWarning, match="nothing to train"):
        losses = model.fit(X, Y, validation_data=batches, validation_steps=2, epochs=3, verbose=0).history["val_loss"]
    assert losses == [losses[0]] * 3


def test_what_is_told_when_training_ends() -> None:
    def run(library: Any) -> Any:
        told: dict[str, Any] = {}
        callback = heard(library, on_train_end=lambda logs=None: told.update(logs or {}))
        model = model_of(library, metrics=["mae"])
        model.fit(X, Y, validation_data=(X, Y), epochs=2, shuffle=False, verbose=0, callbacks=[callback])
        return told

    ours, theirs = run(lamina), run(keras)
    assert sorted(ours) == sorted(theirs) == ["loss", "mae", "val_loss", "val_mae"]
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-4)


def test_evaluation_and_prediction_stop_when_they_are_told() -> None:
    for library in (lamina, keras):
        model, tested = model_of(library), []

        def after_test(batch: int, logs: Any = None, model: Any = model, tested: list[int] = tested) -> None:
            tested.append(batch)
            model.stop_evaluating = batch == 1

        def after_predict(batch: int, logs: Any = None, model: Any = model) -> None:
            model.stop_predicting = batch == 2

        stops = heard(library, on_test_batch_end=after_test, on_predict_batch_end=after_predict)
        model.evaluate(X, Y, batch_size=2, verbose=0, callbacks=[stops])
        assert tested == [0, 1]
        assert model.predict(X, batch_size=2, verbose=0, callbacks=[stops]).shape == (6, 1)
        # The next one begins afresh.
        assert len(model.predict(X, batch_size=2, verbose=0)) == 10


def test_an_endless_generator_can_be_stopped() -> None:
    def forever() -> Any:
        while True:
            yield X[:2]

    model = model_of(lamina)

    def after(batch: int, logs: Any = None) -> None:
        model.stop_predicting = batch == 3

    assert model.predict(forever(), verbose=0, callbacks=[heard(lamina, on_predict_batch_end=after)]).shape == (8, 1)


def test_a_compiled_model_has_its_loss_among_its_metrics() -> None:
    model = model_of(lamina, metrics=["mae"])
    (loss,) = model.metrics
    assert loss.name == "loss"
    model.fit(X, Y, verbose=0)
    assert model.metrics[0] is loss
    assert float(loss.result()) > 0
    assert lamina.Sequential([lamina.layers.Dense(1)]).metrics == []
