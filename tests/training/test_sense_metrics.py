"""Metrics that say nothing of what they are given, and weights of classes that there are not, are told of once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

import lamina
from lamina import layers, losses, metrics

X = np.random.default_rng(0).random((20, 4)).astype("float32")
YES = (X[:, :1] > 0.5).astype("float32")
REAL = X.sum(1, keepdims=True)
CLASSES = np.arange(20) % 3
LOGITS = losses.BinaryCrossentropy(from_logits=True)
SPARSE_LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)


class Drawn(lamina.Model):
    """One without a graph: its outputs are known once it has run."""

    def __init__(self, units: int, activation: Any) -> None:
        super().__init__()
        self.dense = layers.Dense(units, activation=activation)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def sequential(units: int, activation: Any) -> Any:
    return lamina.Sequential([layers.Input((4,)), layers.Dense(units, activation=activation)])


def told(make: Any, units: int, activation: Any, loss: Any, measured: Any, y: Any, **options: Any) -> list[str]:
    model = make(units, activation)
    model.compile("sgd", loss, metrics=measured)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(X, y, verbose=0, epochs=2, **options)
        model.evaluate(X, y, verbose=0)
    return [str(warning.message) for warning in seen]


WRONG = {
    "AUC and accuracy": (1, None, LOGITS, ["AUC", "accuracy"], YES, ["AUC(from_logits=True)", "threshold=0.0"]),
    "precision": (1, None, LOGITS, ["Precision"], YES, ["Precision(thresholds=0.0)"]),
    "torch": (1, None, torch.nn.BCEWithLogitsLoss(), ["accuracy"], YES, ["BinaryAccuracy(threshold=0.0)"]),
    "entropy": (3, None, SPARSE_LOGITS, ["sparse_categorical_crossentropy"], CLASSES, ["from_logits=True"]),
    "f1": (1, None, LOGITS, [metrics.F1Score(threshold=0.5)], YES, ["probabilities for F1Score"]),
    "amounts": (1, None, "mse", ["accuracy"], REAL, ["always 0", "'mae'"]),
    "counts": (1, None, "mse", ["accuracy"], CLASSES, ["always 0", "such as 2"]),
    "one unit": (1, "sigmoid", "binary_crossentropy", ["categorical_accuracy"], YES, ["BinaryAccuracy()"]),
    "top 5 of 3": (
        3,
        "softmax",
        "sparse_categorical_crossentropy",
        ["sparse_top_k_categorical_accuracy"],
        CLASSES,
        ["a smaller k"],
    ),
}


@pytest.mark.parametrize("make", [sequential, Drawn])
@pytest.mark.parametrize("units, activation, loss, measured, y, words", WRONG.values(), ids=WRONG)
def test_a_metric_that_says_nothing_is_told_of_once(
    make: Any, units: int, activation: Any, loss: Any, measured: Any, y: Any, words: list[str]
) -> None:
    (message,) = told(make, units, activation, loss, measured, y)
    for word in words:
        assert word in message


RIGHT = {
    "thresholds": (1, None, LOGITS, [metrics.AUC(from_logits=True), metrics.BinaryAccuracy(threshold=0.0)], YES),
    "at 0": (1, None, LOGITS, [metrics.Precision(thresholds=0), metrics.Hinge(), "mse"], YES),
    "classes": (3, None, SPARSE_LOGITS, ["accuracy", metrics.SparseTopKCategoricalAccuracy(2)], CLASSES),
    "probabilities": (1, "sigmoid", "binary_crossentropy", ["AUC", "accuracy", "Precision"], YES),
    "amounts": (1, None, "mse", ["mae", "mse"], REAL),
    "own function": (1, None, LOGITS, [lambda y, p: ((p > 0) == (y > 0)).float().mean()], YES),
}


@pytest.mark.parametrize("make", [sequential, Drawn])
@pytest.mark.parametrize("units, activation, loss, measured, y", RIGHT.values(), ids=RIGHT)
def test_a_metric_that_fits_is_silent(make: Any, units: int, activation: Any, loss: Any, measured: Any, y: Any) -> None:
    assert not told(make, units, activation, loss, measured, y)


@pytest.mark.parametrize("make", [sequential, Drawn])
def test_weights_of_classes_that_there_are_not(make: Any) -> None:
    softmax = (make, 3, "softmax", "sparse_categorical_crossentropy", None, CLASSES)
    sigmoid = (make, 1, "sigmoid", "binary_crossentropy", None, YES)
    (message,) = told(*softmax, class_weight={0: 1.0, 7: 2.0})
    assert "weights for 7" in message
    assert "0 to 2" in message
    (message,) = told(*sigmoid, class_weight={1: 1.0, 2: 2.0})
    assert "0 to 1" in message
    assert not told(*softmax, class_weight={0: 1.0, 2: 2.0})
    assert not told(*sigmoid, class_weight={0: 1.0, 1: 2.0})
    assert not told(make, 1, None, "mse", None, CLASSES, class_weight={2: 3.0})
