"""Masks of positions where they meet a Softmax, masks of the wrong shape, masks of a model called on an array."""

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import layers

MASK = torch.tensor([[True, True, False, False], [True, True, True, False]])


@pytest.mark.parametrize("width", [4, 6])
@pytest.mark.parametrize("given", ["by hand", "rides", "in a graph"])
def test_softmax_over_time_leaves_padding_out(width, given):
    x = torch.rand(2, 4, width)
    wanted = x.masked_fill(~MASK[..., None], -torch.inf).softmax(1)
    if given == "by hand":
        found = layers.Softmax(axis=1)(x, mask=MASK)
    elif given == "rides":
        found = layers.Softmax(axis=1)(layers.Masking()(x * MASK[..., None]))
        wanted = (x * MASK[..., None]).masked_fill(~MASK[..., None], -torch.inf).softmax(1)
    else:
        inputs, mask = lamina.Input((None, width)), lamina.Input((None,), dtype="bool")
        found = lamina.Model([inputs, mask], layers.Softmax(axis=1)(inputs, mask=mask))([x, MASK])
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("width", [4, 6])
def test_softmax_over_features_hides_none_and_passes_the_mask_on(width):
    ids = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    tokens = lamina.Input((4,), dtype="int32")
    embedded = layers.Embedding(5, width, mask_zero=True)
    model = lamina.Model(tokens, layers.Softmax()(embedded(tokens)))
    found = model(ids)
    torch.testing.assert_close(found, embedded(torch.tensor(ids)).softmax(-1))
    assert found._keras_mask.tolist() == MASK.tolist()


def test_attention_pooling_of_padded_sequences():
    tokens = lamina.Input((None,), dtype="int32")
    embedded = layers.Embedding(9, 6, mask_zero=True)(tokens)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(embedded))
    pooled = lamina.Model(tokens, layers.Dot((1, 1))([weights, embedded]))
    longer = np.array([[5, 3, 7, 0, 0]])
    torch.testing.assert_close(pooled(longer), pooled(longer[:, :3]))


def test_masks_of_values_are_applied_as_keras_does():
    x = np.random.default_rng(0).random((2, 3, 4, 4), dtype="float32")
    for shape in [(2, 3, 4, 4), (2, 1, 1, 4), (1, 1, 4, 4)]:
        mask = np.random.default_rng(1).random(shape) > 0.3
        wanted = keras.layers.Softmax()(x, mask=keras.ops.convert_to_tensor(mask)).detach()
        torch.testing.assert_close(layers.Softmax()(x, mask=torch.tensor(mask)), wanted)


X = torch.rand(2, 4, 3)
TAKE_MASKS = {
    "BatchNormalization": lambda mask: layers.BatchNormalization()(X, mask=mask),
    "GlobalAveragePooling1D": lambda mask: layers.GlobalAveragePooling1D()(X, mask=mask),
    "LSTM": lambda mask: layers.LSTM(2)(X, mask=mask),
    "Bidirectional": lambda mask: layers.Bidirectional(layers.GRU(2))(X, mask=mask),
    "TimeDistributed": lambda mask: layers.TimeDistributed(layers.Dense(2))(X, mask=mask),
    "Softmax": lambda mask: layers.Softmax()(X, mask=mask),
    "Multiply": lambda mask: layers.Multiply()([X, X], mask=[mask, None]),
    "Maximum": lambda mask: layers.Maximum()([X, X], mask=[mask, None]),
    "Attention of queries": lambda mask: layers.Attention()([X, X], mask=[mask, None]),
    "Attention of values": lambda mask: layers.Attention()([X, X], mask=[None, mask]),
    "queries": lambda mask: layers.MultiHeadAttention(1, 2)(X, X, query_mask=mask),
    "values": lambda mask: layers.MultiHeadAttention(1, 2)(X, X, value_mask=mask),
    "keys": lambda mask: layers.GroupQueryAttention(2, 2, 1)(X, X, key_mask=mask),
}


@pytest.mark.parametrize("name", TAKE_MASKS)
def test_a_mask_of_other_positions_is_refused(name):
    TAKE_MASKS[name](torch.ones(2, 4, dtype=torch.bool))
    for shape in [(2, 5), (3, 4), (4,)]:
        with pytest.raises(lamina.ShapeError, match="mask"):
            TAKE_MASKS[name](torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 4, 5), (3, 4, 4), (4,)])
def test_an_attention_mask_of_other_positions_is_refused(shape):
    attention = layers.MultiHeadAttention(2, 2)
    for good in [(4, 4), (2, 4, 4), (1, 4, 4), (2, 1, 4), (2, 2, 4, 4)]:
        attention(X, X, attention_mask=torch.ones(good, dtype=torch.bool))
    with pytest.raises(lamina.ShapeError, match="attention_mask"):
        attention(X, X, attention_mask=torch.ones(shape, dtype=torch.bool))


def masked_model(kind):
    tokens = lamina.Input((4,), dtype="int32", name="tokens")
    masked = layers.Embedding(5, 3, mask_zero=True)(tokens)
    if kind == "several":
        return lamina.Model(tokens, [masked, layers.LSTM(2)(masked)])
    if kind == "nested":
        return lamina.Model(tokens, lamina.Model(tokens, masked)(tokens))
    return lamina.Model(tokens, masked)


@pytest.mark.parametrize("kind", ["plain", "several", "nested"])
@pytest.mark.parametrize("form", [np.array, np.asfortranarray, list, lambda ids: {"tokens": np.array(ids)}])
def test_a_model_whose_output_has_a_mask_takes_arrays(kind, form):
    ids = [[1, 2, 0, 0], [3, 1, 2, 0]]
    found = masked_model(kind)(form(ids))
    first = found[0] if kind == "several" else found
    assert first._keras_mask.tolist() == MASK.tolist()
