"""Constraints against Keras on torch: values, gradients, names and signatures; and what they promise."""

from __future__ import annotations

import json

import keras
import pytest
import torch

from lamina import constraints
from lamina.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from tests.keras_names import assert_same_classes

CASES = [
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("UnitNorm", {"axis": [0, 1, 2]}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 1.5, "axis": [0, 1, 2]}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 1.8, "max_value": 2.1}),
    ("MinMaxNorm", {"min_value": 1.8, "max_value": 2.1, "rate": 0.3, "axis": [1, 2]}),
]


def weight() -> torch.Tensor:
    return torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("name, arguments", CASES)
def test_value_and_gradient_are_those_of_keras(name, arguments, assert_same_with_gradient):
    ours = getattr(constraints, name)(**arguments)
    theirs = getattr(keras.constraints, name)(**arguments)
    assert_same_with_gradient(ours, theirs, weight())


@pytest.mark.parametrize("name, arguments", CASES)
def test_round_trip_through_json(name, arguments):
    original = getattr(constraints, name)(**arguments)
    data = json.loads(json.dumps(constraints.serialize(original)))
    assert data == {"class_name": name, "config": getattr(keras.constraints, name)(**arguments).get_config()}
    torch.testing.assert_close(constraints.deserialize(data)(weight()), original(weight()), rtol=0, atol=0)


LISTED = (
    "Constraint MaxNorm MinMaxNorm NonNeg UnitNorm deserialize get max_norm min_max_norm non_neg serialize unit_norm"
).split()


def test_names_and_signatures_are_those_of_keras():
    assert set(constraints.__all__) == set(LISTED)
    # A function's name stands for the class; the base class and the three functions compute nothing.
    computing = {getattr(constraints, name).__name__ for name in LISTED if isinstance(getattr(constraints, name), type)}
    assert computing - {name for name, _ in CASES} == {"Constraint"}
    assert_same_classes(constraints, keras.constraints)


def test_lengths_are_in_range():
    w = weight()
    for constraint, least, most in (
        (MaxNorm(1.5), 0.0, 1.5),
        (UnitNorm(), 1.0, 1.0),
        (MinMaxNorm(1.8, 2.1), 1.8, 2.1),
    ):
        lengths = constraint(w).norm(dim=0)
        assert lengths.min() >= least - 1e-5
        assert lengths.max() <= most + 1e-5
    assert NonNeg()(w).min() == 0.0
    torch.testing.assert_close(MaxNorm(100.0)(w), w)


@pytest.mark.parametrize("cls", [MaxNorm, MinMaxNorm, UnitNorm])
def test_a_weight_of_zeros_stays(cls):
    torch.testing.assert_close(cls()(torch.zeros(3, 2)), torch.zeros(3, 2), rtol=0, atol=0)


def test_length_of_a_large_weight_is_exact():
    w = torch.full((4_000_000, 1), 0.1)
    torch.testing.assert_close(UnitNorm()(w), torch.full_like(w, 1 / 2000), rtol=1e-4, atol=0)


def test_base_class_leaves_the_weight():
    w = weight()
    assert Constraint()(w) is w
    assert constraints.get(None) is None
