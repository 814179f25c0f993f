"""Weights that serve twice: heads shared in GroupQueryAttention, a matrix both ways in ReversibleEmbedding."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

import lamina
from lamina import layers

# -- GroupQueryAttention


def with_weights_of(layer: Any, other: Any) -> None:
    layer.set_weights(other.get_weights())


@pytest.mark.parametrize("options", [{}, {"use_gate": True}, {"sliding_window": 2}, {"use_bias": False}], ids=str)
@pytest.mark.parametrize("call", [{}, {"use_causal_mask": True}, {"return_attention_scores": True}], ids=str)
def test_as_many_groups_as_heads_is_multi_head_attention(options: dict[str, Any], call: dict[str, Any]) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(2, 5, 8), torch.randn(2, 7, 8)
    shared, each = layers.GroupQueryAttention(3, 4, 4, **options), layers.MultiHeadAttention(4, 3, **options)
    shared(x, y), each(x, y)
    with_weights_of(shared, each)
    torch.testing.assert_close(shared(x, y, **call), each(x, y, **call))


def test_neighbouring_heads_share_keys_and_values() -> None:
    """By hand in float64: head h of 6 reads group h // 2 of 3."""
    torch.manual_seed(1)
    layer = layers.GroupQueryAttention(4, 6, 3, use_bias=False, dtype="float64")
    x, y = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 7, 8, dtype=torch.float64)
    made, scores = layer(x, y, return_attention_scores=True)
    q, k, v = (part.kernel for part in (layer.query, layer.key, layer.value))
    total = torch.zeros(2, 5, 8, dtype=torch.float64)
    for h in range(6):
        logits = (x @ q[:, h]) @ (y @ k[:, h // 2]).mT / 2
        torch.testing.assert_close(scores[:, h], logits.softmax(-1))
        total += logits.softmax(-1) @ (y @ v[:, h // 2]) @ layer.attention_output.kernel[h]
    torch.testing.assert_close(made, total)
    torch.testing.assert_close(layer(x, y), total)


def test_masks_of_inputs_are_heeded() -> None:
    torch.manual_seed(2)
    embedding, layer = layers.Embedding(9, 8, mask_zero=True), layers.GroupQueryAttention(4, 4, 2)
    ids = torch.tensor([[3, 1, 4, 0, 0]])
    padded = layer(embedding(ids), embedding(ids))
    short = layer(embedding(ids[:, :3]), embedding(ids[:, :3]))
    torch.testing.assert_close(padded[:, :3], short, rtol=1e-5, atol=1e-5)


def test_dropout_in_training() -> None:
    layer = layers.GroupQueryAttention(4, 4, 2, dropout=0.5, seed=3)
    x = torch.randn(2, 5, 8)
    calm = layer(x, x)
    assert not torch.equal(layer(x, x, training=True), calm)
    assert torch.equal(layer(x, x), calm)


def test_widths_of_query_and_value_may_differ() -> None:
    """Keras computes this, but refuses to draw it."""
    x, y = layers.Input((5, 8)), layers.Input((None, 6))
    model = lamina.Model([x, y], layers.GroupQueryAttention(4, 4, 2)(x, y))
    assert model([torch.zeros(2, 5, 8), torch.zeros(2, 3, 6)]).shape == (2, 5, 8)


# -- ReversibleEmbedding


def test_the_way_back_shares_the_matrix() -> None:
    torch.manual_seed(3)
    layer = layers.ReversibleEmbedding(6, 4)
    ids = torch.tensor([[1, 5, 2]])
    scores = layer(layer(ids), reverse=True)
    torch.testing.assert_close(scores, F.embedding(ids, layer.embeddings) @ layer.embeddings.mT)
    scores.sum().backward()
    assert layer.embeddings.grad.any()
    assert len(layer.weights) == 1


def test_the_way_back_in_a_model_has_its_shape_and_no_mask() -> None:
    layer = layers.ReversibleEmbedding(6, 4, mask_zero=True)
    ids = layers.Input((None,), dtype="int32")
    hidden = layer(ids)
    assert hidden.mask is not None
    scores = layer(hidden, reverse=True)
    assert scores.shape == (None, None, 6)
    assert scores.mask is None
    model = lamina.Model(ids, scores)
    assert model(torch.tensor([[1, 0, 3]])).shape == (1, 3, 6)


@pytest.mark.parametrize(
    "policy, reverse_dtype, due",
    [
        ("float32", None, torch.float32),
        ("mixed_bfloat16", None, torch.bfloat16),
        ("mixed_bfloat16", "float32", torch.float32),
        ("bfloat16", "float32", torch.float32),
    ],
)
@pytest.mark.parametrize("tie_weights", [True, False])
def test_dtype_of_the_way_back(policy: str, reverse_dtype: str | None, due: torch.dtype, tie_weights: bool) -> None:
    layer = layers.ReversibleEmbedding(6, 4, tie_weights, reverse_dtype=reverse_dtype, dtype=policy)
    ids = layers.Input((3,), dtype="int32")
    drawn = layer(layer(ids), reverse=True)
    assert drawn.dtype is due
    made = lamina.Model(ids, drawn)(torch.tensor([[1, 2, 3]]))
    assert made.dtype is due
    made.float().sum().backward()
    assert layer.embeddings.grad.dtype is layer.embeddings.dtype


def test_scores_are_capped() -> None:
    layer = layers.ReversibleEmbedding(6, 4, logit_soft_cap=2.0)
    scores = layer(100 * torch.randn(3, 4), reverse=True)
    assert scores.abs().max() <= 2


def test_vectors_on_their_way_back_are_no_ids_to_be_checked() -> None:
    x = layers.Input((4,))
    model = lamina.Model(x, layers.ReversibleEmbedding(6, 4)(x, reverse=True))
    model.compile("sgd", "mse")
    history = model.fit(torch.full((8, 4), -2.5), torch.zeros(8, 6), verbose=0)
    assert history.history["loss"][0] > 0
