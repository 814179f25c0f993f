"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D."""

from __future__ import annotations

import numpy as np
import torch

from lamina import layers
from lamina.graph import ShapeError
from tests.layers.cases.form import FIRST, INFERENCE, Sub, case, numbers, weight_options
from tests.layers.cases.wrong import bad_argument, bad_input, misuse, symbolic

# Steps of two sequences: one with a hole, one without any.
STEPS = np.array([[True, False, True], [False, False, False]])
RUNS = [
    (1, (2, 3, 7, 2), {}),
    (1, (2, 3, 7, 2), {"kernel_size": (4,), "padding": "same", "dilation_rate": 2, "return_sequences": True}),
    (1, (2, 3, 2, 7), {"strides": 2, "return_state": True, **FIRST}),
    (1, (2, 3, 4, 2), {"go_backwards": True, "return_sequences": True}),
    (2, (2, 3, 5, 6, 2), {"kernel_size": (2, 3), "return_sequences": True, "return_state": True}),
    (2, (2, 3, 5, 6, 2), {"kernel_size": 4, "strides": (2, 1), "padding": "same", "go_backwards": True}),
    (2, (2, 3, 2, 5, 6), {"dilation_rate": (1, 2), "padding": "same", "return_sequences": True, **FIRST}),
    (3, (2, 2, 4, 5, 3, 2), {}),
    (3, (2, 2, 4, 5, 3, 2), {"kernel_size": (2, 3, 1), "strides": 2, "padding": "same", "return_sequences": True}),
    (3, (2, 2, 2, 4, 5, 3), {"dilation_rate": 2, "return_state": True, "go_backwards": True, **FIRST}),
]
IMAGES = (2, 3, 5, 6, 2)
SAME = {"filters": 3, "kernel_size": 3, "padding": "same"}
STATES = {"initial_state": [numbers(2, 5, 6, 3), numbers(2, 5, 6, 3) * 2]}
WEIGHTS = weight_options("kernel", "recurrent", "bias")

CASES = [
    *(case(f"ConvLSTM{rank}D", shape, filters=3, **{"kernel_size": 2, **kwargs}) for rank, shape, kwargs in RUNS),
    *(
        case(f"ConvLSTM{rank}D", shape, filters=2, kernel_size=2, activity_regularizer="l2", **WEIGHTS)
        for rank, shape in [(1, (2, 2, 3, 2)), (2, (2, 2, 3, 3, 2)), (3, (2, 2, 3, 3, 2, 2))]
    ),
    *(
        case(f"ConvLSTM{rank}D", shape, filters=2, kernel_size=2, stateful=True, unit_forget_bias=False, use_bias=bias)
        for rank, shape in [(1, (2, 2, 3, 2)), (2, (2, 2, 3, 3, 2)), (3, (2, 2, 3, 3, 2, 2))]
        for bias in (True, False)
    ),
    *(
        case(
            f"ConvLSTM{rank}D",
            shape,
            filters=2,
            kernel_size=2,
            activation="relu",
            recurrent_activation="hard_sigmoid",
            dropout=0.5,
            recurrent_dropout=0.25,
            seed=3,
            **INFERENCE,
        )
        for rank, shape in [(1, (2, 2, 3, 2)), (2, (2, 2, 3, 3, 2)), (3, (2, 2, 3, 3, 2, 2))]
    ),
    case("ConvLSTM2D", IMAGES, **SAME, unroll=True),
    case("ConvLSTM2D", IMAGES, STATES, **SAME, return_state=True),
    case("ConvLSTM2D", IMAGES, {"mask": STEPS}, **SAME, return_sequences=True, return_state=True),
    case("ConvLSTM2D", IMAGES, {"mask": STEPS}, **SAME, return_sequences=True, zero_output_for_mask=True),
    case("ConvLSTM2D", IMAGES, {"mask": STEPS, **STATES}, **SAME, return_state=True, go_backwards=True),
    case("Bidirectional", IMAGES, layer=Sub("ConvLSTM2D", **SAME, return_sequences=True)),
    case(
        "Bidirectional", (2, 3, 2, 5, 6), layer=Sub("ConvLSTM2D", **SAME, return_state=True, **FIRST), merge_mode="sum"
    ),
    case("TimeDistributed", (2, 2, 3, 7, 2), layer=Sub("ConvLSTM1D", filters=2, kernel_size=2)),
]

X = torch.zeros(2, 3, 5, 6, 2)

ERRORS = [
    bad_argument("ConvLSTM1D", ["filters", "positive"], filters=0, kernel_size=3),
    bad_argument("ConvLSTM2D", ["kernel_size", "(3, 3, 3)"], filters=2, kernel_size=(3, 3, 3)),
    bad_argument("ConvLSTM3D", ["strides", "positive"], filters=2, kernel_size=3, strides=0),
    bad_argument("ConvLSTM1D", ["padding", "'causal'", "'same'"], filters=2, kernel_size=3, padding="causal"),
    bad_argument("ConvLSTM2D", ["recurrent_dropout", "-1"], filters=2, kernel_size=3, recurrent_dropout=-1),
    bad_argument("ConvLSTM2D", ["'use_cudnn'"], filters=2, kernel_size=3, use_cudnn=True),
    bad_argument("ConvLSTM3D", ["'return_sequence'"], filters=2, kernel_size=3, return_sequence=True),
    bad_input("rank", "ConvLSTM1D", (None, 8, 3), "4 axes.*not 3", filters=3, kernel_size=3),
    bad_input("rank", "ConvLSTM2D", (None, 8, 8, 3), "5 axes.*not 4", filters=3, kernel_size=3),
    bad_input("rank", "ConvLSTM3D", (None, 4, 8, 8, 3), "6 axes.*not 5", filters=3, kernel_size=3),
    bad_input("geometry", "ConvLSTM1D", (None, 4, 2, 3), "at least 3,", filters=3, kernel_size=3),
    bad_input("geometry", "ConvLSTM2D", (None, 4, 8, 6, 3), "at least 7 x 7", filters=3, kernel_size=7),
    bad_input("geometry", "ConvLSTM3D", (None, 4, 4, 4, 2, 3), "at least 3 x 3 x 3", filters=3, kernel_size=3),
    bad_input("width", "ConvLSTM1D", (None, 4, 8, None), "axis -1", filters=3, kernel_size=3, test_rule=False),
    bad_input(
        "width", "ConvLSTM2D", (None, 4, None, 8, 8), "axis 2", filters=3, kernel_size=3, test_rule=False, **FIRST
    ),
    misuse(
        "width",
        "ConvLSTM3D",
        "other channels than before",
        lambda: [(layer := layers.ConvLSTM3D(3, 3)), layer(symbolic(4, 8, 8, 8, 2)), layer(symbolic(4, 8, 8, 8, 3))],
        ShapeError,
        ["ConvLSTM3D", "axis -1 of size 2, not 3"],
    ),
    misuse(
        "width",
        "ConvLSTM2D",
        "size of a state",
        lambda: layers.ConvLSTM2D(3, 3)(symbolic(4, 8, 8, 2), initial_state=[symbolic(8, 8, 3)] * 2),
        ShapeError,
        ["ConvLSTM2D", "(None, 8, 8, 3)", "(None, 6, 6, 3)"],
    ),
    misuse(
        "structure",
        "ConvLSTM2D",
        "number of states",
        lambda: layers.ConvLSTM2D(3, 3)(X, initial_state=[torch.zeros(2, 3, 4, 3)]),
        ShapeError,
        ["cannot start from this state", "got       [(2, "],
    ),
]
