"""Normalization over the batch, over axes, over groups."""

from __future__ import annotations

import numpy as np

from lamina import layers
from lamina.graph import ArgumentError
from tests.layers.cases.form import Sub, case, weight_options
from tests.layers.cases.wrong import bad_argument, bad_input, misuse, symbolic

# Steps of two sequences, for masks.
STEPS = np.array([[True, True, False, True], [True, False, False, False]])
# Keras adds 1e-7 to the number of positions that a mask leaves, to divide by.
MASKED = {"test_rtol": 1e-6, "test_dtypes": ("float64",)}
IDS = np.array([[0.0, 1.0, 4.0], [4.0, 2.0, 1.0]])
DENSE = Sub("Dense", units=3)
CASES = [
    case("BatchNormalization", (6, 5)),
    case("BatchNormalization", (4, 6, 5)),
    case("BatchNormalization", (3, 5, 4, 6)),
    case("BatchNormalization", (3, 2, 3, 4, 5)),
    case("BatchNormalization", (3, 5, 4, 6), axis=1),
    case("BatchNormalization", (3, 5, 4), axis=1),
    case("BatchNormalization", (3, 2, 5, 4), axis=2),
    case("BatchNormalization", (3, 2, 5, 4), axis=-2),
    case("BatchNormalization", (3, 4, 4, 5), momentum=0.8, epsilon=0.1, center=False),
    case("BatchNormalization", (3, 4, 4, 5), scale=False),
    case("BatchNormalization", (6, 5), scale=False, center=False),
    case("BatchNormalization", (6, 5), trainable=False),
    case("BatchNormalization", (1, 5), test_rtol=0.001, test_dtypes=("float64",)),
    case("BatchNormalization", (2, 4, 3), {"mask": STEPS}, **MASKED),
    case("BatchNormalization", (2, 4, 3), {"mask": STEPS}, axis=1, **MASKED),
    case("BatchNormalization", (6, 5), renorm=True),
    case("BatchNormalization", (3, 5, 4, 6), axis=1, renorm=True, renorm_momentum=0.7, scale=False),
    case("BatchNormalization", (4, 6, 5), renorm=True, renorm_clipping={"rmax": 1.2, "rmin": 0.7, "dmax": 0.1}),
    case("BatchNormalization", (4, 6, 5), renorm=True, renorm_clipping={"rmin": 0.9}, center=False, momentum=0.5),
    case("BatchNormalization", (2, 4, 3), {"mask": STEPS}, center=False, scale=False, **MASKED),
    case(
        "BatchNormalization",
        (6, 5),
        moving_mean_initializer="ones",
        moving_variance_initializer="zeros",
        **weight_options("beta", "gamma"),
    ),
    case("LayerNormalization", (4, 6, 5)),
    case("LayerNormalization", (4, 5), epsilon=0.1, center=False),
    case("LayerNormalization", (4, 5), scale=False),
    # Keras on torch fails for a single axis that is not the last: test_reference_a.py.
    case("LayerNormalization", (4, 6, 5), axis=[1, 2]),
    case("LayerNormalization", (4, 6, 3, 5), axis=[1, 3]),
    case("LayerNormalization", (4, 5), **weight_options("beta", "gamma")),
    case("GroupNormalization", (4, 5, 3, 6), groups=2),
    case("GroupNormalization", (4, 6), groups=3, epsilon=0.1, center=False),
    case("GroupNormalization", (4, 5, 6), groups=-1),
    case("GroupNormalization", (4, 2, 3, 2, 6), groups=1, scale=False),
    case("GroupNormalization", (4, 6, 5, 3), groups=2, axis=1),
    case("GroupNormalization", (4, 6), groups=2, **weight_options("beta", "gamma")),
    case("RMSNormalization", (4, 6, 5)),
    case("RMSNormalization", (4, 5), axis=-1, epsilon=0.1),
    case("RMSNormalization", (4, 6, 5), axis=[1, 2]),
    case("RMSNormalization", (4, 2, 3, 5), epsilon=0.0),
    case("UnitNormalization", (4, 6, 5)),
    case("UnitNormalization", (4, 6, 5), axis=1),
    case("UnitNormalization", (4, 6, 5), axis=[1, 2]),
    case("UnitNormalization", (4, 2, 3, 5), axis=[-1, 1]),
    case("SpectralNormalization", (2, 4), layer=DENSE),
    case("SpectralNormalization", (2, 5, 4), layer=Sub("Dense", units=3, activation="relu"), power_iterations=3),
    case("SpectralNormalization", (2, 6, 6, 2), layer=Sub("Conv2D", filters=3, kernel_size=3), power_iterations=2),
    case("SpectralNormalization", (2, 4), layer=Sub("Dense", units=3, kernel_regularizer="l2", use_bias=False)),
    case("SpectralNormalization", (2, 3), layer=Sub("Embedding", input_dim=5, output_dim=3), test_inputs=IDS),
]


ERRORS = [
    bad_argument("BatchNormalization", r"BatchNormalization: axis cannot be \[1, 2\]", axis=[1, 2]),
    bad_argument(
        "BatchNormalization", "BatchNormalization: momentum cannot be 1.1.*a number from 0 to 1", momentum=1.1
    ),
    bad_argument("BatchNormalization", "BatchNormalization: epsilon cannot be -0.001.*a number >= 0", epsilon=-0.001),
    bad_argument(
        "BatchNormalization", "renorm_clipping cannot be.*rmax", renorm=True, renorm_clipping={"largest": 1.0}
    ),
    bad_argument(
        "BatchNormalization", "at least as large as rmin", renorm=True, renorm_clipping={"rmax": 0.0, "rmin": 1.0}
    ),
    bad_argument("BatchNormalization", "dmax of 0 or more", renorm=True, renorm_clipping={"dmax": -1.0}),
    bad_argument("LayerNormalization", "LayerNormalization: axis cannot be 'last'.*a list of integers", axis="last"),
    bad_argument("LayerNormalization", "LayerNormalization: epsilon cannot be None", epsilon=None),
    bad_argument("GroupNormalization", "GroupNormalization: groups cannot be 0", groups=0),
    bad_argument("UnitNormalization", "UnitNormalization: axis cannot be 1.5", axis=1.5),
    bad_argument("SpectralNormalization", ["layer", "a layer such as Dense(8)"], layer="Dense"),
    bad_argument("SpectralNormalization", ["power_iterations", "positive"], layer=DENSE, power_iterations=0),
    misuse(
        "argument",
        "SpectralNormalization",
        "a layer without kernel",
        lambda: layers.SpectralNormalization(layers.LSTM(2))(symbolic(5, 3)),
        ArgumentError,
        ["finds no kernel in LSTM", "kernel or embeddings"],
    ),
    bad_input("rank", "BatchNormalization", (None, 8, 8), "an input that has an axis 3", axis=3),
    bad_input("rank", "LayerNormalization", (None, 8, 8), "an input that has an axis 4", axis=[1, 4]),
    bad_input("rank", "UnitNormalization", (None, 8), "an input that has an axis -3", axis=-3),
    bad_input("width", "BatchNormalization", (None, 8, None), "a known size of axis -1", test_rule=False),
    bad_input("width", "LayerNormalization", (None, None, 8), "a known size of axis 1", axis=1, test_rule=False),
    bad_input(
        "width",
        "GroupNormalization",
        (None, 8, 6),
        "channels that 4 groups divide evenly, not 6.*a divisor of 6",
        groups=4,
        test_rule=False,
    ),
    bad_input(
        "width",
        "GroupNormalization",
        (None, 8, 16),
        "channels that 32 groups divide evenly, not 16",
        groups=32,
        test_rule=False,
    ),
]
