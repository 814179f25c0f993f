"""What has a name of Keras' takes arrays, lists and numbers where Keras' does: with the result of a tensor."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import Variable, activations, constraints, layers, ops, regularizers
from lamina.optimizers import schedules

ROWS = [[-1.0, 0.5, 2.0, 0.0], [1.0, 3.0, -2.0, 4.0]]
MORE: dict[str, dict[str, Any]] = {"threshold": {"threshold": 0.5, "default_value": 1.0}}
ACTIVATIONS = [name for name in activations.__all__ if name not in ("get", "serialize", "deserialize")]
OF_WEIGHTS = [
    *(constraints.MaxNorm(1.0), constraints.NonNeg(), constraints.UnitNorm(), constraints.MinMaxNorm(0.5, 1.0)),
    *(regularizers.L1(0.1), regularizers.L2(0.1), regularizers.L1L2(0.1, 0.2)),
    *(regularizers.OrthogonalRegularizer(0.1),),
]


def _same(function: Any, **more: Any) -> None:
    due = function(torch.tensor(ROWS), **more)
    for given in (ROWS, np.array(ROWS, "float32"), tuple(map(tuple, ROWS)), Variable(ROWS)):
        torch.testing.assert_close(function(given, **more), due)
    assert function(np.array(ROWS), **more).dtype is torch.float64
    argument = next(iter(inspect.signature(function).parameters))
    torch.testing.assert_close(function(**{argument: np.array(ROWS, "float32")}, **more), due)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name: str) -> None:
    _same(getattr(activations, name), **MORE.get(name, {}))
    assert activations.get(name) is getattr(activations, name)
    assert inspect.signature(getattr(activations, name)).parameters


def test_activations_of_numbers() -> None:
    assert activations.relu(-1.0) == 0
    assert activations.sigmoid(0) == 0.5
    assert activations.relu(np.float32(3)).dtype is torch.float32
    assert activations.linear([1, 2]).dtype is torch.int32


@pytest.mark.parametrize("function", OF_WEIGHTS, ids=lambda function: type(function).__name__)
def test_constraints_and_regularizers(function: Any) -> None:
    _same(function)


def test_masks_of_arrays() -> None:
    tokens, steps = np.array([[0, 1]]), np.array([[[1.0, 0.0], [0.0, 0.0]]])
    embedding = layers.Embedding(3, 2, mask_zero=True)
    for found in (embedding.compute_mask(tokens), embedding.compute_mask(inputs=tokens, mask=None)):
        assert found.tolist() == [[False, True]]
    assert layers.Masking().compute_mask(steps).tolist() == [[True, False]]
    pair, masks = [np.ones((1, 2, 3))] * 2, [np.array([[True, False]]), np.array([[False, False]])]
    for layer in (layers.Add(), layers.Concatenate()):
        assert layer.compute_mask(pair, masks).tolist() == [[True, False]]
        assert layer.compute_mask(inputs=pair, mask=[None, None]) is None


@pytest.mark.parametrize(
    "step", [3, np.int64(3), np.float32(3), torch.tensor(3), Variable(3)], ids=lambda s: type(s).__name__
)
def test_schedules_of_any_number(step: Any) -> None:
    for schedule in (
        schedules.ExponentialDecay(0.1, 10, 0.9), schedules.CosineDecay(0.1, 10), schedules.PolynomialDecay(0.1, 10),
        schedules.PiecewiseConstantDecay([1, 5], [0.1, 0.2, 0.3]), schedules.InverseTimeDecay(0.1, 10, 0.5),
    ):  # fmt: skip
        assert float(schedule(step)) == pytest.approx(float(schedule(3)))


def test_shapes_losses_and_metrics_of_plain_values() -> None:
    assert (ops.shape(3), ops.ndim(2.5), ops.size(np.float32(3)), ops.shape([1, 2])) == ((), 0, 1, (2,))
    assert lamina.losses.mean_squared_error([1.0, 2.0], np.array([2.0, 2.0])) == 0.5
    assert lamina.losses.MeanAbsoluteError()([1.0, 2.0], [2.0, 2.0]) == 0.5
    assert lamina.metrics.Mean()([1, 2, 3]) == 2
    assert lamina.metrics.binary_accuracy([1.0, 0.0], np.array([0.2, 0.7])).tolist() == [0.0, 0.0]
