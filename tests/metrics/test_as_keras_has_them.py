"""Arguments, attributes and weights that metrics take and have as in Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import ArgumentError, metrics

TRUE = np.array([[1, 2], [3, 4]])
PRED = np.array([[0, 2], [3, 4]])


@pytest.mark.parametrize(
    "make",
    [
        lambda k: k.metrics.Accuracy(),
        lambda k: k.metrics.MeanMetricWrapper(lambda t, p: (t - p) ** 2, name="f"),
        lambda k: k.metrics.BinaryAccuracy(threshold=3),
        lambda k: k.metrics.FalseNegatives(),
    ],
)
@pytest.mark.parametrize("weight", [[[1.0, 0.0]], [[0.25, 2.0]], [[3.0], [1.0]], 2.0])
def test_one_row_of_weights_is_for_all_samples(make, weight):
    true, pred = (np.minimum(x, 1) for x in (TRUE, PRED)) if "FalseNeg" in str(make(keras)) else (TRUE, PRED)
    ours, theirs = make(lamina), make(keras)
    for metric in (ours, theirs):
        metric.update_state(true.astype("float32"), pred.astype("float32"), sample_weight=np.array(weight))
    np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-6)


def test_means_and_sums_too():
    for name in ("Mean", "Sum"):
        ours, theirs = (getattr(k.metrics, name)() for k in (lamina, keras))
        for metric in (ours, theirs):
            metric.update_state([[1.0, 3.0], [5.0, 7.0]], sample_weight=[[1.0, 0.0]])
        np.testing.assert_allclose(ours.result(), theirs.result(), rtol=1e-6)


def test_a_lone_weight_for_several_samples_is_still_refused():
    with pytest.raises(lamina.ShapeError):
        metrics.Mean()([1.0, 2.0, 3.0], sample_weight=[1.0])


def test_what_was_asked_for_is_an_attribute():
    assert metrics.PrecisionAtRecall(0.4).recall == 0.4
    assert metrics.RecallAtPrecision(0.3).precision == 0.3
    assert metrics.SensitivityAtSpecificity(0.2).specificity == 0.2
    assert metrics.SpecificityAtSensitivity(0.1).sensitivity == 0.1


def test_variables_have_names():
    for make in (lambda k: k.metrics.Precision(), lambda k: k.metrics.Mean(), lambda k: k.metrics.AUC()):
        assert [v.name for v in make(lamina).variables] == [v.name for v in make(keras).variables]


def test_thresholds_alone_are_enough():
    auc = metrics.AUC(num_thresholds=None, thresholds=[0.3, 0.5])
    np.testing.assert_allclose(auc.thresholds, [0.0, 0.3, 0.5, 1.0], atol=1e-6)
    assert metrics.AUC(num_thresholds=None).num_thresholds == 200


@pytest.mark.parametrize("wrong", [{"beta": None}, {"beta": "1"}, {"threshold": "0.5"}, {"beta": -1.0}])
def test_no_f_score_of_what_is_no_number(wrong):
    with pytest.raises(ArgumentError, match="F-score"):
        metrics.FBetaScore(**wrong)


def test_a_policy_as_dtype_and_values_for_a_variable():
    metric = metrics.Mean(dtype=lamina.DTypePolicy("mixed_float16"))
    assert metric.dtype == "float16"

    class Started(metrics.Mean):
        def __init__(self):
            super().__init__()
            self.table = self.add_variable((2,), np.array([1.0, 2.0]), name="table")

    assert Started().table.tolist() == [1.0, 2.0]


# -- variables that a metric holds


def counting(library, hold):
    """A metric that counts its batches in Keras' variables, held as `hold` says."""

    class Batches(library.metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.made = self.add_variable((), "zeros", name="made")
            self.held = hold(lambda: library.Variable(0.0, trainable=False))

        def _all(self):
            held = self.held
            while isinstance(held, (list, tuple, dict)):
                held = next(iter(held.values() if isinstance(held, dict) else held))
            return [self.made, held]

        def update_state(self, y_true, y_pred, sample_weight=None):
            for variable in self._all():
                variable.assign_add(1.0)

        def result(self):
            made, held = self._all()
            return made + held

    return Batches(name="batches")


HOLDS = {
    "attribute": lambda make: make(),
    "list": lambda make: [make(), make()],
    "tuple": lambda make: (make(),),
    "dict": lambda make: {"a": make()},
    "nested": lambda make: {"a": [make(), {"b": (make(),)}]},
}


@pytest.mark.parametrize("hold", HOLDS)
def test_variables_that_a_metric_holds_are_its_own(hold):
    ours, theirs = counting(lamina, HOLDS[hold]), counting(keras, HOLDS[hold])
    assert len(ours.variables) == len(theirs.variables)
    for metric in (ours, theirs):
        for _ in range(3):
            metric.update_state(None, None)
        assert float(metric.result()) == 6
    kept = ours.state_dict()
    for metric in (ours, theirs):
        metric.reset_state()
        assert float(metric.result()) == 0
    assert len(kept) == len(ours.variables)
    ours.load_state_dict(kept)
    assert float(ours.result()) == 6


def test_variables_that_a_metric_holds_begin_anew_with_each_epoch():
    model = lamina.Sequential([lamina.Input((2,)), lamina.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[counting(lamina, HOLDS["nested"])])
    history = model.fit(np.ones((6, 2)), np.ones((6, 1)), batch_size=2, epochs=3, verbose=0)
    assert history.history["batches"] == [6, 6, 6]


def test_a_list_that_holds_itself_ends():
    metric = counting(lamina, HOLDS["list"])
    metric.held.append(metric.held)
    assert len(metric.variables) == 3


@pytest.mark.parametrize("value", [2.7, -0.5, 1, [0.4, 2.6], True])
@pytest.mark.parametrize("change", ["assign_add", "assign_sub", "assign"])
def test_a_whole_number_takes_floats_as_in_keras(value, change):
    results = []
    for library in (lamina, keras):
        metric = library.metrics.Mean()
        variable = metric.add_variable((2,), "ones", dtype="int32")
        getattr(variable, change)(torch.tensor(value, dtype=torch.float32).broadcast_to(2))
        results.append(np.asarray(library.ops.convert_to_numpy(variable)).tolist())
    assert results[0] == results[1]
