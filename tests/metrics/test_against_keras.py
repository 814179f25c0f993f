"""Metrics beside Keras 3.15 on torch: the same batches, the same results, with and without weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from keras.src import backend

from lamina import metrics

C = 4
BATCHES = (7, 7, 3)


def generator(batch):
    return np.random.default_rng(batch)


def uniform(batch, *shape):
    return generator(batch).uniform(0.02, 0.98, size=shape).astype("float32")


def numbers(batch, *shape):
    return generator(batch + 50).normal(size=shape).astype("float32")


def regression(batch, rows):
    return numbers(batch, rows, 3), numbers(batch + 10, rows, 3)


def positive(batch, rows):
    return 4 * uniform(batch, rows, 3), 4 * uniform(batch + 10, rows, 3)


def steps(batch, rows):
    return numbers(batch, rows, 5, 3), numbers(batch + 10, rows, 5, 3)


def integers(batch, rows):
    return generator(batch).integers(0, 3, size=(rows, 2)), generator(batch + 10).integers(0, 3, size=(rows, 2))


def binary(batch, rows):
    return (numbers(batch, rows, 1) > 0).astype("float32"), uniform(batch + 10, rows, 1)


def vector(batch, rows):
    y_true, y_pred = binary(batch, rows)
    return y_true[:, 0], y_pred[:, 0]


def labels(batch, rows):
    return (numbers(batch, rows, C) > 0).astype("float32"), uniform(batch + 10, rows, C)


def logits(batch, rows):
    return labels(batch, rows)[0], 3 * numbers(batch + 10, rows, C)


def one_hot(batch, rows):
    return np.eye(C, dtype="float32")[generator(batch).integers(0, C, size=rows)], uniform(batch + 10, rows, C)


def one_hot_steps(batch, rows):
    targets = np.eye(C, dtype="float32")[generator(batch).integers(0, C, size=(rows, 5))]
    return targets, uniform(batch + 10, rows, 5, C)


def classes(batch, rows):
    return generator(batch).integers(0, C, size=rows), uniform(batch + 10, rows, C)


def column_of_classes(batch, rows):
    return classes(batch, rows)[0][:, None], classes(batch, rows)[1]


def classes_steps(batch, rows):
    return generator(batch).integers(0, C, size=(rows, 5)), uniform(batch + 10, rows, 5, C)


def sorted_ids(batch, rows):
    order = np.stack([generator(batch + i).permutation(C) for i in range(rows)])
    return generator(batch).integers(0, C, size=rows), order.astype("int64")


def distributions(batch, rows):
    y_true, y_pred = labels(batch, rows)[1], uniform(batch + 20, rows, C)
    return y_true / y_true.sum(-1, keepdims=True), y_pred / y_pred.sum(-1, keepdims=True)


def maps(batch, rows):
    return generator(batch).integers(0, C, size=(rows, 3, 2)), generator(batch + 10).integers(0, C, size=(rows, 3, 2))


def maps_with_void(batch, rows):
    return generator(batch).integers(-1, C + 1, size=(rows, 3, 2)), maps(batch, rows)[1]


def scores_of_maps(batch, rows):
    return maps(batch, rows)[0], uniform(batch + 10, rows, 3, 2, C)


def one_hot_maps(batch, rows):
    return np.eye(C, dtype="float32")[maps(batch, rows)[0]], scores_of_maps(batch, rows)[1]


def one_hot_maps_channels_first(batch, rows):
    return tuple(np.ascontiguousarray(np.moveaxis(part, -1, 1)) for part in one_hot_maps(batch, rows))


CASES = [
    ("Accuracy", {}, integers),
    ("BinaryAccuracy", {}, binary),
    ("BinaryAccuracy", {}, vector),
    ("BinaryAccuracy", {"threshold": 0.3}, labels),
    ("CategoricalAccuracy", {}, one_hot),
    ("CategoricalAccuracy", {}, one_hot_steps),
    ("SparseCategoricalAccuracy", {}, classes),
    ("SparseCategoricalAccuracy", {}, column_of_classes),
    ("SparseCategoricalAccuracy", {}, classes_steps),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot),
    ("TopKCategoricalAccuracy", {"k": 3}, one_hot_steps),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, classes),
    ("SparseTopKCategoricalAccuracy", {"k": 1}, classes_steps),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, sorted_ids),
    ("MeanSquaredError", {}, regression),
    ("MeanSquaredError", {}, steps),
    ("RootMeanSquaredError", {}, regression),
    ("RootMeanSquaredError", {}, vector),
    ("MeanAbsoluteError", {}, regression),
    ("MeanAbsolutePercentageError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("LogCoshError", {}, regression),
    ("CosineSimilarity", {}, steps),
    ("CosineSimilarity", {"axis": 1}, regression),
    ("R2Score", {}, regression),
    ("R2Score", {"class_aggregation": None}, regression),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, regression),
    ("BinaryCrossentropy", {}, labels),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, logits),
    ("CategoricalCrossentropy", {}, one_hot),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, logits),
    ("SparseCategoricalCrossentropy", {}, classes),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes_steps),
    ("KLDivergence", {}, distributions),
    ("Poisson", {}, positive),
    ("Hinge", {}, logits),
    ("SquaredHinge", {}, logits),
    ("CategoricalHinge", {}, one_hot),
    ("TruePositives", {}, labels),
    ("TrueNegatives", {}, binary),
    ("FalsePositives", {"thresholds": 0.3}, labels),
    ("FalseNegatives", {"thresholds": [0.7, 0.2]}, labels),
    ("TruePositives", {"thresholds": [0.0, 0.5, 1.0]}, binary),
    ("Precision", {}, binary),
    ("Precision", {}, vector),
    ("Precision", {"thresholds": [0.8, 0.1, 0.5]}, labels),
    ("Precision", {"top_k": 2}, labels),
    ("Precision", {"class_id": 1}, labels),
    ("Recall", {}, binary),
    ("Recall", {"thresholds": [0.2, 0.8]}, labels),
    ("Recall", {"top_k": 2, "class_id": 1}, labels),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, labels),
    ("SensitivityAtSpecificity", {"specificity": 0.3, "num_thresholds": 1}, labels),
    ("SpecificityAtSensitivity", {"sensitivity": 0.3, "class_id": 2}, labels),
    ("PrecisionAtRecall", {"recall": 0.4, "num_thresholds": 17}, labels),
    ("RecallAtPrecision", {"precision": 0.45}, labels),
    ("F1Score", {}, one_hot),
    ("F1Score", {"average": "micro", "threshold": 0.5}, labels),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, one_hot),
    ("FBetaScore", {"average": "macro", "beta": 0.5, "threshold": 0.4}, labels),
    ("AUC", {}, binary),
    ("AUC", {"num_thresholds": 11}, vector),
    ("AUC", {"thresholds": [0.9, 0.2, 0.4]}, labels),
    ("AUC", {"curve": "PR"}, labels),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, labels),
    ("AUC", {"curve": "PRGAIN"}, labels),
    ("AUC", {"summation_method": "minoring"}, labels),
    ("AUC", {"from_logits": True}, logits),
    ("AUC", {"multi_label": True}, labels),
    ("AUC", {"multi_label": True, "num_labels": C, "label_weights": [1.0, 2.0, 3.0, 4.0], "curve": "PR"}, labels),
    ("AUC", {"label_weights": [1.0, 2.0, 3.0, 4.0]}, labels),
    ("PearsonCorrelation", {}, regression),
    ("PearsonCorrelation", {"axis": 1}, steps),
    ("PearsonCorrelation", {"axis": (1, 2)}, steps),
    ("ConcordanceCorrelation", {}, regression),
    ("ConcordanceCorrelation", {"axis": 1}, steps),
]
SEGMENTATION = [
    ("IoU", {"num_classes": C, "target_class_ids": [0, 2]}, maps),
    ("IoU", {"num_classes": C, "target_class_ids": (1,), "sparse_y_pred": False}, scores_of_maps),
    ("IoU", {"num_classes": C, "target_class_ids": [3], "ignore_class": 1}, maps_with_void),
    ("MeanIoU", {"num_classes": C}, maps_with_void),
    ("MeanIoU", {"num_classes": C + 2, "ignore_class": -1, "sparse_y_pred": False}, scores_of_maps),
    ("OneHotIoU", {"num_classes": C, "target_class_ids": [1, 3]}, one_hot_maps),
    ("OneHotIoU", {"num_classes": C, "target_class_ids": [0], "ignore_class": 1}, one_hot_maps),
    ("OneHotMeanIoU", {"num_classes": C}, one_hot_maps),
    ("OneHotMeanIoU", {"num_classes": C, "ignore_class": 2}, one_hot),
    ("BinaryIoU", {}, labels),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, binary),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name, arguments, data", CASES, ids=lambda x: x.__name__ if callable(x) else str(x))
def test_result_after_each_update(name, arguments, data, weighted):
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    for epoch in range(2):
        for batch, rows in enumerate(BATCHES):
            y_true, y_pred = data(batch + 100 * epoch, rows)
            weight = uniform(batch + 30, rows) * 3 if weighted else None
            theirs.update_state(torch.from_numpy(y_true), torch.from_numpy(y_pred), sample_weight=weight)
            ours.update_state(torch.from_numpy(y_true), torch.from_numpy(y_pred), sample_weight=weight)
            expected = theirs.result().detach().to(torch.float32)
            torch.testing.assert_close(ours.result(), expected, rtol=1e-5, atol=1e-6)
        assert (ours.result() != 0).any()
        ours.reset_state()
        theirs.reset_state()


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name, arguments, data", SEGMENTATION, ids=lambda x: x.__name__ if callable(x) else str(x))
def test_intersection_over_union(name, arguments, data, weighted):
    """Keras counts in whole numbers by default and cuts weights off: it is asked for float32, which is our default."""
    ours = getattr(metrics, name)(**arguments)
    theirs = getattr(keras.metrics, name)(**arguments, dtype="float32")
    for batch, rows in enumerate(BATCHES):
        y_true, y_pred = (torch.from_numpy(part) for part in data(batch, rows))
        # Keras takes one weight for each class number.
        shape = y_true.shape[:-1] if "OneHot" in name else y_true.shape
        weight = torch.from_numpy(uniform(batch + 30, *shape)) if weighted else None
        theirs.update_state(y_true, y_pred, sample_weight=weight)
        ours.update_state(y_true, y_pred, sample_weight=weight)
        torch.testing.assert_close(ours.result(), theirs.result(), rtol=1e-5, atol=1e-6)
    assert ours.result() > 0


def test_classes_of_one_hot_maps_along_another_axis():
    """Keras' result fails with axis=1: the reference is the same data with the classes last."""
    ours = metrics.OneHotMeanIoU(num_classes=C, axis=1)
    theirs = keras.metrics.OneHotMeanIoU(num_classes=C)
    ours.update_state(*one_hot_maps_channels_first(0, 7))
    theirs.update_state(*(torch.from_numpy(part) for part in one_hot_maps(0, 7)))
    torch.testing.assert_close(ours.result(), theirs.result(), rtol=1e-5, atol=1e-6)


# (B, T) masks; Keras knows masks in means only.
MASKED = [
    ("MeanSquaredError", {}, steps),
    ("CosineSimilarity", {}, steps),
    ("SparseCategoricalAccuracy", {}, classes_steps),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot_steps),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, classes_steps),
    ("PearsonCorrelation", {}, steps),
]


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name, arguments, data", MASKED, ids=lambda x: x.__name__ if callable(x) else str(x))
def test_masks(name, arguments, data, weighted):
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    for batch, rows in enumerate(BATCHES):
        y_true, y_pred = (torch.from_numpy(part) for part in data(batch, rows))
        mask = torch.from_numpy(numbers(batch, rows, 5) > -0.5)
        weight = torch.from_numpy(uniform(batch + 30, rows, 5)) if weighted else None
        ours.update_state(y_true, y_pred, weight, mask)
        backend.set_keras_mask(y_pred, mask)
        theirs.update_state(y_true, y_pred, sample_weight=weight)
        torch.testing.assert_close(ours.result(), theirs.result(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("shape", [(), (6,), (6, 3), (6, 3, 2)], ids=str)
def test_means_and_sums_of_values(name, shape):
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for batch in range(3):
        values = numbers(batch, *shape)
        for weight in (None, *(uniform(batch, *shape[: i + 1]) for i in range(len(shape)))):
            expected = theirs(torch.from_numpy(np.asarray(values)), sample_weight=weight)
            torch.testing.assert_close(ours(values, sample_weight=weight), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name, arguments, data", CASES + SEGMENTATION, ids=lambda x: x.__name__ if callable(x) else str(x)
)
def test_configs_are_those_of_keras(name, arguments, data):
    arguments = {**arguments, "name": "mine", "dtype": "float32"}
    ours, theirs = (getattr(library, name)(**arguments).get_config() for library in (metrics, keras.metrics))
    if "label_weights" in arguments:
        theirs["label_weights"] = theirs["label_weights"].tolist()
    assert {key: ours[key] for key in theirs} == theirs


ALIASES = "mse MSE mae MAE mape MAPE msle MSLE bce BCE".split()
SNAKE_CASE = (
    "accuracy root_mean_squared_error auc categorical_accuracy top_k_categorical_accuracy f1_score precision".split()
)


@pytest.mark.parametrize("name", [*ALIASES, *SNAKE_CASE, "AUC", "R2Score"])
def test_names(name):
    assert type(metrics.get(name)).__name__ == type(keras.metrics.get(name)).__name__


FUNCTIONS = [
    ("binary_accuracy", {"threshold": 0.4}, labels),
    ("categorical_accuracy", {}, one_hot_steps),
    ("sparse_categorical_accuracy", {}, column_of_classes),
    ("sparse_categorical_accuracy", {}, classes_steps),
    ("top_k_categorical_accuracy", {"k": 2}, one_hot_steps),
    ("sparse_top_k_categorical_accuracy", {"k": 2}, classes_steps),
    ("sparse_top_k_categorical_accuracy", {"k": 1, "from_sorted_ids": True}, sorted_ids),
    ("pearson_correlation", {}, regression),
    ("pearson_correlation", {"axis": 0}, steps),
    ("concordance_correlation", {}, regression),
    ("concordance_correlation", {"axis": (0, 1)}, steps),
]


@pytest.mark.parametrize("name, arguments, data", FUNCTIONS, ids=lambda x: x.__name__ if callable(x) else str(x))
def test_functions(name, arguments, data):
    y_true, y_pred = data(0, 9)
    expected = getattr(keras.metrics, name)(y_true, y_pred, **arguments)
    torch.testing.assert_close(getattr(metrics, name)(y_true, y_pred, **arguments), expected)


def test_ties_and_more_places_than_classes_in_top_k():
    y_true, y_pred = np.array([0, 1, 2]), np.array([[0.5, 0.5, 0.1], [0.5, 0.5, 0.1], [0.5, 0.5, 0.1]], "float32")
    expected = keras.metrics.sparse_top_k_categorical_accuracy(y_true, y_pred, k=1)
    torch.testing.assert_close(metrics.sparse_top_k_categorical_accuracy(y_true, y_pred, k=1), expected)
    assert metrics.sparse_top_k_categorical_accuracy(y_true, y_pred, k=5).sum() == 3
