"""Recurrent layers, their cells, Bidirectional, TimeDistributed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lamina import layers
from lamina.graph import ShapeError
from tests.layers.cases.form import L2, NON_NEG, Sub, case, numbers
from tests.layers.cases.wrong import bad_argument, misuse, symbolic

X = (2, 5, 3)
T = torch.zeros(2, 5, 3)


class NoStateSize(layers.Layer):
    def call(self, inputs: Any, states: Any) -> Any:
        return inputs, states


STATE = numbers(2, 4)
RUNS = [
    {},
    {"return_sequences": True},
    {"return_state": True, "return_sequences": True},
    {"return_state": True, "go_backwards": True},
    {"go_backwards": True, "return_sequences": True},
    {"use_bias": False},
    {"unroll": True},
    {"activation": "relu"},
    {"activation": "softsign", "return_sequences": True},
    {
        "kernel_initializer": "he_normal",
        "recurrent_initializer": "glorot_uniform",
        "bias_initializer": "ones",
        "kernel_regularizer": L2,
        "recurrent_regularizer": L2,
        "bias_regularizer": L2,
        "activity_regularizer": L2,
        "kernel_constraint": NON_NEG,
        "recurrent_constraint": NON_NEG,
        "bias_constraint": NON_NEG,
    },
    {"dropout": 0.5, "recurrent_dropout": 0.25, "seed": 3, "test_training": (False,)},
]
STEPS = np.array([[True, True, False, True, False], [False, True, True, True, True]])
# Beside initial states Keras forgets the mask of its input: test_masks.py.
UNMASKED = {"test_masks": 0}
CASES = [
    *(case(name, X, units=4, **options) for name in ("LSTM", "GRU") for options in RUNS),
    # Keras takes the activity_regularizer of a SimpleRNN and forgets it.
    *(case("SimpleRNN", X, units=4, **{k: v for k, v in o.items() if k != "activity_regularizer"}) for o in RUNS),
    *(
        case(name, X, units=4, recurrent_activation="hard_sigmoid", return_sequences=True, use_bias=bias)
        for name in ("LSTM", "GRU")
        for bias in (True, False)
    ),
    case("LSTM", X, units=4, unit_forget_bias=False),
    case("LSTM", X, units=4, use_cudnn=False),
    case("GRU", X, units=4, use_cudnn=False),
    case("SimpleRNN", X, units=4, stateful=True, return_sequences=True),
    # Without use_cudnn=False Keras overwrites the state that its gradient needs, and fails.
    *(case(name, X, units=4, stateful=True, return_state=True, use_cudnn=False) for name in ("LSTM", "GRU")),
    case("LSTM", X, {"initial_state": [STATE, STATE * 2]}, units=4, return_state=True, **UNMASKED),
    case("GRU", X, {"initial_state": [STATE]}, units=4, return_sequences=True, **UNMASKED),
    case("SimpleRNN", X, {"initial_state": [STATE]}, units=4, **UNMASKED),
    case("GRU", X, units=4, reset_after=False),
    case("GRU", X, units=4, reset_after=False, return_sequences=True, use_bias=False),
    case("GRU", X, units=4, reset_after=False, recurrent_activation="tanh", go_backwards=True),
    *(
        case("RNN", X, cell=Sub(f"{name}Cell", units=4), **options)
        for name in ("LSTM", "GRU", "SimpleRNN")
        for options in (RUNS[0], RUNS[2], RUNS[4])
    ),
    case("RNN", X, cell=Sub("GRUCell", units=4), unroll=True),
    case("RNN", X, cell=Sub("LSTMCell", units=4), stateful=True),
    case("RNN", X, {"mask": STEPS}, cell=Sub("GRUCell", units=4), zero_output_for_mask=True, return_sequences=True),
    case("RNN", X, cell=[Sub("LSTMCell", units=4), Sub("LSTMCell", units=6)], return_sequences=True),
    case("RNN", X, cell=[Sub("LSTMCell", units=4), Sub("GRUCell", units=6)], return_state=True),
    case("RNN", X, cell=Sub("StackedRNNCells", cells=[Sub("SimpleRNNCell", units=4), Sub("LSTMCell", units=2)])),
    case("Bidirectional", X, layer=Sub("LSTM", units=4)),
    case("Bidirectional", X, layer=Sub("LSTM", units=4, return_sequences=True), merge_mode="sum"),
    case("Bidirectional", X, layer=Sub("GRU", units=4, return_sequences=True), merge_mode="mul"),
    case("Bidirectional", X, layer=Sub("GRU", units=4, return_sequences=True, return_state=True), merge_mode="ave"),
    case("Bidirectional", X, layer=Sub("SimpleRNN", units=4), merge_mode=None),
    case("Bidirectional", X, layer=Sub("LSTM", units=4, return_state=True), merge_mode=None),
    case(
        "Bidirectional",
        X,
        layer=Sub("LSTM", units=4),
        backward_layer=Sub("LSTM", units=4, activation="relu", go_backwards=True),
    ),
    case("TimeDistributed", X, layer=Sub("Dense", units=4)),
    case("TimeDistributed", (2, 3, 6, 6, 2), layer=Sub("Conv2D", filters=3, kernel_size=3)),
    case("TimeDistributed", (2, 3, 4, 5), layer=Sub("LSTM", units=3)),
]


ERRORS = [
    bad_argument("LSTM", ["units", "positive"], units=0),
    bad_argument("GRU", ["units", "4.5"], units=4.5),
    bad_argument("LSTM", ["dropout", "1.5"], units=4, dropout=1.5),
    bad_argument("SimpleRNN", ["tahn", "'tanh'"], units=4, activation="tahn"),
    bad_argument("LSTM", ["use_cudnn", "'yes'", '"auto"'], units=4, use_cudnn="yes"),
    bad_argument("GRU", ["use_cudnn=True", "reset_after"], units=4, reset_after=False, use_cudnn=True),
    bad_argument("LSTM", ["'return_sequence'"], units=4, return_sequence=True),
    bad_argument("RNN", ["NoStateSize", "state_size"], cell=NoStateSize()),
    bad_argument("RNN", ["LSTMCell", "cell"], cell=layers.LSTMCell),
    bad_argument("RNN", ["cells", "at least one"], cell=[]),
    bad_argument("Bidirectional", ["Dense", "recurrent"], layer=Sub("Dense", units=3)),
    bad_argument("Bidirectional", ["'add'", "'sum'"], layer=Sub("LSTM", units=3), merge_mode="add"),
    bad_argument("Bidirectional", ["go_backwards"], layer=Sub("LSTM", units=3), backward_layer=Sub("LSTM", units=3)),
    bad_argument(
        "Bidirectional",
        ["return_sequences=True and False"],
        layer=Sub("LSTM", units=3, return_sequences=True),
        backward_layer=Sub("LSTM", units=3, go_backwards=True),
    ),
    bad_argument("TimeDistributed", ["layer", "Dense(8)"], layer=torch.relu),
    misuse(
        "width",
        "LSTM",
        "flat input of LSTM",
        lambda: layers.LSTM(4, name="read")(symbolic(3)),
        ShapeError,
        ['LSTM "read"', "3 axes"],
    ),
    misuse(
        "width", "GRU", "unknown features", lambda: layers.GRU(4)(symbolic(5, None)), ShapeError, ["GRU", "features"]
    ),
    misuse(
        "structure",
        "LSTM",
        "number of states",
        lambda: layers.LSTM(4)(T, initial_state=[torch.zeros(2, 4)]),
        ShapeError,
        ["cannot start from this state", "got       [(2, "],
    ),
    misuse(
        "width",
        "GRU",
        "width of a state",
        lambda: layers.GRU(4)(symbolic(5, 3), initial_state=symbolic(7)),
        ShapeError,
        ["GRU", "(None, 7)", "(None, 4)"],
    ),
    misuse(
        "width",
        "GRU",
        "batch of a stateful layer",
        lambda: [(layer := layers.GRU(4, stateful=True)), layer(T), layer(T[:1])],
        ShapeError,
        ["stateful", "batch of 1", "batch of 2"],
    ),
    misuse("geometry", "LSTM", "no steps", lambda: layers.LSTM(4)(T[:, :0]), ShapeError, ["LSTM", "one time step"]),
    misuse(
        "geometry", "GRU", "drawn without steps", lambda: layers.GRU(4)(symbolic(0, 3)), ShapeError, ["one time step"]
    ),
    misuse(
        "geometry",
        "SimpleRNN",
        "no steps of a loop",
        lambda: layers.SimpleRNN(4, "softsign")(T[:, :0]),
        ShapeError,
        ["one time step"],
    ),
    *(
        misuse(
            "width",
            name,
            "mask of other steps",
            lambda name=name: getattr(layers, name)(4)(T, mask=torch.ones(2, 4)),
            ShapeError,
            ["mask (2, 4)", "(2, 5)"],
        )
        for name in ("LSTM", "GRU", "SimpleRNN")
    ),
    misuse(
        "width",
        "TimeDistributed",
        "flat input of TimeDistributed",
        lambda: layers.TimeDistributed(layers.Dense(2))(symbolic(3)),
        ShapeError,
        ["TimeDistributed", "at least 3 axes"],
    ),
    misuse(
        "width",
        "TimeDistributed",
        "mask of TimeDistributed",
        lambda: layers.TimeDistributed(layers.Dense(2))(T, mask=torch.ones(2, 4)),
        ShapeError,
        ["mask (2, 4)", "(2, 5, ...)"],
    ),
]
