"""Recurrent layers in Keras' files, both ways: what the random models of test_generated.py do not hold."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from tests.saving.keras.test_generated import jitter

STEPS, IMAGES = (5, 3), (3, 6, 7, 2)


def masked(k: Any, layer: Any) -> Any:
    ids = k.layers.Input((5,), dtype="int32")
    return k.Model(ids, layer(k.layers.Embedding(4, 3, mask_zero=True)(ids)))


def chain(k: Any, shape: tuple[int, ...], *steps: Any) -> Any:
    x = y = k.layers.Input(shape)
    for step in steps:
        y = step(y)
    return k.Model(x, y)


def translator(k: Any) -> Any:
    """States out of one layer and into another."""
    x, z = k.layers.Input(STEPS), k.layers.Input((4, 2))
    _, h, c = k.layers.LSTM(4, return_state=True, name="encoder")(x)
    y = k.layers.LSTM(4, return_sequences=True, name="decoder")(z, initial_state=[h, c])
    states = k.layers.Bidirectional(k.layers.GRU(2, return_state=True), name="both")(x)[1:]
    return k.Model([x, z], [y, k.layers.Bidirectional(k.layers.GRU(2), name="again")(z, initial_state=states)])


MODELS = {
    "conv_lstm1d": lambda k: chain(
        k, (3, 7, 2), k.layers.ConvLSTM1D(3, 2, strides=2, padding="same", go_backwards=True, use_bias=False)
    ),
    "conv_lstm2d": lambda k: chain(
        k,
        IMAGES,
        k.layers.ConvLSTM2D(2, (2, 3), return_sequences=True, dropout=0.1, recurrent_dropout=0.2, seed=1),
        k.layers.BatchNormalization(),
        k.layers.Bidirectional(k.layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)),
        k.layers.ConvLSTM2D(2, 2, dilation_rate=2, unit_forget_bias=False, recurrent_activation="hard_sigmoid"),
    ),
    "conv_lstm2d channels first": lambda k: chain(
        k, (3, 2, 6, 7), k.layers.ConvLSTM2D(2, 3, data_format="channels_first", kernel_regularizer="l2")
    ),
    "conv_lstm3d": lambda k: chain(k, (2, 3, 4, 3, 2), k.layers.ConvLSTM3D(2, 2, activation="relu")),
    "zeros for masked steps": lambda k: masked(k, k.layers.LSTM(2, return_sequences=True, zero_output_for_mask=True)),
    "unrolled": lambda k: chain(k, STEPS, k.layers.SimpleRNN(2, unroll=True), k.layers.Dense(2)),
    "masked, both ways": lambda k: masked(k, k.layers.Bidirectional(k.layers.GRU(2, return_sequences=True))),
    "distributed": lambda k: chain(k, (4, *STEPS), k.layers.TimeDistributed(k.layers.LSTM(2, return_sequences=True))),
    "states": translator,
}


def data_for(model: Any) -> list[torch.Tensor]:
    rng = np.random.default_rng(2)
    data = []
    for tensor in model.inputs:
        shape = (2, *tensor.shape[1:])
        whole = "int" in str(tensor.dtype)
        data.append(torch.as_tensor(rng.integers(0, 4, shape) if whole else rng.normal(size=shape).astype("float32")))
    return data


def outputs_of(model: Any, data: list[torch.Tensor]) -> list[torch.Tensor]:
    with torch.no_grad():
        found = model(data if len(data) > 1 else data[0])
    return list(found) if isinstance(found, (list, tuple)) else [found]


@pytest.mark.quick_cases(6)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("first, second", [(keras, lamina), (lamina, keras)], ids=["in", "out"])
def test_predicts_the_same_in_the_other_library(name: str, first: Any, second: Any, tmp_path: Any) -> None:
    model = MODELS[name](first)
    jitter(model, 3)
    data = data_for(model)
    expected = outputs_of(model, data)
    model.save(tmp_path / "a.keras")
    other = second.models.load_model(tmp_path / "a.keras")
    torch.testing.assert_close(outputs_of(other, data), expected, rtol=1e-5, atol=1e-6)
    other.save(tmp_path / "b.keras")
    back = first.models.load_model(tmp_path / "b.keras")
    torch.testing.assert_close(outputs_of(back, data), expected, rtol=1e-5, atol=1e-6)
    model.save_weights(tmp_path / "a.weights.h5")
    fresh = MODELS[name](second)
    fresh.load_weights(tmp_path / "a.weights.h5")
    torch.testing.assert_close(outputs_of(fresh, data), expected, rtol=1e-5, atol=1e-6)
