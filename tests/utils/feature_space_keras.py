"""Writes feature_space_keras.json: what Keras' FeatureSpace gives, with its torch backend and TensorFlow beside it.

KERAS_BACKEND=torch python tests/utils/feature_space_keras.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
from feature_space_cases import CALLED, CASES, LEARNED, made, table


def plain(result: Any) -> Any:
    if isinstance(result, dict):
        return {name: plain(value) for name, value in result.items()}
    return keras.ops.convert_to_numpy(result).tolist()


found = {}
for case in CASES:
    space = made(keras.utils.FeatureSpace, case)
    space.adapt(table(case, LEARNED))
    encoded = space.get_encoded_features()
    shapes = {n: list(t.shape) for n, t in encoded.items()} if isinstance(encoded, dict) else list(encoded.shape)
    found[case] = {
        "called": plain(space(table(case, CALLED))),
        "row": plain(space(table(case, CALLED, row=1))),
        "shapes": shapes,
    }
Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
