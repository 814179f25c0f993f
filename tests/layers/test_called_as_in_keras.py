"""Calls that Keras takes: by name, with numbers for flags, on whole numbers; masks and losses on the way."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import StructureError, layers

IDS = np.array([[1, 2, 3, 0, 0], [3, 3, 1, 1, 2]])
VALUE = np.random.default_rng(0).normal(size=(2, 4, 8)).astype("float32")


@pytest.mark.parametrize(
    "make", [lambda: layers.MultiHeadAttention(2, 3), lambda: layers.GroupQueryAttention(3, 4, 2)], ids=["mha", "gqa"]
)
def test_a_mask_comes_with_what_is_given_by_name(make):
    masked = layers.Embedding(4, 8, mask_zero=True)(IDS)
    output = make()(query=masked, value=VALUE)
    assert torch.equal(output._keras_mask, masked._keras_mask)
    x = layers.Input((5,), dtype="int64")
    query = layers.Embedding(4, 8, mask_zero=True)(x)
    drawn = make()(query=query, value=layers.Input((4, 8)))
    assert drawn.mask is not None
    given = make()(query=torch.rand(2, 5, 8), value=VALUE, query_mask=torch.tensor(IDS) != 0)
    assert torch.equal(given._keras_mask, torch.tensor(IDS) != 0)


def test_zero_and_one_are_flags():
    layer = layers.MultiHeadAttention(2, 3)
    x = torch.rand(2, 4, 8)
    assert torch.equal(layer(x, x, use_causal_mask=0), layer(x, x, use_causal_mask=False))
    assert torch.equal(layer(x, x, use_causal_mask=1), layer(x, x, use_causal_mask=True))


@pytest.mark.parametrize("scores", [False, True])
def test_the_step_between_the_projections_takes_both_masks(scores):
    layer = layers.MultiHeadAttention(2, 4)
    layer.build((1, 5, 8), (1, 5, 8))
    rng = np.random.default_rng(0)
    q, k, v = (rng.normal(size=(1, 5, 2, 4)).astype("float32") for _ in range(3))
    extra = np.ones((1, 5, 5), bool)
    extra[:, 3, 1] = False
    causal = np.tril(np.ones((5, 5), bool))[None]
    both, _ = layer._compute_attention(q, k, v, extra, use_causal_mask=True, return_attention_scores=scores)
    merged, _ = layer._compute_attention(q, k, v, extra & causal, return_attention_scores=scores)
    torch.testing.assert_close(both, merged)


@pytest.mark.parametrize("how", ["bilinear", "bicubic", "nearest"])
def test_whole_numbers_are_enlarged(how):
    x = np.arange(12).reshape(2, 2, 1, 3)
    ours = layers.UpSampling2D((1, 2), interpolation=how)(x)
    theirs = keras.layers.UpSampling2D((1, 2), interpolation=how)(x)
    np.testing.assert_allclose(ours, np.asarray(theirs), atol=0.5)  # Keras rounds
    assert ours.shape == (2, 2, 2, 3)


@pytest.mark.parametrize("name", ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"])
def test_masks_of_merging_layers_are_a_list_beside_a_list(name):
    layer = getattr(layers, name)()
    a, b = layers.Input((4, 5)), layers.Input((4, 5))
    for inputs, masks in (([a, b], np.ones((2, 4), bool)), (a, [None, None]), ([a, b], [None])):
        with pytest.raises(StructureError, match="a list of tensors and a list"):
            layer.compute_mask(inputs, masks)
    assert layer.compute_mask([a, b], [None, None]) is None


def test_losses_of_calls_before_are_not_counted_in_a_new_model():
    class Adds(lamina.Layer):
        def call(self, x):
            self.add_loss(x.sum())
            return x

    layer = Adds()
    layer(np.ones((1, 1)))
    model = lamina.Sequential([layer])
    for outer in (model, lamina.Sequential([model])):
        outer(np.ones((1, 1)))
        assert [float(loss) for loss in outer.losses] == [1.0]


def test_an_array_a_weight_gives_is_the_readers_own():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.kernel.numpy()
    kept = before.copy()
    with torch.no_grad():
        layer.kernel.add_(1.0)
    np.testing.assert_array_equal(before, kept)
    half = layers.Dense(2, dtype="bfloat16")
    half.build((None, 3))
    assert half.kernel.numpy().dtype == np.float32


def test_losses_of_frozen_weights_are_none():
    for library in (lamina, keras):
        layer = library.layers.Dense(2, kernel_regularizer="l2")
        layer.build((None, 3))
        assert len(layer.losses) == 1
        layer.trainable = False
        assert len(layer.losses) == 0
