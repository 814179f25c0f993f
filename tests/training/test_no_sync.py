"""No step waits for its device: what would bring a value to the host is counted, and must not grow with the steps.

On a CPU nothing waits, so the questions are counted: every operation that needs a value on the host (``item``,
``bool``, ``tolist``, ``numpy``, ``cpu``, data-dependent shapes) passes one of PyTorch's two modes.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import lamina
from lamina.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding, Input
from lamina.models import Model

ASKING_OPS = ("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique", "is_nonzero", "bincount")
ASKING_METHODS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__", "__array__")


class Asked(TorchDispatchMode):
    """Counts operations whose result the host must know."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in ASKING_OPS:
            self.count[name] += 1
        return func(*args, **(kwargs or {}))


class Read(TorchFunctionMode):
    """Counts methods that bring values to the host."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in ASKING_METHODS:
            self.count[name] += 1
        return func(*args, **(kwargs or {}))


def questions(run):
    with Asked() as asked, Read() as read:
        run()
    return asked.count + read.count


def two_heads():
    x = Input((6,), name="x")
    h = Dropout(0.2)(BatchNormalization()(Dense(8, activation="relu", kernel_regularizer="l2")(x)))
    return Model(x, [Dense(1, name="price")(h), Dense(3, activation="softmax", name="kind")(h)])


def tokens():
    x = Input((5,), dtype="int32", name="x")
    h = LSTM(6, return_sequences=True)(Embedding(9, 4, mask_zero=True)(x))
    return Model(x, Dense(3, activation="softmax", name="tag")(h))


METRICS = {"price": ["mae", "r2_score"], "kind": ["accuracy", lamina.metrics.SparseTopKCategoricalAccuracy(2)]}
OPTIMIZERS = {
    "adam": lambda: lamina.optimizers.Adam(0.01),
    "everything around a step": lambda: lamina.optimizers.AdamW(
        lamina.optimizers.schedules.CosineDecay(0.1, 100), global_clipnorm=1.0, use_ema=True,
        ema_overwrite_frequency=3, gradient_accumulation_steps=2
    ),
    "clipnorm": lambda: lamina.optimizers.SGD(0.01, momentum=0.9, clipnorm=1.0),
    "clipvalue": lambda: lamina.optimizers.RMSprop(0.01, clipvalue=1.0),
}  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_question_in_a_training_step(optimizer):
    rng = np.random.default_rng(0)

    def run(steps):
        x = rng.standard_normal((8 * steps, 6)).astype("float32")
        y = [x[:, :1], rng.integers(0, 3, 8 * steps)]
        model = two_heads()
        model.compile(
            OPTIMIZERS[optimizer](), ["mse", "sparse_categorical_crossentropy"], metrics=METRICS,
            weighted_metrics={"kind": ["accuracy"]},
        )  # fmt: skip
        weight = np.ones(8 * steps, "float32")
        options = {"class_weight": {"kind": {0: 1.0, 1: 2.0}}, "sample_weight": weight, "verbose": 0}
        return questions(lambda: model.fit(x, y, batch_size=8, epochs=1, **options))

    assert run(4) == run(12)


def test_no_question_in_a_step_with_masks():
    rng = np.random.default_rng(0)

    def run(steps):
        model = tokens()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        x, y = rng.integers(1, 9, (4 * steps, 5)), rng.integers(0, 3, (4 * steps, 5))
        return questions(lambda: model.fit(x, y, batch_size=4, verbose=0))

    assert run(3) == run(9)


def test_no_question_in_a_step_of_evaluation():
    rng = np.random.default_rng(0)
    model = two_heads()
    model.compile("adam", ["mse", "sparse_categorical_crossentropy"], metrics=METRICS)

    def run(steps):
        x = rng.standard_normal((8 * steps, 6)).astype("float32")
        y = [x[:, :1], rng.integers(0, 3, 8 * steps)]
        return questions(lambda: model.evaluate(x, y, batch_size=8, verbose=0))

    run(2)
    assert run(4) == run(12)


def test_a_question_in_a_step_is_seen():
    """The counter itself: a callback that listens to batches makes each step answer."""
    x = np.ones((32, 6), "float32")
    model = two_heads()
    model.compile("adam", {"price": "mse"})
    listens = lamina.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)

    def run(rows):
        y = {"price": x[:rows, :1]}
        return questions(lambda: model.fit(x[:rows], y, batch_size=8, verbose=0, callbacks=[listens]))

    assert sum(run(32).values()) > sum(run(16).values())
    assert torch.is_grad_enabled()
