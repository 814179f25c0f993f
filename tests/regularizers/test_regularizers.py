"""Regularizers against Keras on torch: values, gradients, names and signatures."""

from __future__ import annotations

import json

import keras
import pytest
import torch

from lamina import regularizers
from lamina.graph import ArgumentError, ShapeError
from lamina.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from tests.keras_names import assert_same_classes

CASES = [
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L1", {"l1": None}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.3}),
    ("L1L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
]


@pytest.mark.parametrize("name, arguments", CASES)
def test_value_and_gradient_are_those_of_keras(name, arguments, assert_same_with_gradient):
    ours = getattr(regularizers, name)(**arguments)
    theirs = getattr(keras.regularizers, name)(**arguments)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    assert_same_with_gradient(ours, theirs, x)
    assert ours(x).shape == ()


@pytest.mark.parametrize("name, arguments", CASES)
def test_round_trip_through_json(name, arguments):
    original = getattr(regularizers, name)(**arguments)
    data = json.loads(json.dumps(regularizers.serialize(original)))
    assert data["class_name"] == name
    assert data["config"] == pytest.approx(getattr(keras.regularizers, name)(**arguments).get_config())
    again = regularizers.deserialize(data)
    assert type(again) is type(original)
    assert again.get_config() == original.get_config()


LISTED = (
    "L1 L1L2 L2 OrthogonalRegularizer Regularizer deserialize get l1 l1_l2 l2 orthogonal_regularizer serialize".split()
)


def test_names_and_signatures_are_those_of_keras():
    assert set(regularizers.__all__) == set(LISTED)
    # A function's name stands for the class; the base class and the three functions compute nothing.
    computing = {
        getattr(regularizers, name).__name__ for name in LISTED if isinstance(getattr(regularizers, name), type)
    }
    assert computing - {name for name, _ in CASES} == {"Regularizer"}
    assert_same_classes(regularizers, keras.regularizers)


@pytest.mark.parametrize("name, cls", [("l1", L1), ("L2", L2), ("l1_l2", L1L2), ("l1l2", L1L2)])
def test_get_by_name(name, cls):
    assert type(regularizers.get(name)) is cls


def test_nothing_given_no_penalty():
    x = torch.ones(2, 3, dtype=torch.float64)
    assert L1L2()(x).item() == 0.0
    assert L1L2()(x).dtype == torch.float64
    assert regularizers.get(None) is None


def test_a_single_row_has_no_pair_to_compare():
    assert OrthogonalRegularizer()(torch.ones(1, 4)).item() == 0.0


def test_zero_rows_give_no_nan():
    x = torch.zeros(3, 4, requires_grad=True)
    OrthogonalRegularizer()(x).backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", [0.1]])
@pytest.mark.parametrize("cls, name", [(L1, "l1"), (L2, "l2"), (L1L2, "l1"), (L1L2, "l2")])
def test_bad_factor_is_refused(cls, name, value):
    with pytest.raises(ArgumentError, match=f"{name}=.*\n.*finite number, at least 0"):
        cls(**{name: value})


def test_bad_orthogonal_arguments_are_refused():
    with pytest.raises(ArgumentError, match="rows"):
        OrthogonalRegularizer(mode="diagonal")
    with pytest.raises(ArgumentError, match="factor=-1"):
        OrthogonalRegularizer(factor=-1)
    with pytest.raises(ShapeError, match=r"\(2, 3, 4\)"):
        OrthogonalRegularizer()(torch.ones(2, 3, 4))


def test_base_class_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="__call__"):
        Regularizer()(torch.ones(2))
    with pytest.raises(NotImplementedError, match="get_config"):
        Regularizer().get_config()
    with pytest.raises(ArgumentError, match="get_config"):
        regularizers.serialize(Regularizer())
