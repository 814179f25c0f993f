"""Training under policies: a small real problem learned as well, float64 throughout, float16 with a scaled loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import lamina
from lamina import config, layers, mixed_precision


def digits():
    data = load_digits()
    x = (data.images / 16.0).astype("float32")[..., None]
    return train_test_split(x, data.target.astype("int64"), test_size=0.25, random_state=0)


def network(policy):
    config.set_dtype_policy(policy)
    torch.manual_seed(0)
    x = lamina.Input((8, 8, 1))
    h = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    h = layers.BatchNormalization(momentum=0.9)(h)
    h = layers.MaxPooling2D()(h)
    h = layers.Dropout(0.1)(layers.Flatten()(h))
    h = layers.LayerNormalization()(layers.Dense(32, activation="relu")(h))
    return lamina.Model(x, layers.Dense(10, activation="softmax", dtype="float32")(h))


def test_mixed_precision_learns_as_well_as_float32():
    x, x_test, y, y_test = digits()
    reached = {}
    for policy in ("float32", "mixed_bfloat16"):
        model = network(policy)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y, epochs=10, batch_size=64, verbose=0)
        reached[policy] = model.evaluate(x_test, y_test, verbose=0, return_dict=True)["accuracy"]
        assert {weight.dtype for weight in model.weights} == {torch.float32}
        assert model.predict(x_test[:2], verbose=0).dtype == np.float32
    assert reached["float32"] > 0.95
    assert reached["mixed_bfloat16"] > reached["float32"] - 0.02


def test_a_pure_half_wide_model_learns():
    x, _, y, _ = digits()
    model = network("bfloat16")
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(x, y, epochs=4, batch_size=64, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert {weight.dtype for weight in model.layers[1].weights} == {torch.bfloat16}


def test_float64_from_the_input_to_the_loss():
    config.set_floatx("float64")
    x = lamina.Input((4,))
    model = lamina.Model(x, layers.Dense(1)(layers.LSTM(3)(layers.Reshape((2, 2))(x))))
    model.compile(lamina.optimizers.SGD(0.1), "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    data, target = rng.normal(size=(16, 4)), rng.normal(size=(16, 1))
    assert {weight.dtype for weight in model.weights} == {torch.float64}
    before = model.predict(data, verbose=0)
    assert before.dtype == np.float64
    scores = model.evaluate(data, target, batch_size=16, verbose=0, return_dict=True)
    np.testing.assert_allclose(scores["loss"], ((before - target) ** 2).mean(), rtol=1e-12)
    np.testing.assert_allclose(scores["mae"], abs(before - target).mean(), rtol=1e-12)
    bias = model.layers[-1].bias.numpy().copy()
    model.fit(data, target, batch_size=16, epochs=1, verbose=0)
    step = 0.1 * 2 * (before - target).mean()
    np.testing.assert_allclose(model.layers[-1].bias.numpy(), bias - step, rtol=1e-12)


@pytest.mark.parametrize(
    "policy, head, due",
    [("mixed_float16", "float32", True), ("mixed_bfloat16", "float32", False), ("float16", "float32", False),
     ("float32", "float32", False), ("float32", "mixed_float16", True)],
)  # fmt: skip
def test_which_models_need_a_scaled_loss(policy, head, due):
    x = lamina.Input((4,))
    model = lamina.Model(x, layers.Dense(1, dtype=head)(layers.Dense(3, dtype=policy)(x)))
    assert mixed_precision.needs_loss_scaling(model) is due
    assert mixed_precision.needs_loss_scaling(lamina.Sequential([layers.Dense(1, dtype=head), model])) is due


def test_an_input_alone_needs_none():
    config.set_dtype_policy("mixed_float16")
    x = lamina.Input((4,))
    model = lamina.Model(x, layers.Dense(1, dtype="float32")(x))
    assert not mixed_precision.needs_loss_scaling(model)


def test_gradients_that_float16_cannot_hold_are_kept_by_a_scaled_loss():
    x = lamina.Input((4,))
    model = lamina.Model(x, layers.Dense(1, dtype="mixed_float16")(x))
    data = torch.full((2, 4), 1e-3)
    found = []
    for scale in (1.0, 2.0**14):
        model.zero_grad()
        (model(data).float().mean() * 1e-5 * scale).backward()
        found.append(model.layers[1].kernel.grad / scale)
    assert found[0].abs().max() == 0
    torch.testing.assert_close(found[1], torch.full((4, 1), 1e-8), rtol=0.01, atol=0.0)
