"""check_targets: what a loss cannot learn from is refused before the first step, by name, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lamina import losses
from lamina.graph.errors import ArgumentError, DtypeError, ShapeError
from lamina.losses import check_targets

NAN, INF = float("nan"), float("inf")
SPARSE = losses.SparseCategoricalCrossentropy()
IGNORING = losses.SparseCategoricalCrossentropy(ignore_class=-1)
CHANNELS = losses.SparseCategoricalCrossentropy(axis=1)
WRAPPED = losses.LossFunctionWrapper(losses.sparse_categorical_crossentropy, ignore_class=255, axis=1)
BINARY, ONE_HOT, MSE, CTC = (
    losses.BinaryCrossentropy(),
    losses.CategoricalCrossentropy(),
    losses.MeanSquaredError(),
    losses.CTC(),
)


def own(y_true, y_pred):
    return (y_true - y_pred).abs().mean(-1)


GOOD = [
    (SPARSE, [0, 9, 3], (None, 10)),
    (SPARSE, [[0], [9]], (None, 10)),
    (SPARSE, [0.0, 9.0], (32, 10)),
    (SPARSE, np.zeros((2, 5), "uint16"), (None, 5, 3)),
    (SPARSE, np.array([True, False]), (None, 2)),
    (SPARSE, np.array([12]), (None, None)),
    (IGNORING, [-1, 0, 2], (None, 3)),
    (CHANNELS, np.full((2, 4, 4), 2), (None, 3, 4, 4)),
    (CHANNELS, np.full((2, 1, 4, 4), 2), (None, 3, None, None)),
    (WRAPPED, np.full((2, 4), 255), (None, 3, 4)),
    (losses.CategoricalGeneralizedCrossEntropy(), [0, 2], (None, 3)),
    (BINARY, [0, 1, 1], (None, 1)),
    (BINARY, [[0.25], [1.0]], (None,)),
    (BINARY, np.array([True, False]), (None, 1)),
    (ONE_HOT, np.eye(3), (None, 3)),
    (ONE_HOT, np.full((2, 5, 3), 1 / 3), (None, None, 3)),
    (MSE, [-5.0, 1e30], (None, 1)),
    (MSE, np.zeros((3, 7)), (3, 7)),
    (MSE, np.zeros((3, 7)), (3, 7, 1)),
    (MSE, np.zeros((0, 7)), (None, 7)),
    (losses.Hinge(), [-1, 1, 0], (None, 1)),
    (losses.Dice(), np.ones((2, 4, 4)), (None, 4, 4, 1)),
    (losses.Circle(), [4, -7, 4], (None, 16)),
    (CTC, [[1, 1], [2, 0]], (None, 3, 3)),
    (losses.LossFunctionWrapper(own), [NAN, -1.0], (None, 3)),
    (losses.TorchLoss(nn.MSELoss()), [0.5, 2.0], (None, 1)),
    (losses.TorchLoss(nn.CrossEntropyLoss()), [0, 12], (None, 10)),
    (None, ["a"], (None, 1)),
    (MSE, {"a": ["text"]}, (None, 1)),
    (MSE, torch.zeros(3, 1, device="meta"), (None, 1)),
]


@pytest.mark.parametrize("loss, y_true, shape", GOOD, ids=lambda x: getattr(x, "name", None))
def test_what_can_be_learnt_from_is_let_through(loss, y_true, shape):
    for given in (y_true, torch.as_tensor(y_true)) if isinstance(y_true, np.ndarray) else (y_true,):
        check_targets(loss, given, shape, "out")


BAD = [
    (SPARSE, [0, 3, 12], (None, 10), ArgumentError, r"12 in row 2; numbers from 0 to 12.*from 0 to 9.*13 units"),
    (SPARSE, [1, 10, 10], (None, 10), ArgumentError, r"10 in row 1 \(and 1 more\).*start at 0: subtract 1"),
    (SPARSE, [[1], [-1]], (None, 10), ArgumentError, r"-1 in row 1.*ignore_class=-1"),
    (SPARSE, [0.5, 1.0], (None, 10), ArgumentError, r"not whole.*0.5 in row 0.*mean_squared_error"),
    (SPARSE, [0.0, NAN], (None, 10), ArgumentError, r"not finite.*nan in row 1"),
    (SPARSE, np.eye(3), (None, 3), ShapeError, r"targets \(B, 3\), predictions \(B, 3\).*\(B,\).*categorical_cross"),
    (SPARSE, np.zeros((3, 2)), (None, 4, 3), ShapeError, r"targets \(B, 2\).*targets \(B, 4\): a class number for"),
    (SPARSE, [0, 1], (None, 1), ArgumentError, r"only one.*\(B, 1\).*binary_crossentropy"),
    (SPARSE, ["cat", "dog"], (None, 2), DtypeError, r"no numbers.*dtype <U3, such as .*cat.*np.unique"),
    (SPARSE, np.array([1, None]), (None, 2), DtypeError, r"dtype object"),
    (SPARSE, np.zeros(2, "datetime64[s]"), (None, 2), DtypeError, r"dtype datetime64"),
    (IGNORING, [-1, -2], (None, 3), ArgumentError, r"-2 in row 1"),
    (IGNORING, [-1, 3], (None, 3), ArgumentError, r"3 in row 1"),
    (CHANNELS, np.full((2, 4, 4), 3), (None, 3, 4, 4), ArgumentError, r"3 in row 0 \(and 31 more\)"),
    (WRAPPED, np.full((2, 4), 7), (None, 3, 4), ArgumentError, r"7 in row 0"),
    (losses.CategoricalGeneralizedCrossEntropy(), [3], (None, 3), ArgumentError, r"3 in row 0"),
    (BINARY, [0, 1, 7], (None, 1), ArgumentError, r"outside \[0, 1\].*7 in row 2.*sparse_categorical_crossentropy"),
    (BINARY, [0, 1, 7], (None, 10), ShapeError, r"\(B,\), predictions \(B, 10\).*sparse_categorical_crossentropy"),
    (BINARY, [-1.0, 1.0], (None, 1), ArgumentError, r"-1 in row 0; values from -1 to 1"),
    (BINARY, [[INF]], (None, 1), ArgumentError, r"not finite.*inf in row 0"),
    (losses.BinaryFocalCrossentropy(), [2, 0], (None, 1), ArgumentError, r"2 in row 0"),
    (ONE_HOT, np.ones((3, 1)), (None, 1), ArgumentError, r"only one.*one unit along axis -1.*binary_crossentropy"),
    (ONE_HOT, [0, 2, 1], (None, 3), ShapeError, r"targets \(B,\).*sparse_categorical_crossentropy"),
    (ONE_HOT, 2 * np.eye(3), (None, 3), ArgumentError, r"2 in row 0 \(and 2 more\).*one-hot"),
    (losses.CategoricalFocalCrossentropy(), -np.eye(3), (None, 3), ArgumentError, r"-1 in row 0"),
    (losses.CategoricalHinge(), 3 * np.eye(3), (None, 3), ArgumentError, r"3 in row 0"),
    (losses.KLDivergence(), [[1.5, -0.5]], (None, 2), ArgumentError, r"1.5 in row 0 \(and 1 more\)"),
    (losses.Hinge(), [0, 2], (None, 1), ArgumentError, r"outside \[-1, 1\].*2 in row 1.*categorical_hinge"),
    (losses.Dice(), np.full((2, 4), 255), (None, 4), ArgumentError, r"255 in row 0.*1 / 255"),
    (MSE, [1.0, NAN, NAN], (None, 1), ArgumentError, r"not finite.*nan in row 1 \(and 1 more\).*sample_weight=0"),
    (MSE, [1.0, -INF], (None, 1), ArgumentError, r"-inf in row 1"),
    (MSE, np.zeros(5), (None, 3), ShapeError, r"targets \(B,\), predictions \(B, 3\).*nothing is broadcast"),
    (MSE, np.zeros((5, 2)), (None, 3), ShapeError, r"targets \(B, 2\).*targets \(B, 3\); nothing"),
    (MSE, np.zeros((5, 2)), (None, 1), ShapeError, r"expected +targets \(B, 1\) or \(B,\); nothing"),
    (MSE, np.array(["1.5"], object), (None, 1), DtypeError, r"dtype object, such as '1.5'.*astype"),
    (losses.Circle(), np.zeros((4, 3)), (None, 16), ShapeError, r"\(B,\) or \(B, 1\)"),
    (losses.Circle(), [0.5, 1.0], (None, 16), ArgumentError, r"not whole"),
    (CTC, [[1, 1, 2]], (None, 3, 3), ArgumentError, r"need 4 steps, in row 0.*at most 3 steps"),
    (CTC, [[1, 3]], (None, 9, 3), ArgumentError, r"3 in row 0"),
    (CTC, [1, 2], (None, 9, 3), ShapeError, r"\(B, L\), filled up with 0"),
    (losses.LossFunctionWrapper(own), ["a"], (None, 1), DtypeError, r"no numbers"),
    (losses.TorchLoss(nn.L1Loss()), [NAN], (None, 1), ArgumentError, r"not finite"),
    (losses.TorchLoss(nn.BCEWithLogitsLoss()), [3], (None, 1), ArgumentError, r"3 in row 0"),
]


@pytest.mark.parametrize("loss, y_true, shape, error, message", BAD, ids=lambda x: getattr(x, "name", None))
def test_what_cannot_be_is_refused_by_name(loss, y_true, shape, error, message):
    with pytest.raises(error, match=f"(?s)output 'out' \\({loss.name}\\).*{message}"):
        check_targets(loss, y_true, shape, "out")


def test_every_built_in_loss_says_what_it_takes():
    for name in losses.__all__:
        if name[0].isupper() and name not in ("Loss", "LossFunctionWrapper", "TorchLoss"):
            assert getattr(losses, name).takes, name


def test_values_on_a_device_are_not_looked_at():
    with pytest.raises(ShapeError, match=r"predictions \(B, 3\)"):
        check_targets(MSE, torch.zeros(3, 1, device="meta"), (None, 3))


def test_one_pass_over_good_targets():
    """The least and the greatest value are found at once; nothing of the size of the data is made."""
    from tests.losses.test_loss import Operations

    for loss, y_true, shape in (
        (SPARSE, torch.zeros(50, dtype=torch.int32), (None, 3)),
        (MSE, torch.zeros(50, 1), (None, 1)),
        (BINARY, torch.zeros(50), (None, 1)),
    ):
        with Operations() as operations:
            check_targets(loss, y_true, shape)
        assert set(operations.names) == {"detach", "aminmax", "_local_scalar_dense"}
