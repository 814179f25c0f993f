"""The number that keeps divisors from 0 is asked for when something is computed, by what was made before too."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina

Y = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], "float32")
P = np.array([[1.0, 0.0, 0.0], [0.2, 0.3, 0.5]], "float32")
CLASSES = np.array([1, 0])

# Each is made before the number is set, and computes afterwards.
MADE = {
    "categorical_crossentropy": lambda k: lambda: k.losses.CategoricalCrossentropy()(Y, P),
    "sparse_categorical_crossentropy": lambda k: lambda: k.losses.SparseCategoricalCrossentropy()(CLASSES, P),
    "binary_crossentropy": lambda k: lambda: k.losses.BinaryCrossentropy()(Y, P),
    "kl_divergence": lambda k: lambda: k.losses.KLDivergence()(Y, P),
    "poisson": lambda k: lambda: k.losses.Poisson()(Y, P),
    "mape": lambda k: lambda: k.losses.MeanAbsolutePercentageError()(Y, P),
    "msle": lambda k: lambda: k.losses.MeanSquaredLogarithmicError()(Y, P),
    "dice": lambda k: lambda: k.losses.Dice()(Y, P),
    "tversky": lambda k: lambda: k.losses.Tversky()(Y, P),
    "ops.normalize": lambda k: lambda: k.ops.normalize(np.full((1, 3), 1e-3, "float32")),
    "ops.layer_normalization": lambda k: lambda: k.ops.layer_normalization(P),
    "ops.rms_normalization": lambda k: lambda: k.ops.rms_normalization(P * 0.1),
    "ops.binary_crossentropy": lambda k: lambda: k.ops.binary_crossentropy(Y, P),
    "unit_norm": lambda k: (lambda c: lambda: c(k.ops.convert_to_tensor(P)))(k.constraints.UnitNorm()),
    "max_norm": lambda k: (lambda c: lambda: c(k.ops.convert_to_tensor(P)))(k.constraints.MaxNorm(0.5)),
    "min_max_norm": lambda k: (lambda c: lambda: c(k.ops.convert_to_tensor(P)))(k.constraints.MinMaxNorm(0.1, 0.5)),
    "f_score": lambda k: (lambda m: lambda: m(Y, Y))(k.metrics.F1Score()),
    "iou": lambda k: (lambda m: lambda: m(CLASSES, CLASSES))(k.metrics.MeanIoU(3)),
    "concordance": lambda k: (lambda m: lambda: m(Y, P))(k.metrics.ConcordanceCorrelation()),
    "spectrogram": lambda k: (lambda m: lambda: m(np.zeros((1, 512, 1), "float32")))(k.layers.STFTSpectrogram()),
}


@pytest.fixture
def larger():
    def set_to(value):
        lamina.config.set_epsilon(value)
        keras.config.set_epsilon(value)

    yield set_to
    set_to(1e-7)


@pytest.mark.parametrize("name", MADE)
def test_it_is_read_when_something_is_computed(name, larger):
    ours, theirs = MADE[name](lamina), MADE[name](keras)
    before = torch.as_tensor(ours()).clone()
    ours, theirs = MADE[name](lamina), MADE[name](keras)  # metrics start anew
    larger(0.05)
    after = torch.as_tensor(ours())
    np.testing.assert_allclose(after.detach(), keras.ops.convert_to_numpy(theirs()), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(after, before, rtol=1e-4)


def test_a_compiled_loss_follows(larger):
    loss = torch.compile(lamina.losses.categorical_crossentropy, backend="eager")
    before = loss(torch.tensor(Y), torch.tensor(P))
    larger(0.05)
    assert not torch.allclose(loss(torch.tensor(Y), torch.tensor(P)), before)
