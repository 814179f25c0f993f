"""Layers around layers: Wrapper, SpectralNormalization, Pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers
from lamina.graph import ArgumentError


class Twice(layers.Wrapper):
    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * self.layer.launch(inputs)


def test_a_wrapper_of_ones_own() -> None:
    wrapper = Twice(layers.Dense(3, kernel_initializer="ones"))
    x = layers.Input((2,))
    model = lamina.Model(x, wrapper(x))
    assert model(torch.ones(1, 2)).tolist() == [[4.0, 4.0, 4.0]]
    assert [weight.path for weight in model.weights] == ["twice/layer/kernel", "twice/layer/bias"]
    again = Twice.from_config(wrapper.get_config())
    assert again.layer.units == 3
    wrapper.trainable = False
    assert model.trainable_weights == []


def test_a_wrapper_of_nothing() -> None:
    with pytest.raises(ArgumentError, match=r"layer cannot be(?s:.*)Dense\(8\)"):
        Twice(torch.nn.Linear(2, 2))


# -- SpectralNormalization


def largest(kernel: torch.Tensor) -> float:
    return torch.linalg.matrix_norm(kernel.detach().reshape(-1, kernel.shape[-1]), 2).item()


@pytest.mark.parametrize(
    "inner, shape",
    [
        (lambda: layers.Dense(6), (4, 5)),
        (lambda: layers.Conv2D(6, 3), (2, 5, 5, 3)),
        (lambda: layers.Conv1DTranspose(6, 3), (2, 5, 3)),
    ],
    ids=["dense", "conv", "transpose"],
)
def test_the_largest_singular_value_becomes_one(inner: Any, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = layers.SpectralNormalization(inner())
    x = torch.randn(shape)
    before = layer(x)
    assert torch.equal(layer(x), before), "inference changes nothing"
    for _ in range(100):
        layer(x, training=True)
    assert largest(layer.kernel) == pytest.approx(1, abs=1e-3)


def test_one_step_by_hand() -> None:
    """Power iteration in float64 by NumPy, on a kernel of four axes."""
    torch.manual_seed(1)
    layer = layers.SpectralNormalization(layers.Conv2D(3, 2, use_bias=False, dtype="float64"), 2, dtype="float64")
    x = torch.randn(1, 4, 4, 2, dtype=torch.float64)
    layer(x)
    w, u = layer.kernel.numpy().reshape(-1, 3), layer.vector_u.numpy()
    kernel = w
    for _ in range(2):
        v = u @ w.T / np.linalg.norm(u @ w.T)
        u = v @ w / np.linalg.norm(v @ w)
    layer(x, training=True)
    np.testing.assert_allclose(layer.vector_u.numpy(), u, rtol=1e-12)
    np.testing.assert_allclose(layer.kernel.numpy().reshape(-1, 3), kernel / (v @ w @ u.T), rtol=1e-12)


def test_a_kernel_of_zeros_stays() -> None:
    layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="zeros"))
    layer(torch.ones(1, 3), training=True)
    assert not layer.kernel.any()
    assert torch.isfinite(layer.vector_u).all()


def test_two_calls_before_one_step_backwards() -> None:
    """A discriminator sees real and made images, then there is one gradient: that of the two kernels it had."""
    torch.manual_seed(2)
    layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False), power_iterations=3)
    real, made = torch.randn(4, 5), torch.randn(4, 5, requires_grad=True)
    layer.build((None, 5))
    layer.train()
    first = layer(real)
    second = layer(made)
    kernel = layer.kernel.detach().clone()
    (first.sum() + 2 * second.sum()).backward()
    expected = (real.sum(0) + 2 * made.detach().sum(0)).unsqueeze(1).expand(5, 3)
    torch.testing.assert_close(layer.kernel.grad, expected)
    torch.testing.assert_close(made.grad, 2 * kernel.sum(1).expand(4, 5))


@pytest.mark.parametrize("inner", [layers.Dense, layers.Embedding])
def test_mixed_precision(inner: Any) -> None:
    if inner is layers.Dense:
        layer, x = (
            layers.SpectralNormalization(layers.Dense(3, dtype="mixed_bfloat16"), dtype="mixed_bfloat16"),
            torch.randn(2, 4),
        )
    else:
        layer = layers.SpectralNormalization(layers.Embedding(5, 3, dtype="mixed_bfloat16"), dtype="mixed_bfloat16")
        x = torch.tensor([[1, 4]])
    made = layer(x, training=True)
    assert made.dtype is torch.bfloat16
    assert layer.kernel.dtype is layer.vector_u.dtype is torch.float32
    made.float().sum().backward()
    assert layer.kernel.grad.any()


def test_integers_and_masks_go_through_to_an_embedding() -> None:
    """Keras casts the vectors to the dtype of the integers, and forgets the mask."""
    layer = layers.SpectralNormalization(layers.Embedding(5, 3, mask_zero=True))
    made = layer(torch.tensor([[1, 0]]))
    assert made.dtype is torch.float32
    assert made._keras_mask.tolist() == [[True, False]]
    ids = layers.Input((2,), dtype="int32")
    assert layer(ids).mask is not None


def test_training_a_discriminator_keeps_the_norm() -> None:
    torch.manual_seed(3)
    x = layers.Input((4,))
    y = layers.SpectralNormalization(layers.Dense(8, activation="relu"))(x)
    model = lamina.Model(x, layers.SpectralNormalization(layers.Dense(1))(y))
    model.compile("sgd", "mse")
    model.fit(np.random.default_rng(0).normal(size=(64, 4)), np.ones((64, 1)), epochs=20, verbose=0)
    for layer in model.layers[1:]:
        assert largest(layer.kernel) == pytest.approx(1, abs=0.1)


# -- Pipeline


def test_a_pipeline_trains_and_infers_as_its_layers() -> None:
    steps = layers.Pipeline([layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization()])
    x = torch.ones(64, 3)
    assert not (steps(x) == 0).any()
    torch.manual_seed(0)
    trained = steps(x, training=True)
    assert steps.layers[2].moving_mean.any(), "the mode reaches the layers within"
    assert len(trained.unique(dim=0)) > 1
    assert not any(layer.training for layer in steps.layers)


def test_a_pipeline_in_a_model_is_one_node_with_its_layers_weights() -> None:
    x = layers.Input((None, 3))
    steps = layers.Pipeline([layers.Dense(4), layers.LayerNormalization()], name="steps")
    model = lamina.Model(x, steps(x))
    assert model.output_shape == (None, None, 4)
    assert model.weights[0].path == "steps/layers_0/kernel"
    assert model(torch.ones(2, 5, 3)).shape == (2, 5, 4)


def test_integers_stay_until_a_layer_casts_them() -> None:
    steps = layers.Pipeline([layers.Flatten(), layers.CategoryEncoding(2**24 + 2, "one_hot")])
    assert steps(np.array([[2**24 + 1]]))[0, -1] == 1
    x = layers.Input((2,), dtype="int64")
    assert steps(x).dtype is torch.float32


def test_a_pipeline_passes_masks_on() -> None:
    ids = torch.tensor([[1, 2, 0], [3, 0, 0]])
    embedding, lstm = layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2)
    steps = layers.Pipeline([embedding, layers.Dense(3), lstm])
    made = steps(ids)
    expected = lstm(steps.layers[1](embedding(ids)))
    torch.testing.assert_close(made, expected)
    x = layers.Input((3,), dtype="int32")
    drawn = lamina.Model(x, layers.Pipeline([steps.layers[1], lstm])(embedding(x)))
    torch.testing.assert_close(drawn(ids), expected)
    torch.testing.assert_close(lamina.Model(x, steps(x))(ids), expected)
    masked = layers.Pipeline([layers.Dense(2), layers.Activation("relu")])
    assert masked(embedding(x)).mask is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: type("Mine", (layers.Bidirectional,), {})(layers.LSTM(2)),
        lambda: type("Mine", (layers.Pipeline,), {})([layers.Rescaling(2)]),
        lambda: type("Mine", (layers.TimeDistributed,), {})(layers.Dense(2)),
        lambda: type("Mine", (layers.Dense,), {})(2),
    ],
    ids=["Bidirectional", "Pipeline", "TimeDistributed", "Dense"],
)
def test_a_class_of_ones_own_beneath_one_of_the_library(make) -> None:
    layer = make()
    x = torch.ones(2, 3, 4)
    first = layer(x)
    if hasattr(layer, "enable_lora"):
        layer.enable_lora(1)
    assert layer(x).shape == first.shape
