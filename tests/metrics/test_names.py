"""Every name that Keras lists for metrics: there, with its arguments, and compared in test_against_keras.py."""

from __future__ import annotations

import inspect

import keras
import pytest

from lamina import losses, metrics
from tests.metrics.test_against_keras import CASES, FUNCTIONS, SEGMENTATION

LISTED = """
    AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
    CategoricalHinge
    ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge IoU KLDivergence
    LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper MeanSquaredError
    MeanSquaredLogarithmicError Metric OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision PrecisionAtRecall
    R2Score Recall RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity SparseCategoricalAccuracy
    SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity SquaredHinge Sum
    TopKCategoricalAccuracy TrueNegatives TruePositives
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_hinge concordance_correlation deserialize get hinge huber kl_divergence
    log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error
    pearson_correlation poisson serialize sparse_categorical_accuracy sparse_categorical_crossentropy
    sparse_top_k_categorical_accuracy squared_hinge top_k_categorical_accuracy
""".split()
OURS = {"TorchMetric", "resolve_accuracy", "resolve_metric", "takes_mask"}
# What these compute is compared below the table of cases, or is nothing.
ELSEWHERE = {"Mean", "MeanMetricWrapper", "Metric", "Sum", "deserialize", "get", "serialize"}


def arguments(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def test_the_list_is_that_of_keras_and_ours():
    assert set(LISTED) == {name for name in dir(keras.metrics) if not name.startswith("_")}
    assert set(metrics.__all__) == set(LISTED) | OURS


@pytest.mark.parametrize("name", LISTED)
def test_arguments_their_order_and_defaults(name):
    assert arguments(getattr(metrics, name)) == arguments(getattr(keras.metrics, name))


def test_every_listed_name_has_a_case():
    compared = {name for name, *_ in (*CASES, *SEGMENTATION, *FUNCTIONS)}
    missing = set(LISTED) - ELSEWHERE - compared
    # The functions that are losses too are the same objects, compared with Keras in tests/losses.
    assert {name for name in missing if getattr(metrics, name) is not getattr(losses, name, None)} == set()


NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}


# MeanMetricWrapper is called by its class in Keras, by its function here.
@pytest.mark.parametrize("name", [name for name in LISTED if name[0].isupper() and name != "MeanMetricWrapper"])
def test_default_names_are_those_of_keras(name):
    ours, theirs = (getattr(library, name)(**NEEDED.get(name, {})).name for library in (metrics, keras.metrics))
    # Keras counts in a process what has no name of its own: precision_3.
    assert ours in (theirs, theirs.rstrip("0123456789").rstrip("_"))
