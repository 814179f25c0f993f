"""Adaptive pooling: a given number of windows."""

from __future__ import annotations

from tests.layers.cases.form import FIRST, case
from tests.layers.cases.wrong import bad_argument, bad_input

CASES = [
    case(f"Adaptive{kind}Pooling{rank}D", shape, **kwargs)
    for kind in ("Max", "Average")
    for rank, shape, kwargs in [
        (1, (2, 7, 3), {"output_size": 4}),
        (1, (2, 7, 3), {"output_size": (1,)}),
        (1, (2, 4, 3), {"output_size": [9]}),
        (1, (2, 3, 7), {"output_size": 3, **FIRST}),
        (2, (2, 7, 6, 3), {"output_size": 3}),
        (2, (2, 7, 6, 3), {"output_size": (4, 1)}),
        (2, (2, 7, 6, 3), {"output_size": [2, 9], "data_format": "channels_last"}),
        (2, (2, 3, 7, 6), {"output_size": (5, 2), **FIRST}),
        (3, (2, 4, 5, 6, 3), {"output_size": 2}),
        (3, (2, 4, 5, 6, 3), {"output_size": (3, 1, 4)}),
        (3, (2, 4, 5, 6, 1), {"output_size": [4, 5, 7]}),
        (3, (2, 3, 4, 5, 6), {"output_size": (1, 2, 3), **FIRST}),
    ]
]

NAMES = [f"Adaptive{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)]

ERRORS = [
    *(bad_argument(name, f"{name}: output_size cannot be 0", output_size=0) for name in NAMES),
    *(bad_argument(name, f"{name}: data_format cannot be 'last'", output_size=2, data_format="last") for name in NAMES),
    *(bad_input("rank", name, (None, 8), "axes.*not 2", output_size=2) for name in NAMES),
    bad_argument("AdaptiveMaxPooling2D", r"output_size cannot be \(1, 2, 3\)", output_size=(1, 2, 3)),
    bad_argument("AdaptiveAveragePooling1D", "output_size cannot be 'all'", output_size="all"),
    bad_argument("AdaptiveAveragePooling3D", "output_size cannot be None", output_size=(None, 2, 2)),
]
