"""Inputs that lead to no output, and structures that say the same: Keras takes both."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers

A, B = np.ones((3, 2), "float32"), np.full((3, 4), 5.0, "float32")


def drawn(library):
    a, b = library.Input((2,), name="a"), library.Input((4,), name="b")
    return library.Model({"a": a, "b": b}, library.layers.Dense(3, kernel_initializer="ones")(a))


def test_an_unused_input_is_taken_and_left_alone(tmp_path):
    model = drawn(lamina)
    due = drawn(keras).predict({"a": A, "b": B}, verbose=0)
    np.testing.assert_allclose(model.predict({"a": A, "b": B}, verbose=0), due)
    assert model({"a": layers.Input((2,)), "b": layers.Input((4,))}).shape == (None, 3)
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="'b' leads to no output") as told:  # only now is it known: see below
        model.fit({"a": A, "b": B}, np.ones((3, 3)), verbose=0)
    assert [each.filename for each in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ending in ("lamina", "keras"):
            model.save(tmp_path / f"m.{ending}")
            loaded = lamina.models.load_model(tmp_path / f"m.{ending}")
            np.testing.assert_allclose(loaded.predict({"a": A, "b": B}, verbose=0), model({"a": A, "b": B}).detach())
        assert lamina.models.clone_model(model).input_names == ["a", "b"]
    assert "b" in str(model.program().source)


def test_an_input_that_only_an_added_loss_reads_is_used():
    a, b = layers.Input((2,)), layers.Input((4,))
    y = layers.Dense(4)(a)
    model = lamina.Model([a, b], y)
    model.add_loss(lamina.ops.mean((y - b) ** 2))
    model.compile("sgd")
    losses = model.fit([A, B], epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.predict([A, B], verbose=0).shape == (3, 4)


@pytest.mark.parametrize("given", [([A], B), [A, [B]], ((A,), (B,)), (A, B), [A, B], ((A, B),)])
def test_parts_may_stand_in_lists_of_their_own(given):
    a, b = layers.Input((2,)), layers.Input((4,))
    model = lamina.Model([a, b], layers.Concatenate()([a, b]))
    assert torch.equal(model(given), model([A, B]))


@pytest.mark.parametrize("given", [[[A, B, A]], [A], [A, B, B], [[A, B], []]])
def test_other_numbers_of_tensors_are_refused(given):
    a, b = layers.Input((2,)), layers.Input((4,))
    model = lamina.Model([a, b], layers.Concatenate()([a, b]))
    with pytest.raises(lamina.StructureError, match="another structure"):
        model(given)
