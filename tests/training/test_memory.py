"""Nothing is kept: models, graphs, data and optimizer state of the past are gone, without a session to clear."""

from __future__ import annotations

import gc
import os

import numpy as np
import pytest
import torch

from lamina.layers import Add, BatchNormalization, Dense, Input
from lamina.models import Model


def resident_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def build() -> Model:
    x = Input((64,))
    h = Dense(256, activation="relu")(x)
    h = Add()([h, Dense(256)(BatchNormalization()(h))])
    return Model(x, Dense(4)(torch.tanh(h)))


@pytest.mark.slow
@pytest.mark.parametrize("times", [150, pytest.param(450, marks=pytest.mark.slow)])
def test_models_built_fitted_and_deleted_leave_memory_flat(times):
    data = np.random.default_rng(0).standard_normal((32, 64), dtype="float32"), np.zeros((32, 4), "float32")

    def once() -> None:
        model = build()
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(*data, verbose=0)

    for _ in range(50):
        once()
    gc.disable()  # reference counts alone must do
    try:
        before = resident_mb()
        for _ in range(times):
            once()
        grown = resident_mb() - before
    finally:
        gc.enable()
    # One model with its optimizer's state is 1.1 MB: were each kept, 150 MB would have come.
    assert grown < 15, f"{grown:.1f} MB"


def test_ten_thousand_predictions_leave_memory_flat():
    model, row = build(), np.ones((1, 64), "float32")
    for _ in range(500):
        model.predict(row)
    before = resident_mb()
    for _ in range(10_000):
        model.predict(row)
    assert resident_mb() - before < 5
