"""One step of the recurrent layers: the cells, called on an input and a state, and a stack of them."""

from __future__ import annotations

from tests.layers.cases.form import Sub, case, numbers, weight_options
from tests.layers.cases.wrong import bad_argument

X = (2, 3)
H, C = numbers(2, 4), numbers(2, 4) * 2
WEIGHTS = weight_options("kernel", "recurrent", "bias")
DROPS = {"dropout": 0.5, "recurrent_dropout": 0.25, "seed": 3, "test_training": (False,)}
CELLS = {"SimpleRNNCell": [H], "GRUCell": [H], "LSTMCell": [H, C]}
GATED = {"GRUCell": [H], "LSTMCell": [H, C]}

CASES = [
    *(
        case(name, X, {"states": states}, units=4, **options)
        for name, states in CELLS.items()
        for options in ({}, {"activation": "relu"}, {"use_bias": False}, WEIGHTS, DROPS)
    ),
    *(case(name, X, {"states": states}, units=4, recurrent_activation="tanh") for name, states in GATED.items()),
    case("GRUCell", X, {"states": [H]}, units=4, reset_after=False),
    case("LSTMCell", X, {"states": [H, C]}, units=4, unit_forget_bias=False),
    case("StackedRNNCells", X, {"states": [[H]]}, cells=[Sub("GRUCell", units=4)]),
    case("StackedRNNCells", X, {"states": [[H, C]]}, cells=[Sub("LSTMCell", units=4, unit_forget_bias=False)]),
    case(
        "StackedRNNCells",
        X,
        {"states": [[H], [H, C]]},
        cells=[Sub("GRUCell", units=4, reset_after=False), Sub("LSTMCell", units=4)],
    ),
    case(
        "StackedRNNCells",
        X,
        {"states": [[H], [numbers(2, 2)], [H]]},
        cells=[Sub("GRUCell", units=4), Sub("SimpleRNNCell", units=2), Sub("SimpleRNNCell", units=4, use_bias=False)],
    ),
]

ERRORS = [
    *(bad_argument(name, f"{name}: units cannot be 0.*a positive integer", units=0) for name in CELLS),
    *(bad_argument(name, f"{name}: dropout cannot be 1.5", units=2, dropout=1.5) for name in CELLS),
    *(bad_argument(name, f"{name}: recurrent_dropout cannot be -1", units=2, recurrent_dropout=-1) for name in CELLS),
    *(bad_argument(name, 'Unknown activation "tahn"', units=2, recurrent_activation="tahn") for name in GATED),
]
