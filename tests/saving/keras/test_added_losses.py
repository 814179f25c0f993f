"""Terms of the loss in a graph: Keras has no place for them, and gets what the model predicts."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

from lamina import Input, Model, layers, models
from lamina.saving import SavingError

ROWS = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


def one_output():
    x = Input((4,))
    code = layers.Dense(3)(x)
    model = Model(x, layers.Dense(4, name="drawn")(code))
    model.add_loss(torch.cdist(code, code), name="spread")  # a function that Keras does not have
    model.add_loss((code**2).mean())
    return model


def dict_of_outputs():
    x = Input((4,))
    code = layers.Dense(3)(x)
    model = Model(x, {"b": layers.Dense(4)(code), "a": code})
    model.add_loss(code.abs())
    return model


def nested():
    x = Input((4,))
    return Model(x, layers.Dense(2)(one_output()(x)))


def layer_of_the_loss_alone():
    x = Input((4,))
    code = layers.Dense(3)(x)
    model = Model(x, layers.Dense(4)(code))
    model.add_loss(layers.Dense(1, name="critic")(layers.Dense(5, name="features")(code)))
    return model


@pytest.mark.parametrize("make", [one_output, dict_of_outputs, nested])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_keras_predicts_the_same(make, ending, tmp_path):
    model = make()
    with pytest.warns(UserWarning, match="saved for Keras without") as told:
        model.save(tmp_path / f"m.{ending}")
    assert "the loss '" in str(told[0].message)
    assert "test_added_losses.py:" in str(told[0].message)
    wanted = model.predict(ROWS, verbose=0)
    for load in (keras.models.load_model, models.load_model):
        got = load(tmp_path / f"m.{ending}").predict(ROWS, verbose=0)
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_weights_of_the_loss_alone_are_not_lost(ending, tmp_path):
    with pytest.raises(SavingError, match='Dense "features" cannot be written for Keras: only a loss'):
        layer_of_the_loss_alone().save(tmp_path / f"m.{ending}")


def test_training_goes_on_in_keras(tmp_path):
    model = one_output()
    model.compile("adam", "mse")
    model.fit(ROWS, ROWS, verbose=0)
    with pytest.warns(UserWarning, match="saved for Keras without"):
        model.save(tmp_path / "m.keras")
    theirs = keras.models.load_model(tmp_path / "m.keras")
    assert int(theirs.optimizer.iterations) == 1
    theirs.fit(ROWS, ROWS, verbose=0)
