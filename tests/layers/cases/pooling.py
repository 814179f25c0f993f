"""Pooling over windows and over everything."""

from __future__ import annotations

import numpy as np
import torch

from lamina import layers
from lamina.graph import ShapeError
from tests.layers.cases.form import FIRST, case
from tests.layers.cases.wrong import bad_argument, bad_input, misuse

# Steps of two sequences, for masks.
STEPS = np.array([[True, True, False, True], [True, False, False, False]])
# Keras on torch repeats the border where a mean needs one more position at one end: test_reference_a.py.
CASES = [
    case(f"{kind}Pooling2D", (2, 7, 6, 3), pool_size=k, strides=s, padding=padding)
    for kind in ("Max", "Average")
    for k in (2, 3, 4)
    for s in (None, 1, 3)
    for padding in ("valid", "same")
    if (kind, k, padding) != ("Average", 4, "same")
]
CASES += [
    case(f"{kind}Pooling{rank}D", shape, **{"pool_size": 2, **kwargs})
    for kind in ("Max", "Average")
    for rank, kwargs, shape in [
        (1, {}, (2, 7, 3)),
        (1, {"strides": 1, "padding": "same"}, (2, 7, 3)),
        (1, {"padding": "same", **FIRST}, (2, 3, 7)),
        (1, {"pool_size": 3, "strides": 2}, (2, 7, 3)),
        (2, {"pool_size": (3, 3), "strides": (3, 1), "padding": "same"}, (2, 7, 6, 3)),
        (2, {"pool_size": (3, 1), "strides": (2, 1), "padding": "same", **FIRST}, (2, 3, 7, 6)),
        (3, {}, (2, 4, 5, 6, 3)),
        (3, {"strides": (1, 2, 3), "padding": "same"}, (2, 4, 5, 6, 3)),
        (3, {"padding": "same", **FIRST}, (2, 3, 4, 5, 6)),
        (3, {"pool_size": (3, 1, 2), "strides": 1}, (2, 4, 3, 3, 2)),
    ]
]
CASES += [
    # A mask (B, T) does not lie over (B, C, T).
    case(f"Global{kind}Pooling{rank}D", shape, **kwargs, test_masks=0 if "data_format" in kwargs else None)
    for kind in ("Max", "Average")
    for rank, shape in [(1, (2, 7, 3)), (2, (2, 4, 5, 3)), (3, (2, 3, 4, 5, 2))]
    for kwargs in ({}, {"keepdims": True}, {"keepdims": True, **FIRST}, FIRST)
]
CASES += [
    case("GlobalAveragePooling1D", (2, 4, 3), {"mask": STEPS}),
    case("GlobalAveragePooling1D", (2, 3, 4), {"mask": STEPS}, keepdims=True, **FIRST),
    case("MaxPool2D", (2, 4, 5, 3), pool_size=2),
    case("AvgPool2D", (2, 4, 5, 3), pool_size=2),
    case("GlobalAvgPool2D", (2, 4, 5, 3)),
    case("GlobalMaxPool2D", (2, 4, 5, 3)),
]


ERRORS = [
    misuse(
        "width",
        "GlobalAveragePooling1D",
        "mask of other steps",
        lambda: layers.GlobalAveragePooling1D()(torch.zeros(2, 5, 3), mask=torch.ones(2, 3, dtype=torch.bool)),
        ShapeError,
        ["GlobalAveragePooling1D", "mask (2, 3) for the input (2, 5, 3)", "(2, 5)"],
    ),
    bad_argument("MaxPooling2D", "MaxPooling2D: pool_size cannot be 0", pool_size=0),
    bad_argument("MaxPooling2D", r"MaxPooling2D: strides cannot be \(1, 2, 3\)", strides=(1, 2, 3)),
    bad_argument("AveragePooling1D", "AveragePooling1D: padding cannot be 'causal'", pool_size=2, padding="causal"),
    bad_argument("GlobalMaxPooling2D", "GlobalMaxPooling2D: data_format cannot be 'last'", data_format="last"),
    bad_input("geometry", "MaxPooling2D", (None, 3, 8, 2), "at least 4 x 4", pool_size=4),
    bad_input("rank", "AveragePooling1D", (None, 8), "3 axes.*not 2", pool_size=4),
    bad_input("rank", "GlobalAveragePooling2D", (None, 8), "4 axes.*not 2"),
]
