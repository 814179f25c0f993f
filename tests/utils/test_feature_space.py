"""`lamina.utils.FeatureSpace`, against what Keras' gives where TensorFlow is (see feature_space_keras.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamina
from lamina.utils import FeatureSpace

from .feature_space_cases import CALLED, CASES, LEARNED, made, table

KERAS = json.loads(Path(__file__).with_name("feature_space_keras.json").read_text())


def adapted(case: str) -> Any:
    space = made(FeatureSpace, case)
    space.adapt(table(case, LEARNED))
    return space


def parts(result: Any) -> dict[str, Any]:
    return result if isinstance(result, dict) else {"": result}


def agree(result: Any, expected: Any) -> None:
    result, expected = parts(result), parts(expected)
    assert list(result) == list(expected)
    for name, value in result.items():
        assert np.array(expected[name]).shape == tuple(value.shape)
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_as_in_keras(case: str) -> None:
    space = adapted(case)
    agree(space(table(case, CALLED)), KERAS[case]["called"])
    agree(space(table(case, CALLED, row=1)), KERAS[case]["row"])


@pytest.mark.parametrize("case", CASES)
def test_in_a_graph(case: str) -> None:
    space = adapted(case)
    encoded = space.get_encoded_features()
    assert {name: list(tensor.shape) for name, tensor in parts(encoded).items()} == parts(KERAS[case]["shapes"])
    assert encoded is space.get_encoded_features()
    assert list(space.get_inputs()) == list(CASES[case][0])
    model = lamina.Model(space.get_inputs(), encoded)
    agree(model(space.model_inputs(table(case, CALLED))), KERAS[case]["called"])
