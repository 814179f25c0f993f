"""Feature spaces and tables: what Keras and Lamina are compared on.

Keras' FeatureSpace asks for TensorFlow, which the tests do without. `feature_space_keras.py` runs Keras where
TensorFlow is, and writes what comes out beside this file.
"""

from __future__ import annotations

from typing import Any

# What is learned from, and what the space is called on: also values that were never met.
LEARNED: dict[str, list[Any]] = {
    "x": [0.5, -1.25, 3.0, 2.0, 0.75, 8.0, -3.5, 1.0],
    "y": [10.0, 12.0, 9.5, 10.25, 11.0, 30.0, 8.0, 10.0],
    "k": [3, 1, 3, 2, 3, 1, 7, 2],
    "s": ["red", "blue", "red", "green", "red", "blue", "black", "green"],
}
CALLED: dict[str, list[Any]] = {
    "x": [0.5, -1.25, 100.0, 0.0],
    "y": [10.0, -12.0, 9.5, 10.25],
    "k": [3, 1, 99, 7],
    "s": ["red", "blue", "violet", ""],
}

# Name of the case -> (features: kind, or [static method, arguments]; crosses: names, or arguments of cross; the rest).
CASES: dict[str, tuple[dict[str, Any], list[Any], dict[str, Any]]] = {
    "float": ({"x": "float"}, [], {}),
    "float_rescaled": ({"x": ["float_rescaled", {"scale": 0.5, "offset": -2.0}], "y": "float_rescaled"}, [], {}),
    "float_normalized": ({"y": "float_normalized", "x": ["float_normalized", {"name": "mine"}]}, [], {}),
    "float_discretized": (
        {"x": ["float_discretized", {"num_bins": 3}], "y": "float_discretized"},
        [],
        {"num_discretization_bins": 4},
    ),
    "discretized_int": (
        {"x": ["float_discretized", {"num_bins": 3, "output_mode": "int"}]},
        [],
        {"output_mode": "dict"},
    ),
    "integer_categorical": ({"k": "integer_categorical"}, [], {}),
    "integer_categorical_few": (
        {"k": ["integer_categorical", {"max_tokens": 4, "num_oov_indices": 2, "output_mode": "int"}]},
        [],
        {"output_mode": "dict"},
    ),
    "string_categorical": ({"s": "string_categorical"}, [], {}),
    "string_categorical_few": ({"s": ["string_categorical", {"max_tokens": 3, "num_oov_indices": 1}]}, [], {}),
    "string_categorical_oov": ({"s": ["string_categorical", {"num_oov_indices": 3}]}, [], {}),
    "string_categorical_int": ({"s": ["string_categorical", {"output_mode": "int"}]}, [], {"output_mode": "dict"}),
    "hashed": ({"s": "string_hashed", "k": "integer_hashed"}, [], {"hashing_dim": 5}),
    "hashed_arguments": (
        {
            "s": ["string_hashed", {"num_bins": 6, "output_mode": "int"}],
            "k": ["integer_hashed", {"num_bins": 7, "output_mode": "int"}],
        },
        [],
        {"output_mode": "dict"},
    ),
    "crosses": (
        {"x": "float_discretized", "k": "integer_categorical", "s": "string_categorical"},
        [["s", "k"], {"feature_names": ["x", "s"], "crossing_dim": 6}],
        {"crossing_dim": 4, "num_discretization_bins": 3},
    ),
    "crosses_int": (
        {"k": "integer_hashed", "s": ["string_categorical", {"output_mode": "int"}]},
        [{"feature_names": ["k", "s"], "crossing_dim": 9, "output_mode": "int"}],
        {"output_mode": "dict", "hashing_dim": 3},
    ),
    "all": (
        {
            "y": "float_normalized",
            "s": "string_categorical",
            "x": ["float_discretized", {"num_bins": 2}],
            "k": "integer_categorical",
        },
        [["s", "k"], ["k", "x"]],
        {"crossing_dim": 8, "name": "table"},
    ),
    "all_by_name": (
        {"y": "float", "s": "string_hashed", "x": "float_rescaled", "k": "integer_hashed"},
        [["s", "k"]],
        {"output_mode": "dict"},
    ),
}


def made(feature_space: Any, case: str) -> Any:
    """The space of a case, of either library's class."""
    features, crosses, rest = CASES[case]
    return feature_space(
        features={
            name: given if isinstance(given, str) else getattr(feature_space, given[0])(**given[1])
            for name, given in features.items()
        },
        crosses=[feature_space.cross(**c) if isinstance(c, dict) else tuple(c) for c in crosses] or None,
        **rest,
    )


def table(case: str, data: dict[str, list[Any]], row: int | None = None) -> dict[str, Any]:
    """The columns that a case has features for; or the values of one row."""
    return {name: data[name] if row is None else data[name][row] for name in CASES[case][0]}
