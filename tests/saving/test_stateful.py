"""Recurrent layers that remember: loaded, predicted with, reset and trained, as if they had never been in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Input, Model, layers

MAKE = {
    "gru": lambda: layers.GRU(3, stateful=True),
    "lstm": lambda: layers.LSTM(3, stateful=True),
    "simple": lambda: layers.SimpleRNN(3, stateful=True),
    "cells": lambda: layers.RNN([layers.GRUCell(4), layers.LSTMCell(3)], stateful=True),
    "both ways": lambda: layers.Bidirectional(layers.GRU(3, stateful=True)),
    "pictures": lambda: layers.ConvLSTM1D(2, 2, stateful=True),
}


def made(kind: str, batch: int | None) -> tuple[Any, np.ndarray]:
    shape = (5, 6, 3) if kind == "pictures" else (5, 3)
    x = Input(shape, batch_size=batch)
    model = Model(x, layers.Dense(1)(layers.Flatten()(MAKE[kind]()(x))))
    model.compile("sgd", "mse")
    return model, np.linspace(-1, 1, 4 * int(np.prod(shape)), dtype="float32").reshape(4, *shape)


@pytest.mark.parametrize("suffix", [".lamina", ".keras", ".h5"])
@pytest.mark.parametrize("kind", MAKE)
def test_a_loaded_layer_remembers_as_the_saved_one(kind: str, suffix: str, tmp_path: Path) -> None:
    model, x = made(kind, 4)
    model.save(tmp_path / f"m{suffix}")
    again = lamina.models.load_model(tmp_path / f"m{suffix}")
    for _ in range(2):  # the second time from the states of the first
        assert torch.equal(torch.as_tensor(again(x)), torch.as_tensor(model(x)))


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("kind", MAKE)
def test_after_predict_states_can_be_reset_and_trained_on(kind: str, batch: int | None, tmp_path: Path) -> None:
    model, x = made(kind, batch)
    model.save(tmp_path / "m.lamina")
    again = lamina.models.load_model(tmp_path / "m.lamina")
    first = again.predict(x, verbose=0)
    for layer in again.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    np.testing.assert_array_equal(again.predict(x, verbose=0), first)
    again.fit(x, np.ones((4, 1), "float32"), batch_size=4, verbose=0)
