"""PyTorch's own losses, and any callable, as losses: which argument comes first, and what shapes and weights meet."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lamina import losses, metrics
from lamina.graph.errors import ArgumentError, ShapeError

SHAPES = (None, 1), (None, 1)
CLASSES, LOGITS = torch.tensor([0, 2, 1, 2]), torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
VALUES, COLUMN = LOGITS[:, 2].sigmoid(), LOGITS[:, :1]
BITS = torch.tensor([0, 1, 1, 0])


def resolved(fn):
    return losses.resolve_loss(fn, *SHAPES)


CASES = [
    (nn.CrossEntropyLoss(), CLASSES, LOGITS, lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.CrossEntropyLoss(), CLASSES[:, None].int(), LOGITS, lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.CrossEntropyLoss(), CLASSES.float(), LOGITS, lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.CrossEntropyLoss(), F.one_hot(CLASSES).float(), LOGITS, lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.CrossEntropyLoss(ignore_index=2), CLASSES, LOGITS, lambda: F.cross_entropy(LOGITS[[0, 2]], CLASSES[[0, 2]])),
    (F.cross_entropy, CLASSES, LOGITS, lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.NLLLoss(), CLASSES, LOGITS.log_softmax(-1), lambda: F.cross_entropy(LOGITS, CLASSES)),
    (nn.MultiMarginLoss(), CLASSES, LOGITS, lambda: F.multi_margin_loss(LOGITS, CLASSES)),
    (nn.MSELoss(), VALUES, COLUMN, lambda: ((COLUMN[:, 0] - VALUES) ** 2).mean()),
    (nn.L1Loss(), VALUES[:, None], COLUMN[:, 0], lambda: (COLUMN[:, 0] - VALUES).abs().mean()),
    (nn.SmoothL1Loss, VALUES, COLUMN, lambda: F.smooth_l1_loss(COLUMN[:, 0], VALUES)),
    (F.poisson_nll_loss, VALUES, COLUMN, lambda: (COLUMN[:, 0].exp() - VALUES * COLUMN[:, 0]).mean()),
    (nn.BCEWithLogitsLoss(), BITS, COLUMN, lambda: F.binary_cross_entropy_with_logits(COLUMN[:, 0], BITS.float())),
    (nn.MSELoss(reduction="sum"), VALUES, COLUMN, lambda: ((COLUMN[:, 0] - VALUES) ** 2).sum()),
    (nn.MSELoss(reduction="none"), VALUES, COLUMN, lambda: ((COLUMN[:, 0] - VALUES) ** 2).mean()),
    (nn.MultiLabelMarginLoss(), torch.tensor([[2, -1, -1]] * 4).int(), LOGITS, lambda: F.multilabel_margin_loss(
        LOGITS, torch.tensor([[2, -1, -1]] * 4))),
]  # fmt: skip


@pytest.mark.parametrize("fn, y_true, y_pred, expected", CASES, ids=lambda x: "")
def test_pytorchs_losses_get_predictions_first(fn, y_true, y_pred, expected):
    loss = resolved(fn)
    torch.testing.assert_close(loss(y_true, y_pred), expected())
    assert loss(y_true, y_pred.bfloat16()).dtype == torch.float32
    metric = metrics.resolve_metric(fn, *SHAPES)
    metric.update_state(y_true, y_pred)
    torch.testing.assert_close(metric.result(), expected())


@pytest.mark.parametrize("fn", [nn.MSELoss(), F.l1_loss, nn.BCEWithLogitsLoss(), nn.HuberLoss()], ids=lambda x: "")
def test_nothing_is_broadcast_over_the_batch(fn):
    with pytest.raises(ShapeError, match=r"targets \(4,\), predictions \(4, 3\)"):
        resolved(fn)(torch.zeros(4), LOGITS)


def test_class_numbers_that_do_not_pair():
    with pytest.raises(ShapeError, match=r"(?s)cross_entropy_loss takes one class number.*targets \(3,\)"):
        resolved(nn.CrossEntropyLoss())(CLASSES[:3], LOGITS)
    with pytest.raises(ArgumentError, match=r"(?s)12 in row 1.*from 0 to 2"):
        resolved(nn.CrossEntropyLoss())(torch.tensor([0, 12]), LOGITS[:2])


def test_weights_need_one_value_per_sample():
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0])
    with pytest.raises(ShapeError, match=r"(?s)nothing to weigh.*reduction='none'"):
        resolved(nn.CrossEntropyLoss())(CLASSES, LOGITS, weight)
    each = F.cross_entropy(LOGITS, CLASSES, reduction="none")
    loss = resolved(nn.CrossEntropyLoss(reduction="none"))
    torch.testing.assert_close(loss(CLASSES, LOGITS, weight), (each * weight).mean())
    torch.testing.assert_close(loss(CLASSES, LOGITS, mask=weight > 0), each[weight > 0].mean())


def test_a_class_derived_from_pytorchs_takes_what_it_likes():
    class Pairs(nn.modules.loss._Loss):
        def forward(self, prediction, target):
            return (prediction.sum(-1) - target).abs().mean()

    loss = resolved(Pairs())
    assert loss.name == "pairs"
    torch.testing.assert_close(loss(VALUES, LOGITS), (LOGITS.sum(-1) - VALUES).abs().mean())


class Asymmetric(nn.Module):
    def forward(self, y_true, y_pred):
        return (2 * y_true - y_pred).mean(-1)


class Unhashable:
    __hash__ = None

    def __call__(self, y_true, y_pred):
        return (2 * y_true - y_pred).mean(-1)


@pytest.mark.parametrize("fn", [lambda t, p: (2 * t - p).mean(-1), Asymmetric(), Unhashable()], ids=lambda x: "")
def test_any_other_callable_gets_targets_first(fn):
    y_true, y_pred = torch.rand(4, 3), torch.rand(4, 3)
    expected = (2 * y_true - y_pred).mean()
    torch.testing.assert_close(resolved(fn)(y_true, y_pred), expected)
    metric = metrics.resolve_metric(fn, *SHAPES)
    metric.update_state(y_true, y_pred)
    torch.testing.assert_close(metric.result(), expected)


def test_it_is_not_saved_in_a_file():
    with pytest.raises(ArgumentError, match=r"(?s)loss mse_loss of PyTorch cannot be saved.*compile again"):
        json.dumps(losses.serialize(resolved(nn.MSELoss())))
