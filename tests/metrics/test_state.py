"""state_dict of metrics: exact, complete, and good for going on in another process."""

from __future__ import annotations

import pytest
import torch

from lamina import metrics
from lamina.graph.errors import ShapeError, StructureError
from tests.metrics.test_metric import NAMES, OF_PAIRS, data, make

LATE = [("AUC", {"multi_label": True}), ("F1Score", {}), ("FBetaScore", {"average": "macro"}), ("R2Score", {})]


def batch(name, seed=0):
    y_true, y_pred = data(name)
    order = torch.randperm(4, generator=torch.Generator().manual_seed(seed))
    return (y_true[order], y_pred) if name in OF_PAIRS else (y_pred[order],)


@pytest.mark.parametrize("name", NAMES)
def test_another_metric_goes_on_bit_by_bit(name):
    one, other = make(name), make(name)
    for seed in range(3):
        one.update_state(*batch(name, seed))
    state = one.state_dict()
    assert all(type(value) is torch.Tensor for value in state.values())
    assert len(state) == len(one.variables) > 0
    kept = {key: value.clone() for key, value in state.items()}
    other.update_state(*batch(name, 9))
    other.load_state_dict(state)
    for seed in (3, 4):
        one.update_state(*batch(name, seed))
        other.update_state(*batch(name, seed))
    assert torch.equal(one.result(), other.result())
    assert all(torch.equal(value, kept[key]) for key, value in state.items())


@pytest.mark.parametrize("name, arguments", LATE)
def test_names_are_the_same_before_and_after_the_first_batch(name, arguments):
    make_one = getattr(metrics, name)
    used, fresh = make_one(**arguments), make_one(**arguments)
    before = used.state_dict()
    used.update_state(torch.eye(3), torch.rand(3, 3))
    state = used.state_dict()
    assert before.keys() == state.keys()
    fresh.load_state_dict(state)
    assert torch.equal(fresh.result(), used.result())
    used.load_state_dict(before)
    assert used.result() == 0
    used.update_state(torch.eye(2), torch.rand(2, 2))


@pytest.mark.parametrize("name, arguments", [*LATE, ("F1Score", {"average": "weighted"})])
def test_the_number_of_columns_stays(name, arguments):
    metric = getattr(metrics, name)(**arguments)
    metric.update_state(torch.ones(2, 3), torch.rand(2, 3))
    with pytest.raises(ShapeError, match=r"(?s)\(2, 4\).*\(B, 3\)"):
        metric.update_state(torch.ones(2, 4), torch.rand(2, 4))


class Several(metrics.Metric):
    def __init__(self):
        super().__init__(name="several")
        self.error, self.parts = metrics.MeanAbsoluteError(), [metrics.Sum(), metrics.F1Score()]
        self.by_name = {"precision": metrics.Precision()}
        self.worst, self.other = self.add_weight(name="worst"), self.add_weight(name="worst")

    def update_state(self, y_true, y_pred, sample_weight=None):
        for metric in (self.error, self.parts[1], self.by_name["precision"]):
            metric.update_state(y_true, y_pred)
        self.parts[0].update_state(y_pred)
        self.worst.assign((y_true - y_pred).abs().max())

    def result(self):
        return self.error.result() + self.parts[0].result() + self.parts[1].result().sum() + self.worst


def test_metrics_inside_a_metric():
    one, other = Several(), Several()
    one.update_state(torch.eye(3), torch.rand(3, 3))
    state = one.state_dict()
    assert {"worst", "worst_1", "error.total", "parts.0.total", "parts.1.true_positives"} <= state.keys()
    assert "by_name.precision.false_positives" in state
    other.load_state_dict(state)
    assert torch.equal(one.result(), other.result())
    one.reset_state()
    assert one.result() == 0
    assert torch.equal(one.state_dict()["parts.1.true_positives"], torch.zeros(3))


def test_the_state_of_something_else_is_refused():
    mean = metrics.Mean(name="mine")
    with pytest.raises(StructureError, match=r"(?s)state of the metric 'mine'.*\['total'\].*\['count', 'total'\]"):
        mean.load_state_dict(metrics.Sum().state_dict())
    with pytest.raises(ShapeError, match=r"(?s)true_positives \(2,\).*true_positives \(1,\)"):
        metrics.Precision().load_state_dict(metrics.Precision(thresholds=[0.1, 0.2]).state_dict())
    with pytest.raises(StructureError, match="not the state of the metric 'several'"):
        Several().load_state_dict(Several().state_dict() | {"more": torch.zeros(())})


def test_float64_and_large_counts_are_exact():
    metric, other = metrics.Mean(dtype="float64"), metrics.Mean(dtype="float64")
    metric.total.assign(0.1 + 2**40)
    other.load_state_dict(metric.state_dict())
    assert other.total.item() == 0.1 + 2**40
