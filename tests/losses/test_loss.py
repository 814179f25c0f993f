"""What losses do around their formula: pairing of shapes, weights, masks, dtypes, errors, names and configs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

import lamina
from lamina import losses, metrics
from lamina.graph.errors import ArgumentError, ShapeError
from tests.ids import without_address
from tests.metrics.waiting import NoWaiting

EVERY = [
    getattr(losses, name)()
    for name in losses.__all__
    if name[0].isupper() and name not in ("Loss", "LossFunctionWrapper", "TorchLoss")
]
PAIRED = [loss for loss in EVERY if loss.takes in ("numbers", "shares", "answers", "signs")]
OVER_CLASSES = [loss for loss in EVERY if loss.takes in ("one_hot", "classes")]
by_name = {"ids": lambda loss: loss.name}


class Operations(TorchDispatchMode):
    """Names of the operations that PyTorch runs."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func).removeprefix("aten.").split(".")[0])
        return func(*args, **(kwargs or {}))


ALIGNED = [((5,), (5, 1), (5, 1)), ((5, 1), (5,), (5, 1)), ((5, 3), (5, 3, 1), (5, 3)), ((5, 3, 1), (5, 3), (5, 3))]


@pytest.mark.parametrize("loss", PAIRED, **by_name)
@pytest.mark.parametrize("true_shape, pred_shape, common", ALIGNED, ids=str)
def test_a_trailing_axis_of_one_is_aligned(loss, true_shape, pred_shape, common):
    y_true, y_pred = torch.rand(true_shape), torch.rand(pred_shape)
    torch.testing.assert_close(loss(y_true, y_pred), loss(y_true.reshape(common), y_pred.reshape(common)))


UNPAIRED = [
    ((5,), (5, 3)),
    ((5, 1), (5, 3)),
    ((5, 3), (5, 1)),
    ((1, 3), (5, 3)),
    ((4, 3), (5, 3)),
    ((4,), (5, 1)),
    ((1,), (5,)),
    ((), (5,)),
]


@pytest.mark.parametrize("loss", PAIRED, **by_name)
@pytest.mark.parametrize("shapes", UNPAIRED, ids=str)
@pytest.mark.parametrize("reduction", ["mean", None])
def test_nothing_else_is_broadcast(loss, shapes, reduction):
    loss = type(loss)(reduction=reduction)
    pattern = rf"targets \({', '.join(map(str, shapes[0]))},?\), predictions \({', '.join(map(str, shapes[1]))},?\)"
    with pytest.raises(ShapeError, match=pattern):
        loss(torch.rand(shapes[0]), torch.rand(shapes[1]))


@pytest.mark.parametrize("loss", OVER_CLASSES, **by_name)
def test_one_unit_is_no_choice_between_classes(loss):
    with pytest.raises(
        ArgumentError, match=r"only one(.|\n)*\(8, 1\)(.|\n)*binary_crossentropy(.|\n)*sparse_categorical"
    ):
        loss(torch.zeros(8, 1), torch.rand(8, 1))


@pytest.mark.parametrize("from_logits", [False, True])
def test_class_numbers_where_one_hot_is_due(from_logits):
    loss = losses.CategoricalCrossentropy(from_logits)
    with pytest.raises(ShapeError, match=r"targets \(8,\), predictions \(8, 3\)(.|\n)*sparse_categorical_crossentropy"):
        loss(torch.zeros(8), torch.rand(8, 3))


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_hot_where_class_numbers_are_due(from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits)
    with pytest.raises(ShapeError, match=r"targets \(8, 3\), predictions \(8, 3\)(.|\n)*\(8,\)(.|\n)*one-hot"):
        loss(torch.zeros(8, 3), torch.rand(8, 3))


@pytest.mark.parametrize("shape", [(7,), (8, 2), (1,)])
def test_as_many_class_numbers_as_predictions(shape):
    with pytest.raises(ShapeError, match=r"one class number for each vector(.|\n)*predictions \(8, 3\)(.|\n)*\(8,\)"):
        losses.SparseCategoricalCrossentropy()(torch.zeros(shape, dtype=torch.long), torch.rand(8, 3))


@pytest.mark.parametrize("target", [-100, -1, 3])
def test_a_target_out_of_range_is_never_skipped(target):
    for from_logits in (True, False):
        loss = losses.SparseCategoricalCrossentropy(from_logits)
        with pytest.raises(ArgumentError, match=rf"(?s){target} in row 1.*whole numbers from 0 to 2"):
            loss(torch.tensor([0, target]), torch.rand(2, 3))


def test_ignored_class_outside_the_range_and_all_ignored():
    logits = torch.randn(4, 3, requires_grad=True)
    targets = torch.tensor([2, -1, 0, -1])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    torch.testing.assert_close(loss(targets, logits), F.cross_entropy(logits[[0, 2]], targets[[0, 2]]))
    nothing = loss(torch.full((4,), -1), logits)
    assert nothing == 0
    (gradient,) = torch.autograd.grad(nothing, logits)
    assert (gradient == 0).all()


def test_ignored_class_meets_a_mask_of_samples():
    y_true, logits = torch.tensor([[0, 1, -1, 2]] * 4), torch.randn(4, 4, 3)
    mask = torch.tensor([True, False, True, False])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    kept = torch.tensor([0, 1, 3])
    expected = F.cross_entropy(logits[mask][:, kept].reshape(-1, 3), y_true[mask][:, kept].reshape(-1))
    torch.testing.assert_close(loss(y_true, logits, mask=mask), expected)
    metric = metrics.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    metric.update_state(y_true, logits, mask=mask)
    torch.testing.assert_close(metric.result(), expected)


def test_sparse_from_logits_is_one_cross_entropy():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    for targets, logits in (
        (torch.tensor([1, 0]), torch.randn(2, 3)),
        (torch.zeros(2, 5).long(), torch.randn(2, 5, 3)),
    ):
        with Operations() as operations:
            loss(targets, logits)
        assert [name for name in operations.names if name != "view"] == ["_log_softmax", "nll_loss_forward"]


@pytest.mark.parametrize("loss, reference", [
    (losses.MeanSquaredError(), F.mse_loss),
    (losses.MeanAbsoluteError(), F.l1_loss),
    (losses.Huber(), F.huber_loss),
    (losses.BinaryCrossentropy(from_logits=True), F.binary_cross_entropy_with_logits),
    (losses.CategoricalCrossentropy(from_logits=True), F.cross_entropy),
])  # fmt: skip
def test_the_mean_runs_no_more_than_pytorchs_own_function(loss, reference):
    y_true, y_pred = torch.rand(8, 3), torch.randn(8, 3)
    with Operations() as ours:
        value = loss(y_true, y_pred)
    with Operations() as due:
        expected = reference(y_pred, y_true)
    assert [name for name in ours.names if name != "view"] == [name for name in due.names if name != "view"]
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize("loss", EVERY, **by_name)
def test_nothing_is_read_back_from_the_device(loss):
    y_true, y_pred = torch.eye(3)[[0, 2, 1, 1]], torch.rand(4, 3)
    if loss.takes in ("classes", "labels"):
        y_true = y_true.argmax(-1)
    elif loss.takes == "sequences":
        y_true, y_pred = torch.tensor([[1, 0], [2, 1], [1, 2], [0, 0]]), torch.rand(4, 5, 3)
    region = {"axis": 1} if loss.name in ("dice", "tversky") else {}
    weight, mask = torch.ones(4), torch.tensor([True, False, True, True])
    plain, weighted = type(loss)(**region), type(loss)(reduction="mean_with_sample_weight", **region)
    with NoWaiting():
        plain(y_true, y_pred)
        plain(y_true, y_pred, weight, mask)
        weighted(y_true, y_pred, weight)


def test_classes_last_in_memory_or_not():
    """Channels-last predictions as a convolution leaves them: NHWC seen, stored as NCHW."""
    stored = torch.randn(2, 4, 5, 6)
    logits, targets = stored.permute(0, 2, 3, 1), torch.randint(0, 4, (2, 5, 6))
    loss, expected = losses.SparseCategoricalCrossentropy(from_logits=True), F.cross_entropy(stored, targets)
    torch.testing.assert_close(loss(targets, logits), expected)
    torch.testing.assert_close(loss(targets, logits.contiguous()), expected)
    one_hot = F.one_hot(targets, 4).float()
    torch.testing.assert_close(losses.CategoricalCrossentropy(from_logits=True)(one_hot, logits), expected)
    unreduced = losses.CategoricalCrossentropy(from_logits=True, reduction=None)(one_hot, logits)
    torch.testing.assert_close(unreduced, F.cross_entropy(stored, targets, reduction="none"))


def test_a_number_as_weight():
    y_true, y_pred = torch.zeros(4, 1), torch.ones(4, 1)
    assert losses.MeanSquaredError()(y_true, y_pred, sample_weight=2.5) == 2.5
    assert losses.MeanSquaredError("sum")(y_true, y_pred, sample_weight=2.5) == 10.0
    assert losses.MeanSquaredError("mean_with_sample_weight")(y_true, y_pred, sample_weight=2.5) == 1.0


def test_weights_of_samples_meet_losses_of_steps():
    errors = torch.tensor([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]).unsqueeze(-1)
    weights = torch.tensor([3.0, 1.0])
    arguments = (torch.zeros(2, 3, 1), errors, weights)
    torch.testing.assert_close(losses.MeanSquaredError("sum")(*arguments), torch.tensor(3 * 3.0 + 3 * 4.0))
    torch.testing.assert_close(losses.MeanSquaredError()(*arguments), torch.tensor(21.0 / 6))
    torch.testing.assert_close(losses.MeanSquaredError("mean_with_sample_weight")(*arguments), torch.tensor(21.0 / 12))
    mask = torch.tensor([True, False])
    torch.testing.assert_close(losses.MeanSquaredError()(*arguments[:2], mask=mask), torch.tensor(1.0))


def test_weights_of_steps_for_targets_without_feature_axis():
    """(B, T) against (B, T, 1): the mask speaks of steps, so they must not be averaged before it is applied."""
    y_true, y_pred = torch.zeros(1, 3), torch.tensor([[[1.0], [2.0], [9.0]]])
    mask = torch.tensor([[True, True, False]])
    assert losses.MeanSquaredError()(y_true, y_pred, mask=mask) == 2.5
    assert losses.MeanSquaredError()(y_true, y_pred, sample_weight=torch.tensor([[1.0, 0.0, 0.0]])) == pytest.approx(
        1 / 3
    )


@pytest.mark.parametrize("shape", [(5,), (4, 2), (1,), (4, 3, 2)])
def test_weights_that_do_not_fit(shape):
    with pytest.raises(ShapeError, match=rf"sample_weight \({', '.join(map(str, shape))},?\), values \(4, 3\)"):
        losses.MeanSquaredError()(torch.zeros(4, 3, 2), torch.ones(4, 3, 2), sample_weight=torch.ones(shape))


def test_mask_that_does_not_fit():
    with pytest.raises(ShapeError, match=r"mask does not fit(.|\n)*mask \(4, 3\), values \(4,\)(.|\n)*\(B, T, 1\)"):
        losses.MeanSquaredError()(torch.zeros(4, 3), torch.ones(4, 3), mask=torch.ones(4, 3))


def test_masked_values_may_be_infinite():
    y_pred = torch.tensor([[1.0], [float("inf")], [float("nan")]])
    mask = torch.tensor([True, False, False])
    assert losses.MeanSquaredError()(torch.zeros(3, 1), y_pred, mask=mask) == 1.0


@pytest.mark.parametrize(
    "dtype, computed", [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float64, torch.float64)]
)
def test_half_precision_is_computed_in_float32(dtype, computed):
    logits, targets = torch.randn(8, 5).to(dtype), torch.randint(0, 5, (8,))
    value = losses.SparseCategoricalCrossentropy(from_logits=True)(targets, logits)
    assert value.dtype == computed
    torch.testing.assert_close(value, F.cross_entropy(logits.to(computed), targets))
    assert losses.MeanSquaredError(dtype="float64")(torch.zeros(3), torch.ones(3).to(dtype)).dtype == torch.float64


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.float32, np.float64])
def test_class_numbers_of_any_dtype(dtype):
    logits = torch.randn(4, 3)
    targets = np.array([0, 2, 1, 1])
    expected = F.cross_entropy(logits, torch.from_numpy(targets))
    for given in (targets.astype(dtype), torch.from_numpy(targets.astype(dtype))):
        torch.testing.assert_close(losses.SparseCategoricalCrossentropy(from_logits=True)(given, logits), expected)


def test_lists_arrays_booleans_and_integers():
    expected = torch.tensor(0.5)
    loss = losses.MeanSquaredError()
    assert loss([[0, 1]], [[1.0, 1.0]]) == expected
    assert loss(np.array([[0, 1]]), torch.tensor([[1.0, 1.0]])) == expected
    assert loss(torch.tensor([[False, True]]), torch.tensor([[1, 1]])) == expected
    assert losses.mean_squared_error([[0, 1]], [[1, 1]]) == expected


def test_own_loss_on_a_dict():
    class Both(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true["a"] - y_pred["a"]).abs().mean(-1) + 10 * (y_true["b"] - y_pred["b"]).abs().mean(-1)

    targets = {"a": np.array([[1], [2]]), "b": torch.tensor([[True], [False]])}
    predictions = {"a": torch.zeros(2, 1), "b": torch.zeros(2, 1)}
    assert Both(reduction="sum")(targets, predictions, sample_weight=[1.0, 2.0]) == 1 + 10 + 2 * 2
    assert Both().name == "both"


def test_base_says_what_to_define():
    with pytest.raises(NotImplementedError, match=r"must define call\(self, y_true, y_pred\)"):
        losses.Loss()(torch.zeros(1), torch.zeros(1))


@pytest.mark.parametrize("alias, reduction", [("mean", "sum_over_batch_size"), ("none", None)])
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0])])
def test_two_names_of_one_reduction(alias, reduction, weight):
    arguments = (torch.zeros(2, 3), torch.rand(2, 3), weight)
    assert torch.equal(losses.LogCosh(alias)(*arguments), losses.LogCosh(reduction)(*arguments))


def test_unknown_reduction():
    with pytest.raises(ArgumentError, match=r"cannot be reduced(.|\n)*reduction='average'(.|\n)*'sum_over_batch_size'"):
        losses.MeanSquaredError(reduction="average")


@pytest.mark.parametrize("loss", EVERY, **by_name)
def test_config_round_trip(loss):
    changed = type(loss)(reduction="sum", name="mine", dtype="float64")
    for original in (loss, changed):
        data = json.loads(json.dumps(losses.serialize(original)))
        again = losses.deserialize(data)
        assert type(again) is type(loss)
        assert again.get_config() == original.get_config()
        assert again.dtype == original.dtype


def double_error(y_true, y_pred, factor=2.0):
    return factor * (y_true - y_pred).abs().mean(-1)


def test_wrapper_of_our_function_and_of_theirs():
    ours = losses.LossFunctionWrapper(losses.huber, delta=0.5, reduction="sum")
    data = json.loads(json.dumps(losses.serialize(ours)))
    assert data["config"]["fn"] == "huber"
    assert losses.deserialize(data)([[0.0]], [[1.0]]) == ours([[0.0]], [[1.0]]) == 0.375

    theirs = losses.LossFunctionWrapper(double_error, factor=3.0)
    assert theirs.name == "double_error"
    data = json.loads(json.dumps(losses.serialize(theirs)))
    with pytest.raises(ArgumentError, match=r"custom_objects=\{\"double_error\""):
        losses.deserialize(data)
    assert losses.deserialize(data, {"double_error": double_error})([[0.0]], [[1.0]]) == 3.0


def test_wrapper_keeps_class_numbers_whole():
    wrapped = losses.LossFunctionWrapper(losses.sparse_categorical_crossentropy, from_logits=True)
    logits = torch.randn(4, 3)
    torch.testing.assert_close(wrapped([0, 1, 2, 2], logits), F.cross_entropy(logits, torch.tensor([0, 1, 2, 2])))


@pytest.mark.parametrize("y_true, y_pred, kind", [
    ((None, 1), (None, 1), "BinaryCrossentropy"),
    ((None,), (None, 1), "BinaryCrossentropy"),
    ((None,), (None, 7), "SparseCategoricalCrossentropy"),
    ((None, 1), (None, 7), "SparseCategoricalCrossentropy"),
    ((32, 10), (32, 10, 7), "SparseCategoricalCrossentropy"),
    ((None, 7), (None, 7), "CategoricalCrossentropy"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["crossentropy", "ce", "CE"])
def test_crossentropy_by_shapes(y_true, y_pred, kind, name):
    assert type(losses.resolve_loss(name, y_true, y_pred)).__name__ == kind


def test_resolve_loss():
    shapes = (None, 3), (None, 3)
    assert losses.resolve_loss(None, *shapes) is None
    assert type(losses.resolve_loss("mse", *shapes)) is losses.MeanSquaredError
    assert type(losses.resolve_loss(losses.huber, *shapes)) is losses.Huber
    assert losses.resolve_loss(EVERY[0], *shapes) is EVERY[0]
    assert losses.resolve_loss(double_error, *shapes)([[0.0]], [[1.0]]) == 2.0
    with pytest.raises(ArgumentError, match=r"Unknown loss \"mean_square_error\"(.|\n)*'mean_squared_error'"):
        losses.resolve_loss("mean_square_error", *shapes)


def test_gradients_flow_through_targets_too():
    """Distillation: the targets are another model's outputs."""
    teacher = torch.randn(3, 2, requires_grad=True)
    losses.MeanSquaredError()(teacher, torch.zeros(3, 2)).backward()
    torch.testing.assert_close(teacher.grad, teacher.detach() * 2 / 6)


SYMBOLIC = [
    losses.MeanSquaredError(),
    losses.CategoricalCrossentropy(True),
    losses.huber,
    losses.categorical_crossentropy,
]


@pytest.mark.parametrize("shape", [(4,), (5, 4)], ids=str)
@pytest.mark.parametrize("loss", SYMBOLIC, ids=without_address)
def test_losses_are_recorded_on_symbolic_tensors(loss, shape):
    y_true, y_pred = torch.rand(3, *shape), torch.rand(3, *shape)
    inputs = [lamina.Input(shape), lamina.Input(shape)]
    torch.testing.assert_close(lamina.Model(inputs, loss(*inputs))([y_true, y_pred]), loss(y_true, y_pred))


@pytest.mark.parametrize("reduction", ["mean", None])
@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_loss_is_recorded_on_symbolic_tensors(from_logits, reduction):
    loss = losses.SparseCategoricalCrossentropy(from_logits, reduction=reduction)
    inputs = [lamina.Input((5,), dtype="int64"), lamina.Input((5, 4))]
    y_true, y_pred = torch.randint(0, 4, (3, 5)), torch.rand(3, 5, 4)
    torch.testing.assert_close(lamina.Model(inputs, loss(*inputs))([y_true, y_pred]), loss(y_true, y_pred))


@pytest.mark.parametrize("from_logits", [False, True])
def test_a_softmax_of_zero_does_not_end_the_training(from_logits):
    """p^q has an infinite slope at 0; losses of classes stay finite, and their gradients, at certainty and error."""
    for name in ("CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy"):
        arguments = {"from_logits": True} if from_logits and name.startswith("Sparse") else {}
        scores = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
        y_pred = scores if arguments else scores.softmax(-1)
        getattr(losses, name)(**arguments)(torch.tensor([0, 0]), y_pred).backward()
        assert scores.grad.isfinite().all()


def test_circle_without_partners_or_strangers_is_zero_and_does_not_count():
    embeddings = F.normalize(torch.randn(4, 3)).requires_grad_()
    loss = losses.Circle(gamma=2.0)
    for labels in ([0, 1, 2, 3], [5, 5, 5, 5]):
        value = loss(torch.tensor(labels), embeddings)
        assert value == 0
        assert (torch.autograd.grad(value, embeddings)[0] == 0).all()
    torch.testing.assert_close(
        loss(torch.tensor([0, 0, 1, 2]), embeddings),
        losses.circle(torch.tensor([0, 0, 1, 2]), embeddings, gamma=2.0)[:2].mean(),
    )


def test_one_loss_for_the_whole_batch_has_nothing_to_weigh():
    y_true, y_pred = torch.ones(4, 3), torch.rand(4, 3)
    for weighting in ({"sample_weight": torch.ones(4)}, {"mask": torch.ones(4, dtype=torch.bool)}):
        with pytest.raises(ShapeError, match=r"(?s)nothing to weigh.*values \(\).*Dice: axis"):
            losses.Dice()(y_true, y_pred, **weighting)
    region = losses.Dice(axis=1)(y_true, y_pred, mask=torch.tensor([True, False, True, False]))
    torch.testing.assert_close(region, losses.Dice(axis=1)(y_true[[0, 2]], y_pred[[0, 2]]))


@pytest.mark.parametrize("misuse, message", [
    (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"q=1.0"),
    (lambda: losses.ctc(torch.zeros(2), torch.zeros(2, 3, 4)), r"targets \(2,\), predictions \(2, 3, 4\)"),
    (lambda: losses.ctc(torch.zeros(3, 2), torch.zeros(2, 3, 4)), r"targets \(3, 2\), predictions \(2, 3, 4\)"),
    (lambda: losses.circle(torch.zeros(3), torch.zeros(4, 2)), r"targets \(3,\), embeddings \(4, 2\)"),
    (lambda: losses.circle(torch.zeros(4), torch.zeros(4, 2), [0], torch.zeros(2, 2)), r"ref_labels \(1,\), embed"),
])  # fmt: skip
def test_wrong_use_of_the_rarer_losses(misuse, message):
    with pytest.raises((ArgumentError, ShapeError), match=message):
        misuse()


NAN_LOSSES = [loss for loss in EVERY if loss.name not in ("ctc", "circle")]


@pytest.mark.parametrize("loss", NAN_LOSSES, **by_name)
def test_predictions_of_nan_give_a_loss_of_nan(loss):
    """Not an error: callbacks decide what happens when training has diverged."""
    y_true = torch.tensor([0, 1]) if loss.takes == "classes" else torch.eye(2)
    y_pred = torch.full((2, 2), float("nan"), requires_grad=True)
    assert loss(y_true, y_pred).isnan()
    assert loss(y_true, y_pred.detach(), mask=None if loss.name in ("dice", "tversky") else torch.zeros(2)) != 1


def test_binary_crossentropy_off_the_cpu_is_the_same(monkeypatch):
    """Where PyTorch's function would end the process for NaN, the formula is written out."""
    y_true, y_pred = torch.rand(50), torch.cat([torch.rand(40), torch.tensor([0.0, 1.0] * 5)])
    values = []
    for refuse in (False, True):
        if refuse:
            monkeypatch.setattr(torch.Tensor, "device", type("Elsewhere", (), {"type": "elsewhere"}))
        leaf = y_pred.clone().requires_grad_()
        for reduction in ("none", "mean"):
            value = losses.crossentropy.binary_from_probabilities(y_true, leaf, reduction)
            values.append((value.detach(), torch.autograd.grad(value.sum(), leaf)[0]))
        monkeypatch.undo()
    torch.testing.assert_close(values[:2], values[2:], rtol=1e-6, atol=1e-7)


class OwnCall(losses.Loss):
    """A loss as Keras' are written: its own `__call__`, without a mask."""

    def __call__(self, y_true, y_pred, sample_weight=None):
        return 2 * super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        return (y_true - y_pred).abs().mean(-1)


class OwnSum(losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight):
        total = (y_true - y_pred).square().sum()
        return total if sample_weight is None else total * sample_weight.sum()


@pytest.mark.parametrize("jit", [False, True])
def test_a_call_of_its_own_needs_no_mask(jit):
    inputs = lamina.Input((3, 1))
    model = lamina.Model(inputs, lamina.layers.Masking(0.0)(inputs))
    x = np.array([[[1.0], [2.0], [0.0]], [[4.0], [0.0], [0.0]]], "float32")
    model.compile(loss=OwnCall(), jit_compile=jit)
    weights = np.array([1.0, 3.0], "float32")
    plain = lamina.Model(inputs, lamina.layers.Masking(0.0)(inputs))
    plain.compile(loss=lamina.losses.MeanAbsoluteError())
    for weight in (None, weights):
        due = plain.evaluate(x, x + 1, sample_weight=weight, verbose=0)
        assert model.evaluate(x, x + 1, sample_weight=weight, verbose=0) == pytest.approx(2 * due)
    model.compile(loss=OwnSum())
    assert model.evaluate(x, x + 1, sample_weight=weights, verbose=0) == pytest.approx(24.0)
    assert model.evaluate(x, x + 1, verbose=0) == pytest.approx(6.0)


def test_the_mask_on_the_predictions_counts():
    y_pred = torch.tensor([[1.0], [5.0]])
    y_pred._keras_mask = torch.tensor([True, False])
    assert lamina.losses.MeanSquaredError()(torch.zeros(2, 1), y_pred) == 1.0


def test_the_dtype_has_a_name():
    assert losses.MeanSquaredError().dtype == "float32"
    assert losses.MeanSquaredError().get_config()["dtype"] is None  # wider predictions stay wider
    assert losses.MeanSquaredError(dtype="float64").dtype == "float64"
    assert losses.MeanSquaredError(dtype=lamina.DTypePolicy("mixed_float16")).dtype == "float16"
    assert losses.deserialize(losses.serialize(losses.MeanSquaredError(dtype="float64"))).dtype == "float64"
