"""Outputs whose last step does not go with what they are for are told of once; what goes with it is silent.

Warnings are errors in all tests, so each test here in which none is expected shows that there is none.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import lamina
from lamina import Input, Model, Sequential, layers, losses, ops

RNG = np.random.default_rng(0)
X = RNG.random((40, 4)).astype("float32")
STEPS = RNG.random((40, 5, 4)).astype("float32")
CLASSES = np.arange(40) % 3
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]
AMOUNTS = RNG.standard_normal((40, 1)).astype("float32") * 3
SPARSE = "sparse_categorical_crossentropy"


def told(head, x, y, loss, **options):
    inputs = Input(x.shape[1:])
    model = Model(inputs, head(inputs))
    model.compile("sgd", loss)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(2):
            model.fit(x, y, verbose=0, callbacks=[lamina.callbacks.TerminateOnNaN()], **options)
    texts = [str(warning.message) for warning in seen if "NaN" not in str(warning.message)]
    assert all(warning.filename == __file__ for warning in seen)
    return [text for text in texts if "every gradient is 0" not in text]


def dense(units, activation=None):
    return layers.Dense(units, activation=activation)


WRONG = {
    "softmax twice": (lambda x: layers.Softmax()(dense(3, "softmax")(x)), X, CLASSES, SPARSE, "of a softmax"),
    "twice by a function": (lambda x: ops.softmax(torch.softmax(dense(3)(x), -1)), X, CLASSES, SPARSE, "of a softmax"),
    "twice, within": (
        lambda x: layers.Activation("softmax")(Sequential([Input((4,)), dense(3, "softmax")])(x)),
        X, CLASSES, SPARSE, "of a softmax",
    ),
    "sigmoid twice": (lambda x: ops.sigmoid(dense(1, "sigmoid")(x)), X, X[:, :1], "bce", "of a sigmoid"),
    "over the batch": (lambda x: layers.Softmax(axis=0)(dense(3)(x)), X, CLASSES, SPARSE, r"along axis 0.*Try axis=-1"),
    "over the batch, a function": (lambda x: torch.softmax(dense(3)(x), 0), X, ONE_HOT, "categorical_crossentropy",
                                   "along axis 0"),
    "over time": (lambda x: ops.softmax(dense(3)(x), axis=1), STEPS, np.zeros((40, 5)), SPARSE, "along axis 1"),
    "another axis of the loss": (lambda x: layers.Softmax()(dense(5)(x)), STEPS, np.eye(5)[np.zeros((40, 5), int)],
                                 losses.CategoricalCrossentropy(axis=1), "classes along axis 1"),
    "dropout": (lambda x: layers.Dropout(0.5)(dense(1)(x)), X, AMOUNTS, "mse", "a part of its predictions is 0"),
    "dropout, reshaped": (lambda x: layers.Flatten()(layers.GaussianDropout(0.5)(dense(1)(x))), X, AMOUNTS, "mse",
                          "a part of its predictions is 0"),
    "cosine of one": (dense(1), X, AMOUNTS, "cosine_similarity", "whose cosine is 1 or -1"),
    "poisson": (dense(1), X, abs(AMOUNTS), "poisson", "softplus"),
    "poisson, tanh": (dense(1, "tanh"), X, abs(AMOUNTS), losses.Poisson(), "softplus"),
    "sigmoid": (dense(1, "sigmoid"), X, AMOUNTS, "mse", "from 0 to 1.* lie beyond"),
    "tanh": (lambda x: ops.tanh(dense(1)(x)), X, AMOUNTS, "mae", "from -1 to 1"),
    "relu": (lambda x: layers.ReLU()(dense(1)(x)), X, AMOUNTS, "huber", "0 or more"),
    "relu of PyTorch": (lambda x: layers.TorchModule(nn.ReLU())(dense(1)(x)), X, AMOUNTS, nn.MSELoss(), "0 or more"),
    "softmax": (dense(3, "softmax"), X, ONE_HOT * 255, "mse", "from 0 to 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_an_end_that_does_not_go_with_it_is_told_of_once(case):
    head, x, y, loss, said = WRONG[case]
    (text,) = told(head, x, y, loss)
    assert re.search(said, text), text
    assert "Try " in text
    assert "whose cosine" in text or re.search(r"test_endings\.py:\d+\)", text)


RIGHT = {
    "softmax along the last axis": (lambda x: layers.Softmax(axis=-1)(dense(3)(x)), X, CLASSES, SPARSE),
    "softmax along it by number": (lambda x: ops.softmax(dense(3)(x), axis=2), STEPS, np.zeros((40, 5)), SPARSE),
    "classes first, turned": (
        lambda x: layers.Permute((2, 1))(layers.Softmax(axis=1)(layers.Permute((2, 1))(dense(3)(x)))),
        STEPS, np.zeros((40, 5)), SPARSE,
    ),
    "a softmax that weighs": (lambda x: dense(3, "softmax")(dense(4, "softmax")(x)), X, CLASSES, SPARSE),
    "sigmoid gates": (lambda x: dense(1, "sigmoid")(x * dense(4, "sigmoid")(x)), X, X[:, :1], "bce"),
    "dropout before": (lambda x: dense(1)(layers.Dropout(0.5)(x)), X, AMOUNTS, "mse"),
    "cosine of several": (dense(3), X, ONE_HOT, "cosine_similarity"),
    "poisson": (dense(1, "softplus"), X, abs(AMOUNTS), "poisson"),
    "a leaky end": (lambda x: layers.LeakyReLU(0.2)(dense(1)(x)), X, AMOUNTS, "mse"),
    "a leaky ReLU": (lambda x: layers.ReLU(negative_slope=0.2)(dense(1)(x)), X, AMOUNTS, "mse"),
    "a learnt slope": (dense(1, layers.PReLU()), X, AMOUNTS, "mse"),
    "elu": (lambda x: layers.ELU()(dense(1)(x)), X, AMOUNTS, "mse"),
    "a few beyond": (dense(1, "sigmoid"), X, np.where(np.arange(40) == 3, 1.5, 0.4)[:, None], "mse"),
    "rounded": (dense(1, "sigmoid"), X, np.full((40, 1), 1.0001), "mse"),
    "scaled afterwards": (lambda x: 10 * ops.tanh(dense(1)(x)), X, AMOUNTS, "mse"),
    "signs": (dense(1, "tanh"), X, np.sign(AMOUNTS), "hinge"),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_what_goes_with_it_is_silent(case):
    head, x, y, loss = RIGHT[case]
    assert told(head, x, y, loss) == []


def test_targets_that_a_weight_leaves_out_may_lie_anywhere():
    y = np.where(np.arange(40)[:, None] % 2, -100.0, 0.5)
    assert told(dense(1, "sigmoid"), X, y, "mse", sample_weight=(y > 0).astype("float32")[:, 0]) == []


def test_of_many_targets_the_first_rows_are_looked_at(monkeypatch):
    monkeypatch.setattr("lamina.training.sense.endings._MOST", 16)
    late = np.where(np.arange(40)[:, None] < 20, 0.5, 30.0)
    assert told(dense(1, "sigmoid"), X, late, "mse") == []
    (text,) = told(dense(1, "sigmoid"), X, late[::-1].copy(), "mse")
    assert "100% of its first 16 targets lie beyond, which go from 30 to 30" in text


def test_an_output_without_a_loss_may_end_with_anything():
    x = Input((4,))
    h = dense(3)(x)
    model = Model(x, [dense(1)(h), layers.Dropout(0.5)(layers.Softmax(axis=0)(h))])
    model.compile("sgd", ["mse", None])
    model.fit(X, AMOUNTS, verbose=0)
