"""What metrics do around their formula: state, devices, masks, shapes, errors, names and configs."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
import torch

from lamina import losses, metrics
from lamina.graph.errors import ArgumentError, ShapeError
from lamina.metrics.variable import MetricVariable
from tests.metrics.waiting import NoWaiting

NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "MeanMetricWrapper": {"fn": losses.mean_squared_error},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
}
NAMES = [name for name in metrics.__all__ if name[0].isupper() and name not in ("Metric", "TorchMetric")]
OF_PAIRS = [name for name in NAMES if name not in ("Mean", "Sum")]


def make(name):
    return getattr(metrics, name)(**NEEDED.get(name, {}))


def data(name):
    """One-hot targets, and predictions; class numbers for the sparse ones."""
    y_true, y_pred = torch.eye(3)[[0, 2, 1, 1]], torch.rand(4, 3, generator=torch.Generator().manual_seed(0))
    return (y_true.argmax(-1) if "Sparse" in name else y_true), y_pred


@pytest.mark.parametrize("name", OF_PAIRS)
def test_nothing_is_read_back_from_the_device(name):
    metric = make(name)
    with NoWaiting():
        for weight in (None, None, torch.ones(4)):
            metric.update_state(*data(name), sample_weight=weight)
        metric.reset_state()
        metric.update_state(*data(name))
        metric.result()


def test_the_check_for_waiting_sees_it():
    with NoWaiting(), pytest.raises(AssertionError, match="_local_scalar_dense"):
        float(torch.ones(1))


@pytest.mark.parametrize("name", OF_PAIRS)
def test_state_moves_once_and_keeps_its_values(name):
    metric = make(name)
    metric.update_state(*data(name))
    before = metric.variables
    values = [variable.value for variable in before]
    metric.update_state(*data(name))
    metric.reset_state()
    metric.update_state(*data(name))
    assert all(a is b for a, b in zip(metric.variables, before, strict=True))
    torch.testing.assert_close([variable.value for variable in metric.variables], values)


@pytest.mark.parametrize("name", NAMES)
def test_results_are_plain_tensors_without_gradient_that_stay(name):
    metric = make(name)
    arguments = data(name) if name in OF_PAIRS else data(name)[1:]
    metric.update_state(*(x.requires_grad_() if x.is_floating_point() else x for x in arguments))
    result = metric.result()
    kept = result.clone()
    assert type(result) is torch.Tensor
    assert not result.requires_grad
    assert not any(variable.requires_grad for variable in metric.variables)
    metric.reset_state()
    torch.testing.assert_close(result, kept)


@pytest.mark.parametrize("name", NAMES)
def test_made_and_used_in_inference_mode_then_outside(name):
    arguments = data(name) if name in OF_PAIRS else data(name)[1:]
    with torch.inference_mode():
        metric = make(name)
        metric.update_state(*arguments)
    metric.update_state(*arguments)
    expected = make(name)
    expected.update_state(*arguments)
    expected.update_state(*arguments)
    torch.testing.assert_close(metric.result(), expected.result())


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_are_independent(name):
    metric = make(name)
    arguments = data(name) if name in OF_PAIRS else data(name)[1:]
    metric.update_state(*arguments)
    result = metric.result()
    for other in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        metric.update_state(*arguments)
        torch.testing.assert_close(other.result(), result)
        other.reset_state()
        other.update_state(*arguments)
        torch.testing.assert_close(other.result(), result)


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip(name):
    metric = make(name)
    metric.name = "mine"
    config = json.loads(json.dumps(metrics.serialize(metric)))
    again = metrics.deserialize(config)
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert again.name == "mine"


@pytest.mark.parametrize("name", [name for name in OF_PAIRS if "Sparse" not in name])
def test_shapes_that_do_not_pair_are_refused(name):
    with pytest.raises(ShapeError, match=r"targets \(4,\), predictions \(4, 3\)"):
        make(name).update_state(torch.ones(4), torch.rand(4, 3))


@pytest.mark.parametrize("name", [name for name in OF_PAIRS if "Sparse" in name])
def test_one_hot_targets_for_sparse_metrics_are_refused(name):
    with pytest.raises(ShapeError, match=r"targets \(4, 3\), predictions \(4, 3\)(.|\n)*\(4,\)"):
        make(name).update_state(torch.ones(4, 3), torch.rand(4, 3))


def test_weights_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"sample_weight \(3,\), values \(4,\)"):
        metrics.MeanSquaredError().update_state(torch.ones(4, 3), torch.ones(4, 3), sample_weight=torch.ones(3))


def test_masked_steps_do_not_count():
    y_true, y_pred = torch.zeros(2, 3, 1), torch.tensor([[1.0, 2.0, 9.0], [3.0, 9.0, float("nan")]]).unsqueeze(-1)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    metric = metrics.MeanAbsoluteError()
    metric.update_state(y_true, y_pred, mask=mask)
    assert metric.result() == 2.0
    metric.reset_state()
    metric.update_state(y_true, y_pred, sample_weight=torch.tensor([1.0, 2.0]), mask=mask)
    assert metric.result() == (1 + 2 + 2 * 3) / 4


def test_ignored_class_does_not_count_with_or_without_weights():
    y_true, y_pred = torch.tensor([0, -1, 1]), torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.75, 0.25]])
    expected = -(torch.tensor([0.5, 0.25]).log()).mean()
    for weight in (None, torch.ones(3)):
        metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
        metric.update_state(y_true, y_pred, sample_weight=weight)
        torch.testing.assert_close(metric.result(), expected)


def test_half_precision_does_not_stop_counting():
    metric = metrics.Mean()
    for _ in range(10):
        metric.update_state(torch.ones(1000, dtype=torch.float16))
    assert metric.result() == 1.0
    assert metric.count == 10000


def test_before_any_data():
    for name in NAMES:
        assert torch.isfinite(make(name).result()).all()


def test_metric_of_metrics():
    class Both(metrics.Metric):
        def __init__(self):
            super().__init__(name="both")
            self.error, self.worst = metrics.MeanAbsoluteError(), self.add_weight(name="worst")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.error.update_state(y_true, y_pred, sample_weight)
            self.worst.assign(torch.maximum(self.worst, (y_true - y_pred).abs().max()))

        def result(self):
            return self.error.result() + self.worst

    metric = Both()
    assert metric(torch.zeros(2, 1), torch.tensor([[1.0], [3.0]])) == 5.0
    assert len(metric.variables) == 3
    metric.reset_state()
    assert metric.result() == 0.0


def test_variables_of_keras_guides():
    total = metrics.Mean().add_weight(name="total", initializer="ones")
    total.assign_add(torch.tensor(2.0, requires_grad=True))
    total.assign_sub(1)
    assert total == 2.0
    total.assign(torch.tensor(5.0))
    assert isinstance(total, MetricVariable)
    assert type(total + 1) is torch.Tensor
    assert float(total / 2) == 2.5


@pytest.mark.parametrize("y_true, y_pred, kind", [
    ((None, 1), (None, 1), "Binary"),
    ((None,), (None, 1), "Binary"),
    ((None,), (None, 7), "SparseCategorical"),
    ((None, 1), (None, 7), "SparseCategorical"),
    ((32, 10), (32, 10, 7), "SparseCategorical"),
    ((None, 7), (None, 7), "Categorical"),
    ((None, 4, 7), (None, 4, 7), "Categorical"),
])  # fmt: skip
@pytest.mark.parametrize("given", ["accuracy", "acc", "crossentropy", "ce"])
def test_accuracy_by_shapes(y_true, y_pred, kind, given):
    what = "Accuracy" if given.startswith("acc") else "Crossentropy"
    for resolve in (metrics.resolve_accuracy, metrics.resolve_metric):
        metric = resolve(given, y_true, y_pred)
        assert type(metric).__name__ == kind + what
        assert metric.name == given


def squares(y_true, y_pred):
    return (y_true - y_pred).square().mean(-1)


def test_resolve_metric():
    shapes = (None, 3), (None, 3)
    existing = metrics.AUC()
    assert metrics.resolve_metric(None, *shapes) is None
    assert metrics.resolve_metric(existing, *shapes) is existing
    assert metrics.resolve_metric("mse", *shapes).name == "mse"
    assert type(metrics.resolve_metric(metrics.Precision, *shapes)) is metrics.Precision
    for given, name in (
        (squares, "squares"),
        (losses.MeanSquaredError(), "mean_squared_error"),
        (losses.huber, "huber"),
    ):
        metric = metrics.resolve_metric(given, *shapes)
        assert metric.name == name
        metric.update_state(torch.zeros(2, 2), torch.full((2, 2), 0.5))
        torch.testing.assert_close(metric.result(), torch.tensor(0.125 if name == "huber" else 0.25))
    with pytest.raises(ArgumentError, match=r"Unknown metric \"accurracy\"(.|\n)*'Accuracy'"):
        metrics.resolve_metric("accurracy", *shapes)
    with pytest.raises(ArgumentError, match=r"shapes do not tell(.|\n)*'mse'"):
        metrics.resolve_accuracy("mse", *shapes)


def test_wrapper_of_own_function_needs_custom_objects():
    config = metrics.serialize(metrics.MeanMetricWrapper(squares))
    with pytest.raises(ArgumentError, match=r"custom_objects=\{\"squares\""):
        metrics.deserialize(config)
    assert metrics.deserialize(config, {"squares": squares}).name == "squares"


BAD = [
    (lambda: metrics.Precision(thresholds=1.5), r"Precision takes thresholds(.|\n)*1.5"),
    (lambda: metrics.AUC(curve="XYZ"), r"curve(.|\n)*'XYZ'(.|\n)*ROC, PR, PRGAIN"),
    (lambda: metrics.AUC(num_thresholds=1), r"AUC needs thresholds(.|\n)*num_thresholds=1"),
    (lambda: metrics.AUC(num_labels=3), r"only with multi_label=True"),
    (lambda: metrics.F1Score(average="mean"), r"average='mean'"),
    (lambda: metrics.FBetaScore(beta=0.0), r"beta=0.0"),
    (lambda: metrics.R2Score(class_aggregation="sum"), r"class_aggregation='sum'"),
    (lambda: metrics.PrecisionAtRecall(1.5), r"recall=1.5"),
    (lambda: metrics.Precision(class_id=1).update_state([1, 0], [0.4, 0.6]), r"no classes(.|\n)*predictions \(2,\)"),
]


@pytest.mark.parametrize("misuse, message", BAD, ids=lambda x: x if isinstance(x, str) else "")
def test_bad_arguments(misuse, message):
    with pytest.raises(ArgumentError, match=message):
        misuse()


def test_columns_of_labels_must_stay():
    metric = metrics.AUC(multi_label=True)
    metric.update_state(torch.ones(2, 3), torch.rand(2, 3))
    with pytest.raises(ShapeError, match=r"one column per label(.|\n)*\(2, 4\)(.|\n)*\(B, 3\)"):
        metric.update_state(torch.ones(2, 4), torch.rand(2, 4))


def test_thresholds_count_like_comparisons():
    """The pass over buckets against the definition, with predictions exactly on thresholds too."""
    values = [0.5, 0.0, 1.0, 0.25, 0.75]
    y_pred = torch.cat([torch.tensor(values), torch.rand(50)])
    y_true, weight = torch.rand(55) > 0.5, torch.rand(55)
    metric = metrics.TruePositives(thresholds=values)
    metric.update_state(y_true, y_pred, weight)
    expected = torch.stack([weight[(y_pred > value) & y_true].sum() for value in values])
    torch.testing.assert_close(metric.result(), expected)
