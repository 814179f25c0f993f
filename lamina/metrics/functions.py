"""Accuracies as functions: 1.0 for a right answer, 0.0 for a wrong one, for every sample (or step, or unit).

B batch, T time, F units that answer independently, C classes (the last axis).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lamina.losses.crossentropy import class_numbers
from lamina.losses.shapes import as_tensor, paired, same_shape
from lamina.users_traceback import at_users_line


@at_users_line
def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Where predictions equal targets: (B, ...) -> (B, ...).

    >>> accuracy([1, 2, 3], [1, 2, 2])
    tensor([1., 1., 0.])
    """
    y_pred = as_tensor(y_pred)
    y_true, y_pred = same_shape(as_tensor(y_true, y_pred.device), y_pred, "accuracy")
    result: Tensor = (y_true == y_pred).float()
    return result


@at_users_line
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Where ``y_pred > threshold`` equals the target, 0 or 1: (B, ..., F) -> (B, ..., F).

    >>> binary_accuracy([1, 0, 0], [0.9, 0.2, 0.7])
    tensor([1., 1., 0.])
    """
    y_pred = as_tensor(y_pred)
    y_true, y_pred = same_shape(as_tensor(y_true, y_pred.device), y_pred, "binary_accuracy")
    result: Tensor = ((y_pred > threshold) == y_true).float()
    return result


@at_users_line
def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Where the largest prediction is at the place of the largest target: (B, ..., C) -> (B, ...).

    >>> categorical_accuracy([[0.0, 1.0], [1.0, 0.0]], [[0.2, 0.8], [0.3, 0.7]])
    tensor([1., 0.])
    """
    y_true, y_pred = paired(y_true, y_pred, "categorical_accuracy", _HINT)
    result: Tensor = (y_true.argmax(-1) == y_pred.argmax(-1)).float()
    return result


@at_users_line
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Where the largest prediction is at the place that the target, a class number, tells: (B, ..., C) -> (B, ...).

    >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]])
    tensor([1., 0.])
    """
    y_true, y_pred = class_numbers(y_true, y_pred, -1, "sparse_categorical_accuracy")
    result: Tensor = (y_true == y_pred.argmax(-1)).float()
    return result


@at_users_line
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Where the class of the largest target is among the `k` largest predictions: (B, ..., C) -> (B, ...).

    >>> top_k_categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]], k=1)
    tensor([0., 1.])
    """
    y_true, y_pred = paired(y_true, y_pred, "top_k_categorical_accuracy", _HINT)
    return _in_top_k(y_true.argmax(-1), y_pred, k)


@at_users_line
def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """Where the target, a class number, is among the `k` largest predictions: (B, ..., C) -> (B, ...).

    With `from_sorted_ids` the predictions are class numbers, the likeliest first, of which the first `k` are looked at.

    >>> sparse_top_k_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.0]], k=2)
    tensor([1., 1.])
    """
    if from_sorted_ids:
        y_pred = as_tensor(y_pred)
        y_true = as_tensor(y_true, y_pred.device)
        y_true = same_shape(y_true, y_pred[..., 0], "sparse_top_k_categorical_accuracy")[0].reshape(y_pred.shape[:-1])
        result: Tensor = (y_true.unsqueeze(-1) == y_pred[..., :k]).any(-1).float()
        return result
    y_true, y_pred = class_numbers(y_true, y_pred, -1, "sparse_top_k_categorical_accuracy")
    return _in_top_k(y_true, y_pred, k)


def _in_top_k(classes: Tensor, y_pred: Tensor, k: int) -> Tensor:
    """Where fewer than k predictions are larger than that of the class: no sorting, and any k; nan is never right."""
    own = y_pred.gather(-1, classes.unsqueeze(-1))
    return (torch.logical_not(y_pred <= own).sum(-1) < k).float()


_HINT = "targets that are class numbers want the sparse_ variant"

FUNCTIONS = {
    function.__name__: function
    for function in (
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        top_k_categorical_accuracy,
    )
}
"""The accuracies by their public names."""
