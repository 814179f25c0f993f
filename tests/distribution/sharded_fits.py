"""`fit` of models whose weights lie on several processes. Run as a script by each process, or alone for what is due."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lamina
from lamina import callbacks, distribution, layers, optimizers
from lamina.models import Model
from tests.distribution.processes import hand_over
from tests.distribution.sharded_models import build, megatron

ROWS, BATCH = 22, 8  # the last batch has 6 rows, and with 4 processes one of them has more than another


class OwnStep(Model):
    """A training step of the user's, with weights that count apart from the rows."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        self.zero_grad()
        loss = self.compute_loss(x, y, self(x, training=True))
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([w.grad for w in weights], weights)
        return {"loss": loss.detach()}


def data(rows: int = ROWS) -> tuple[Any, Any]:
    drawn = np.random.default_rng(3)
    return drawn.integers(0, 16, (rows, 6)), drawn.normal(size=(rows, 3))


def normed(dtype: str = "float64") -> Model:
    x = layers.Input((6,))
    h = layers.Dense(8, name="up_0", dtype=dtype, kernel_regularizer="l2")(x)
    h = layers.BatchNormalization(synchronized=True, dtype=dtype)(h)
    h = layers.Dense(8, name="down_0", dtype=dtype)(layers.Activation("tanh", dtype=dtype)(h))
    return Model(x, layers.Dense(3, dtype=dtype)(h))


def own(dtype: str = "float64") -> Model:
    inner = build()
    return OwnStep(inner.inputs, inner.outputs)


def adam() -> Any:
    return optimizers.Adam(0.01)


CASES: dict[str, tuple[Callable[[], Model], Callable[[], Any], dict[str, Any]]] = {
    "adam": (build, adam, {}),
    "clipped": (build, lambda: optimizers.SGD(0.1, 0.9, global_clipnorm=0.1), {}),
    "average": (build, lambda: optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9), {}),
    "accumulated": (build, lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2), {}),
    "few rows": (build, adam, {"batch_size": 7}),  # a last batch of one row
    "weighted rows": (build, adam, {"sample_weight": np.arange(1.0, ROWS + 1)}),
    "generator": (build, adam, {"generator": True}),
    "normed": (normed, adam, {}),
    "own step": (own, adam, {}),
}


def prepared(layout: str | None, world: int) -> Any:
    if layout == "sharded":
        return distribution.DataParallel(shard_weights=True)
    if layout == "copies":
        return distribution.DataParallel()
    shape = {2: (1, 2), 4: (2, 2)}[world]
    return distribution.ModelParallel(layout_map=megatron(distribution.DeviceMesh(shape, ("batch", "model"))))


def fits(layout: str | None, world: int, names: Any = CASES) -> dict[str, Any]:
    """What each case ends with."""
    found = {}
    for name in names:
        make, optimizer, options = CASES[name]
        torch.manual_seed(11)
        np.random.seed(11)
        lamina.utils.set_random_seed(4)
        model = make()
        model.compile(optimizer(), "mse", metrics=["mae"])
        x, y = data()
        if make is normed:
            x = x / 16.0
        options = {"batch_size": BATCH} | options
        if options.pop("generator", False):
            x, y, options = Batches(x, y), None, {}
        if layout is not None:
            distribution.set_distribution(prepared(layout, world))
        held = data(5) if make is build else None
        history = model.fit(x, y, epochs=3, seed=5, verbose=0, validation_data=held, **options)
        found[name] = {"history": history.history, "weights": model.get_weights()}
        if make is build:
            found[name]["evaluated"] = model.evaluate(*data(13), batch_size=4, verbose=0)
            found[name]["predicted"] = model.predict(data(13)[0], batch_size=4, verbose=0)
        distribution.set_distribution(None)
    return found


class InterruptionError(Exception):
    """Ends a training in the middle."""


class Ends(callbacks.Callback):
    """Raises at a batch."""

    def __init__(self, at: int | None) -> None:
        super().__init__()
        self.left = at

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.left is not None:
            self.left -= 1
            if not self.left:
                raise InterruptionError


def saved(layout: str | None, world: int, folder: Path) -> dict[str, Any]:
    """Files of a training that is interrupted and goes on; which are those of one process alone."""
    folder = folder / str(layout)
    endings = (".lamina", ".keras", ".weights.h5")
    for ends in (5, None):
        lamina.utils.set_random_seed(4)
        model = build()
        model.compile(adam(), "mse")
        distribution.set_distribution(None if layout is None else prepared(layout, world))
        backup = callbacks.BackupAndRestore(folder / "backup", save_freq=2, double_checkpoint=True)
        best = callbacks.ModelCheckpoint(folder / "best.weights.h5", save_weights_only=True, monitor="loss")
        with suppress(InterruptionError):
            model.fit(*data(), batch_size=BATCH, epochs=3, seed=5, verbose=0, callbacks=[backup, best, Ends(ends)])
        distribution.set_distribution(None)
    for ending in endings:
        (model.save_weights if "weights" in ending else model.save)(folder / f"model{ending}")
    found = {"weights": model.get_weights()}
    for ending in (*endings, "best"):
        alone = build(seed=9)
        alone.load_weights(folder / (f"model{ending}" if ending in endings else "best.weights.h5"))
        found[ending] = alone.get_weights()
    return found


class Batches(lamina.utils.PyDataset):
    """Batches that come whole."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return -(-len(self.x) // BATCH)

    def __getitem__(self, index: int) -> Any:
        rows = slice(index * BATCH, (index + 1) * BATCH)
        return self.x[rows], self.y[rows]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    world = int(os.environ["WORLD_SIZE"])
    distribution.initialize()
    if "FOLDER" in os.environ:
        hand_over({layout: saved(layout, world, Path(os.environ["FOLDER"])) for layout in sys.argv[1].split(",")})
        sys.exit()
    hand_over({layout: fits(layout, world, sys.argv[2:] or CASES) for layout in sys.argv[1].split(",")})
