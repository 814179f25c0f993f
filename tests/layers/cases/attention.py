"""Attention, AdditiveAttention, MultiHeadAttention."""

from __future__ import annotations

import numpy as np
import torch

from lamina import layers
from lamina.graph import ArgumentError, ShapeError, StructureError
from tests.layers.cases.form import L2, NON_NEG, case, numbers
from tests.layers.cases.wrong import bad_argument, misuse, symbolic

X = (2, 5, 3)
T = torch.zeros(2, 5, 3)
VALUE = numbers(2, 7, 3)
KEY = numbers(2, 7, 3)
ATTENTION_MASK = np.random.default_rng(1).integers(0, 2, size=(2, 5, 7)).astype(bool) | np.eye(5, 7, dtype=bool)
QUERY_MASK = np.array([[True, True, True, True, True], [True, True, True, False, False]])
VALUE_MASK = np.array([[True] * 7, [True] * 4 + [False] * 3])
HEADS = {"num_heads": 2, "key_dim": 4}
GROUPS = {"head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2}
ONE_GROUP = {"head_dim": 3, "num_query_heads": 3, "num_key_value_heads": 1}
# Keras leaves on the scores the mask that it made for them.
SCORES = {"test_masks": 1}
CASES = [
    case("Attention", [X, (2, 7, 3)]),
    case("Attention", [X, (2, 7, 4), (2, 7, 3)], use_scale=True, dropout=0.3, seed=1, test_training=(False,)),
    case("Attention", [X, (2, 7, 3)], score_mode="concat"),
    case("Attention", [X, (2, 7, 3)], score_mode="concat", use_scale=True),
    case("Attention", [X, (2, 7, 3)], {"use_causal_mask": True}),
    case("AdditiveAttention", [X, (2, 7, 3)]),
    case("AdditiveAttention", [X, (2, 7, 3), (2, 7, 3)], use_scale=False),
    case("AdditiveAttention", [X, (2, 7, 3), (2, 7, 3)], {"return_attention_scores": True}),
    case("AdditiveAttention", [X, (2, 7, 3)], {"use_causal_mask": True}, dropout=0.5, test_training=(False,)),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "key": KEY}, **HEADS, value_dim=5),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, flash_attention=False),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, use_bias=False, output_shape=6),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, output_shape=(2, 3)),
    case("MultiHeadAttention", X, {"value": VALUE, "use_causal_mask": True}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "use_causal_mask": True}, **HEADS, sliding_window=2),
    case("MultiHeadAttention", X, {"value": VALUE, "attention_mask": ATTENTION_MASK}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "attention_mask": ATTENTION_MASK, "use_causal_mask": True}, **HEADS),
    case("MultiHeadAttention", X, {"value": VALUE, "return_attention_scores": True}, **HEADS, **SCORES),
    case(
        "MultiHeadAttention",
        X,
        {"value": VALUE, "return_attention_scores": True, "attention_mask": ATTENTION_MASK, "use_causal_mask": True},
        **HEADS,
        **SCORES,
    ),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, use_gate=True, value_dim=3),
    case("MultiHeadAttention", X, {"value": VALUE}, **HEADS, dropout=0.2, seed=4, test_training=(False,)),
    case(
        "MultiHeadAttention",
        X,
        {"value": VALUE},
        **HEADS,
        kernel_initializer="he_normal",
        bias_initializer="ones",
        kernel_regularizer=L2,
        bias_regularizer=L2,
        activity_regularizer=L2,
        kernel_constraint=NON_NEG,
        bias_constraint=NON_NEG,
    ),
    case("MultiHeadAttention", (2, 3, 4, 5), {"value": numbers(2, 3, 6, 5)}, **HEADS, attention_axes=2),
    case(
        "MultiHeadAttention",
        (2, 3, 4, 5),
        {"value": numbers(2, 2, 6, 5), "return_attention_scores": True},
        **HEADS,
        **SCORES,
    ),
    case("MultiHeadAttention", (2, 3, 4, 5), {"value": numbers(2, 6, 4, 5)}, **HEADS, attention_axes=(1,)),
    case("GroupQueryAttention", X, {"value": VALUE}, **GROUPS),
    case("GroupQueryAttention", X, {"value": VALUE, "key": KEY}, **ONE_GROUP, use_bias=False),
    case("GroupQueryAttention", X, {"value": VALUE, "use_causal_mask": True}, **GROUPS),
    case("GroupQueryAttention", X, {"value": VALUE, "use_causal_mask": True}, **GROUPS, sliding_window=2),
    case("GroupQueryAttention", X, {"value": VALUE, "attention_mask": ATTENTION_MASK}, **GROUPS),
    case("GroupQueryAttention", X, {"value": VALUE, "return_attention_scores": True}, **GROUPS, **SCORES),
    case(
        "GroupQueryAttention",
        X,
        {"value": VALUE, "return_attention_scores": True, "attention_mask": ATTENTION_MASK, "use_causal_mask": True},
        **ONE_GROUP,
        **SCORES,
    ),
    case(
        "GroupQueryAttention",
        X,
        {
            "value": VALUE,
            "query_mask": QUERY_MASK,
            "value_mask": VALUE_MASK,
            "key_mask": ~VALUE_MASK | VALUE_MASK[::-1],
        },
        **GROUPS,
    ),
    case("GroupQueryAttention", X, {"value": VALUE}, **GROUPS, use_gate=True, flash_attention=False),
    case("GroupQueryAttention", X, {"value": VALUE}, **GROUPS, dropout=0.2, seed=4, test_training=(False,)),
    case(
        "GroupQueryAttention",
        X,
        {"value": VALUE},
        **GROUPS,
        kernel_initializer="he_normal",
        bias_initializer="ones",
        kernel_regularizer=L2,
        bias_regularizer=L2,
        activity_regularizer=L2,
        kernel_constraint=NON_NEG,
        bias_constraint=NON_NEG,
    ),
]


ERRORS = [
    bad_argument(
        "GroupQueryAttention",
        ["num_key_value_heads", "divisor of num_query_heads=4"],
        **{**GROUPS, "num_key_value_heads": 3},
    ),
    bad_argument("GroupQueryAttention", ["head_dim", "positive"], **{**GROUPS, "head_dim": 0}),
    bad_argument("GroupQueryAttention", ["num_query_heads", "'4'"], **{**GROUPS, "num_query_heads": "4"}),
    bad_argument("GroupQueryAttention", ["sliding_window"], **GROUPS, sliding_window=0),
    bad_argument("GroupQueryAttention", ["dropout"], **GROUPS, dropout=1.5),
    bad_argument("GroupQueryAttention", ["flash_attention", "dropout=0"], **GROUPS, dropout=0.1, flash_attention=True),
    misuse(
        "rank",
        "GroupQueryAttention",
        "images",
        lambda: layers.GroupQueryAttention(4, 4, 2)(symbolic(5, 5, 3), symbolic(5, 5, 3)),
        ShapeError,
        ["GroupQueryAttention", "query (B, T, D)", "MultiHeadAttention"],
    ),
    misuse(
        "width",
        "GroupQueryAttention",
        "positions of key and value",
        lambda: layers.GroupQueryAttention(4, 4, 2)(symbolic(5, 3), symbolic(6, 3), symbolic(7, 3)),
        ShapeError,
        ["value (None, 6, 3)", "key (None, 7, 3)"],
    ),
    bad_argument("MultiHeadAttention", ["num_heads", "positive"], num_heads=0, key_dim=4),
    bad_argument("MultiHeadAttention", ["key_dim", "'4'"], num_heads=2, key_dim="4"),
    bad_argument("MultiHeadAttention", ["value_dim", "-1"], num_heads=2, key_dim=4, value_dim=-1),
    bad_argument("MultiHeadAttention", ["sliding_window"], num_heads=2, key_dim=4, sliding_window=0),
    bad_argument(
        "MultiHeadAttention",
        ["flash_attention", "dropout=0"],
        num_heads=2,
        key_dim=4,
        dropout=0.1,
        flash_attention=True,
    ),
    misuse(
        "argument",
        "MultiHeadAttention",
        "attention axes",
        lambda: layers.MultiHeadAttention(2, 4, attention_axes=2)(T, T),
        ArgumentError,
        ["attention_axes", "from 1 to 1"],
    ),
    misuse(
        "argument",
        "MultiHeadAttention",
        "flash with scores",
        lambda: layers.MultiHeadAttention(2, 4, flash_attention=True)(T, T, return_attention_scores=True),
        ArgumentError,
        ["return_attention_scores", "flash"],
    ),
    bad_argument("Attention", ["'cosine'", "'dot'"], score_mode="cosine"),
    misuse(
        "structure",
        "Attention",
        "one tensor to Attention",
        lambda: layers.Attention()(T),
        StructureError,
        ["[query, value]"],
    ),
    misuse(
        "width",
        "Attention",
        "widths in Attention",
        lambda: layers.Attention()([symbolic(5, 3), symbolic(5, 4)]),
        ShapeError,
        ["Attention", "query", "value"],
    ),
    misuse(
        "width",
        "MultiHeadAttention",
        "positions of key and value",
        lambda: layers.MultiHeadAttention(2, 4)(T, torch.zeros(2, 6, 3), torch.zeros(2, 7, 3)),
        ShapeError,
        ["value (2, 6, 3)", "key (2, 7, 3)"],
    ),
    misuse(
        "width",
        "MultiHeadAttention",
        "flat query",
        lambda: layers.MultiHeadAttention(2, 4)(symbolic(3), symbolic(3)),
        ShapeError,
        ["MultiHeadAttention", "query (B, T, D)"],
    ),
]
