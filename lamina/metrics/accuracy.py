"""Accuracies: the share of right answers, from 0 to 1."""

from __future__ import annotations

from typing import Any

from .functions import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .measure import Measure


class Accuracy(Measure):
    """How often predictions equal targets.

    >>> Accuracy()([1, 2, 3, 4], [1, 2, 2, 4])
    tensor(0.7500)
    """

    direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(Measure):
    """How often ``y_pred > threshold`` equals the target, 0 or 1.

    Args:
        threshold: 0.5 for probabilities; 0 where predictions are logits.

    >>> BinaryAccuracy()([1, 0, 0, 1], [0.9, 0.2, 0.7, 0.8])
    tensor(0.7500)
    """

    direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(Measure):
    """How often the largest prediction is at the place of the largest target, which is one-hot.

    >>> CategoricalAccuracy()([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.3, 0.7]])
    tensor(0.5000)
    """

    direction = "up"
    compares = True

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(Measure):
    """How often the largest prediction is at the place that the target, a class number, tells.

    >>> SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.3, 0.7]])
    tensor(0.5000)
    """

    direction = "up"
    compares = True

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(Measure):
    """How often the class of a one-hot target is among the `k` largest predictions.

    >>> TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    tensor(0.5000)
    """

    direction = "up"
    compares = True

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(Measure):
    """How often the target, a class number, is among the `k` largest predictions.

    Args:
        k: how many.
        from_sorted_ids: predictions are class numbers, the likeliest first.

    >>> SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]])
    tensor(0.5000)
    """

    direction = "up"
    compares = True

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
