"""Activations as layers."""

from __future__ import annotations

import numpy as np
import torch

from lamina import layers
from lamina.graph import ShapeError
from tests.layers.cases.form import case, weight_options
from tests.layers.cases.wrong import bad_argument, bad_input, misuse

# Steps of two sequences, for masks.
STEPS = np.array([[True, True, False, True], [True, False, False, False]])
# A mask (B, T) does not lie over (B, T, C).
UNMASKED = {"test_masks": 0}
CASES = [
    case("Activation", (4, 5), activation="relu"),
    case("Activation", (4, 5, 3), activation="softmax"),
    case("Activation", (4,), activation="gelu"),
    case("Activation", (4, 2, 3, 5), activation="hard_sigmoid"),
    case("ReLU", (4, 5)),
    case("ReLU", (4, 5), max_value=0.5, negative_slope=0.2, threshold=0.1),
    case("ReLU", (4, 5), max_value=0.5),
    case("ReLU", (4, 5), negative_slope=0.2),
    case("ReLU", (4, 5), threshold=0.3),
    case("LeakyReLU", (4, 5)),
    case("LeakyReLU", (4, 5), negative_slope=0.1),
    case("LeakyReLU", (4, 5, 3), negative_slope=0),
    case("LeakyReLU", (4, 2, 3, 5), negative_slope=1.5),
    case("ELU", (4, 5)),
    case("ELU", (4, 2, 3, 5), alpha=0),
    case("ELU", (4, 5), alpha=0.5),
    case("ELU", (4, 5, 3), alpha=2.0),
    case("PReLU", (4, 5)),
    case("PReLU", (4, 5, 6, 3), shared_axes=[1, 2]),
    case("PReLU", (4, 5, 3), shared_axes=1),
    case("PReLU", (4, 5), **weight_options("alpha")),
    case("Softmax", (4, 5)),
    case("Softmax", (4, 5, 3), axis=1, **UNMASKED),
    case("Softmax", (4, 5, 3), axis=[1, 2], **UNMASKED),
    case("Softmax", (2, 4), {"mask": STEPS}),
    case("Softmax", (3, 2, 4), {"mask": STEPS}, axis=[-1, -2]),
    case("Softmax", (2, 4), {"mask": np.zeros((2, 4), "bool")}),
    case("Softmax", (2, 4), {"mask": STEPS.astype("int32")}),
]


ERRORS = [
    bad_input("rank", "Softmax", (None, 4), "an input that has an axis 2", axis=2),
    misuse(
        "width",
        "Softmax",
        "mask of other places",
        lambda: layers.Softmax()(torch.zeros(2, 5, 3), mask=torch.ones(2, 4, dtype=torch.bool)),
        ShapeError,
        ["Softmax", "(2, 5, 3)", "a mask that broadcasts to the input, not one of (2, 4)"],
    ),
    bad_argument("ReLU", "ReLU: max_value cannot be -1", max_value=-1),
    bad_argument("ReLU", "ReLU: negative_slope cannot be None", negative_slope=None),
    bad_argument("ReLU", "ReLU: threshold cannot be -0.5", threshold=-0.5),
    bad_argument("LeakyReLU", "LeakyReLU: negative_slope cannot be -1", negative_slope=-1),
    bad_argument("ELU", "ELU: alpha cannot be '1'", alpha="1"),
    bad_argument("PReLU", "PReLU: shared_axes cannot be 0", shared_axes=[0]),
    bad_argument("PReLU", "PReLU: shared_axes cannot be 'all'", shared_axes="all"),
    bad_argument("Softmax", "Softmax: axis cannot be None", axis=None),
    bad_argument("Activation", "cannot be used as activation", activation=3),
    bad_input("width", "PReLU", (None, None, 3), "a known size of axis 1", test_rule=False),
    bad_input(
        "rank", "PReLU", (None, 4, 3), r"an input with the axes shared_axes=\[3\]", shared_axes=[3], test_rule=False
    ),
]
