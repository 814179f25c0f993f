"""Metrics of torchmetrics, used as they are."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torchmetrics import MeanSquaredError, MetricCollection
from torchmetrics.classification import BinaryAUROC, BinaryF1Score, MulticlassAccuracy
from torchmetrics.regression import PearsonCorrCoef

from lamina import metrics
from lamina.graph.errors import ArgumentError, StructureError
from lamina.metrics import TorchMetric

SHAPES = (None, 1), (None, 1)


def numbers(seed, *shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def bits(seed):
    return (numbers(seed, 8) > 0.5).long()


# What to make, targets and predictions of a batch, and predictions as the metric itself wants them.
CASES = [
    (MeanSquaredError, lambda s: (numbers(s, 8), numbers(s + 9, 8, 1)), lambda p: p[:, 0]),
    (MeanSquaredError, lambda s: (numbers(s, 8, 3), numbers(s + 9, 8, 3)), lambda p: p),
    (PearsonCorrCoef, lambda s: (numbers(s, 8), numbers(s + 9, 8, 1)), lambda p: p[:, 0]),
    (BinaryAUROC, lambda s: (bits(s), numbers(s + 9, 8, 1)), lambda p: p[:, 0]),
    (BinaryF1Score, lambda s: (bits(s)[:, None], numbers(s + 9, 8, 1)), lambda p: p[:, 0]),
    (lambda: MulticlassAccuracy(4), lambda s: (bits(s)[:, None], numbers(s + 9, 8, 4)), lambda p: p),
    (lambda: MulticlassAccuracy(4), lambda s: (bits(s), numbers(s + 9, 8, 4)), lambda p: p),
]


@pytest.mark.parametrize("make, batch, as_wanted", CASES, ids=lambda x: getattr(x, "__name__", ""))
def test_the_same_numbers_as_by_hand(make, batch, as_wanted):
    ours, by_hand = metrics.resolve_metric(make(), *SHAPES), make()
    for seed in range(3):
        y_true, y_pred = batch(seed)
        ours.update_state(y_true, y_pred)
        wanted = as_wanted(y_pred)
        by_hand.update(wanted, y_true if y_true.shape == wanted.shape else y_true.flatten())
    torch.testing.assert_close(ours.result(), by_hand.compute())
    other = TorchMetric(make())
    other.load_state_dict(ours.state_dict())
    for again in (other, copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(again.result(), ours.result())
    y_true, y_pred = batch(7)
    ours.update_state(y_true, y_pred)
    other.update_state(y_true, y_pred)
    assert torch.equal(ours.result(), other.result())
    ours.reset_state()
    ours.update_state(y_true, y_pred)
    assert not torch.equal(ours.result(), other.result())


def test_name_and_direction():
    metric = TorchMetric(MulticlassAccuracy(3))
    assert (metric.name, metric.direction) == ("multiclass_accuracy", "up")
    assert TorchMetric(MeanSquaredError(), name="error").name == "error"
    assert metrics.resolve_metric(MeanSquaredError, *SHAPES).direction == "down"


def test_a_collection_gives_a_dict():
    metric = metrics.resolve_metric(MetricCollection([MeanSquaredError()]), *SHAPES)
    metric.update_state(torch.zeros(2), torch.ones(2, 1))
    assert metric.result() == {"MeanSquaredError": 1.0}


def test_weights_and_masks_are_refused():
    metric = TorchMetric(MeanSquaredError())
    for what in ("sample_weight", "mask"):
        with pytest.raises(ArgumentError, match=f"(?s)'mean_squared_error' is one of torchmetrics.*{what}"):
            metric.update_state(torch.zeros(2), torch.zeros(2), **{what: torch.ones(2)})


def test_what_cannot_be_kept_is_said():
    metric = TorchMetric(MeanSquaredError())
    with pytest.raises(StructureError, match="not the state of the metric 'mean_squared_error'"):
        metric.load_state_dict({"true_positives": torch.zeros(1)})
    with pytest.raises(ArgumentError, match=r"(?s)of torchmetrics cannot be saved.*compile again"):
        metrics.serialize(metric)

    class Like:
        def update(self, predictions, targets):
            self.sum = (predictions - targets).sum()

        def compute(self):
            return self.sum

        def reset(self):
            self.sum = torch.zeros(())

    like = metrics.resolve_metric(Like(), *SHAPES)
    like.update_state(torch.zeros(2), torch.ones(2))
    assert like.result() == 2
    with pytest.raises(ArgumentError, match=r"Like without metric_state"):
        like.state_dict()
