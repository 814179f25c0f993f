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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_predictions_are_computed_with_as_float32(name, dtype):
    half, full = make(name), make(name)
    y_true, y_pred = data(name)
    y_pred = y_pred.to(dtype)
    for _ in range(3):
        half.update_state(*((y_true, y_pred) if name in OF_PAIRS else (y_pred,)))
        full.update_state(*((y_true, y_pred.float()) if name in OF_PAIRS else (y_pred.float(),)))
    torch.testing.assert_close(half.result(), full.result(), rtol=0, atol=0)


@pytest.mark.parametrize("name", OF_PAIRS)
def test_targets_of_any_dtype(name):
    y_true, y_pred = data(name)
    results = []
    for dtype in (torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool):
        if "Sparse" in name and dtype == torch.bool:
            continue
        metric = make(name)
        metric.update_state(y_true.to(dtype), y_pred)
        results.append(metric.result())
    torch.testing.assert_close(results, [results[0]] * len(results), rtol=0, atol=0)


# These look at the order of predictions in a row, which one column does not have, or at classes.
OF_ROWS = ("Categorical", "CosineSimilarity", "F1Score", "FBetaScore", "OneHot", "Correlation", "KLDivergence")
OF_COLUMNS = [name for name in OF_PAIRS if not any(part in name for part in OF_ROWS)]


@pytest.mark.parametrize("name", OF_COLUMNS)
def test_a_vector_of_targets_meets_a_column_of_predictions(name):
    y_true, y_pred = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]), torch.tensor([0.2, 0.9, 0.4, 0.7, 1.0])
    y_pred = y_pred.round() if "IoU" in name else y_pred
    results = []
    for targets, predictions in (
        (y_true[:, None], y_pred[:, None]),
        (y_true, y_pred[:, None]),
        (y_true[:, None], y_pred),
    ):
        metric = make(name)
        metric.update_state(targets, predictions)
        results.append(metric.result())
    torch.testing.assert_close(results, [results[0]] * 3, rtol=0, atol=0)
    for targets in (torch.ones(4), torch.ones(1), torch.ones(1, 5)):
        with pytest.raises(ShapeError, match=r"predictions \(5, ?1?\)"):
            make(name).update_state(targets, y_pred[:, None])


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", OF_PAIRS)
def test_what_is_masked_might_as_well_not_be_there(name, weighted):
    y_true, y_pred = data(name)
    y_true, y_pred = torch.cat([y_true, y_true]), torch.cat([y_pred, y_pred.flip(0)])
    mask = torch.tensor([True, False, True, True, False, True, True, False])
    weight = torch.arange(1.0, 9.0) if weighted else None
    masked, without = make(name), make(name)
    without.update_state(y_true[mask], y_pred[mask], weight[mask] if weighted else None)
    y_pred = torch.where(mask[:, None], y_pred, float("nan"))
    masked.update_state(y_true, y_pred, weight, mask)
    torch.testing.assert_close(masked.result(), without.result())
    assert metrics.takes_mask(masked)


def test_masks_of_single_answers():
    y_true, y_pred = torch.eye(3), torch.full((3, 3), 0.9)
    metric = metrics.FalsePositives()
    metric.update_state(y_true, y_pred, mask=torch.tensor([[True] * 3, [False] * 3, [True, False, False]]))
    assert metric.result() == 2 + 1
    assert not metrics.takes_mask(metrics.Mean())


@pytest.mark.slow
def test_counting_goes_beyond_what_float32_can_count_one_by_one():
    many = 2**24 + 4096
    y_true, y_pred = torch.ones(1, dtype=torch.int8).expand(many), torch.ones(1, dtype=torch.int8).expand(many)
    iou = metrics.MeanIoU(num_classes=2)
    iou.update_state(y_true, y_pred)
    assert iou.total_cm[1, 1] == many
    counts = metrics.TruePositives(thresholds=[0.2, 0.8])
    counts.update_state(y_true, y_pred)
    assert (counts.result() == many).all()


@pytest.mark.parametrize(
    "loss, name",
    [
        (losses.MeanSquaredError(), "mean_squared_error"),
        (losses.SparseCategoricalCrossentropy(ignore_class=-1), "sparse_categorical_crossentropy"),
    ],
    ids=["mse", "sparse"],
)
def test_a_loss_as_metric_is_a_mean_over_samples(loss, name):
    y_true, y_pred = torch.tensor([0, 1, -1, 1, 0]), torch.rand(5, 2)
    if name == "mean_squared_error":
        y_true = torch.rand(5, 2)
    metric = metrics.resolve_metric(loss, (None, 2), (None, 2))
    assert (metric.name, metric.direction) == (name, "down")
    for part in (slice(0, 4), slice(4, 5)):
        metric.update_state(y_true[part], y_pred[part])
    torch.testing.assert_close(metric.result(), loss(y_true, y_pred))
    weight = torch.tensor([1.0, 0.0, 3.0, 2.0, 1.0])
    metric.reset_state()
    metric.update_state(y_true, y_pred, weight)
    torch.testing.assert_close(
        metric.result(),
        type(loss)(**{**loss.get_config(), "reduction": "mean_with_sample_weight"})(y_true, y_pred, weight),
    )
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    again.update_state(y_true, y_pred, weight)
    torch.testing.assert_close(again.result(), metric.result())


@pytest.mark.parametrize("name", ["huber", "binary_focal_crossentropy", "categorical_focal_crossentropy", "log_cosh"])
def test_functions_without_a_class_of_their_name(name):
    y_true, y_pred = torch.eye(3), torch.rand(3, 3)
    metric = metrics.resolve_metric(name, (None, 3), (None, 3))
    metric.update_state(y_true, y_pred)
    assert (metric.name, metric.direction) == (name, "down")
    torch.testing.assert_close(metric.result(), getattr(losses, name)(y_true, y_pred).mean())


def test_our_functions_in_a_wrapper_are_saved_by_name():
    config = json.loads(
        json.dumps(metrics.serialize(metrics.MeanMetricWrapper(metrics.binary_accuracy, threshold=0.3)))
    )
    assert config["config"]["fn"] == "binary_accuracy"
    assert metrics.deserialize(config)([0.0], [0.4]) == 0.0


MORE_BAD = [
    (lambda: metrics.IoU(2, [2]), r"IoU is asked for a class(.|\n)*\[2\], num_classes=2(.|\n)*from 0 to 1"),
    (lambda: metrics.BinaryIoU([-1]), r"BinaryIoU is asked for a class"),
    (lambda: metrics.pearson_correlation([[1.0], [2.0]], [[1.0], [2.0]]), r"only one(.|\n)*\(2, 1\)(.|\n)*axis=0"),
    (lambda: metrics.ConcordanceCorrelation()([1.0, 2.0], [[1.0], [2.0]]), r"only one(.|\n)*axis=0"),
]


@pytest.mark.parametrize("misuse, message", MORE_BAD, ids=lambda x: x if isinstance(x, str) else "")
def test_bad_arguments_of_iou_and_correlations(misuse, message):
    with pytest.raises(ArgumentError, match=message):
        misuse()


def test_a_last_batch_of_one_along_the_batch_is_no_error():
    assert metrics.pearson_correlation([[1.0, 2.0]], [[1.0, 3.0]], axis=0).isnan().all()
