"""Trainings that are interrupted, one function each: a fresh model, its data and its callbacks."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lamina import Model
from lamina.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ReduceLROnPlateau,
    SwapEMAWeights,
)
from lamina.layers import GRU, BatchNormalization, Dense, Dropout, Input, Reshape
from lamina.metrics import Mean
from lamina.optimizers import SGD, Adam, AdamW, LossScaleOptimizer
from lamina.optimizers.schedules import CosineDecay
from lamina.utils import PyDataset


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def arrays(n=44, width=5):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, width)).astype("float32")
    return x, x.sum(1, keepdims=True) + rng.normal(size=(n, 1)).astype("float32") * 0.1


def network(width=5):
    x = Input((width,), name="x")
    h = Dense(8, activation="relu")(x)
    h = BatchNormalization()(h)
    h = Dropout(0.3, seed=5)(Dropout(0.2)(h))
    return Model(x, Dense(1, name="y")(h))


class Noisy(Dataset):
    """Rows with noise, drawn anew whenever a row is asked for."""

    def __init__(self, n=27):
        x, y = arrays(n)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        noise = torch.randn(5) * 0.1 + random.random() * 0.01
        return self.x[i] + noise, self.y[i]


# -- the trainings: each gives (model, arguments of fit, callbacks)


def plain(folder):
    """Dropout, BatchNormalization, rows shuffled, validation."""
    model = network()
    model.compile(Adam(0.01), "mse", metrics=["mae"])
    x, y = arrays()
    return model, {"x": x, "y": y, "batch_size": 8, "epochs": 3, "validation_split": 0.2}, []


def loader(folder):
    """A DataLoader that shuffles and augments; a schedule."""
    model = network()
    model.compile(SGD(CosineDecay(0.05, 20), momentum=0.9), "mse")
    data = DataLoader(Noisy(), batch_size=5, shuffle=True)
    return model, {"x": data, "epochs": 3, "validation_data": arrays(9), "seed": 11}, []


def workers(folder):
    """Two workers, a generator of the loader's own."""
    model = network()
    model.compile(Adam(0.01), "mse")
    data = DataLoader(Noisy(), batch_size=5, shuffle=True, num_workers=2, generator=torch.Generator().manual_seed(3))
    return model, {"x": data, "epochs": 2}, []


def joined(folder):
    """As `loader`; the last batch is a single row, which is joined to the one before when the end is seen."""
    model = network()
    model.compile(Adam(0.01), "mse")
    return model, {"x": DataLoader(Noisy(26), batch_size=5, shuffle=True), "epochs": 3}, []


class Stop(Callback):
    """Ends the training in the middle of its second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = self.params["epochs"] == 3 and self.second and batch == 2

    def on_epoch_begin(self, epoch, logs=None):
        self.second = epoch == 1


def stopped(folder):
    """A callback ends it in the middle of an epoch, which is validated all the same."""
    model, arguments, _ = plain(folder)
    return model, arguments, [Stop()]


def again(folder):
    """Epochs that are not passes: of 7 batches, 4 each; validation that goes on where it stopped."""
    model = network()
    model.compile(Adam(0.01), "mse")

    def batches():
        x, y = arrays(28)
        for i in np.random.permutation(7):
            yield x[4 * i : 4 * i + 4] + np.random.normal() * 0.01, y[4 * i : 4 * i + 4]

    return (
        model,
        {
            "x": batches,
            "epochs": 4,
            "steps_per_epoch": 4,
            "validation_data": (batches),
            "validation_steps": 3,
            "validation_freq": 2,
        },
        [],
    )


def once(folder):
    """A generator, which cannot start over, drawing from one of its own and from NumPy's global one."""
    model = network()
    model.compile(Adam(0.01), "mse")

    def batches():
        own = np.random.default_rng(7)
        while True:
            x = own.normal(size=(6, 5)).astype("float32")
            yield x, x.sum(1, keepdims=True) + np.random.normal() * 0.1

    return model, {"x": batches(), "epochs": 3, "steps_per_epoch": 5}, []


def watched(folder):
    """Callbacks with a state of their own."""
    model = network()
    model.compile(SGD(0.05, momentum=0.9), "mse")
    x, y = arrays()
    callbacks = [
        EarlyStopping("val_loss", patience=2, min_delta=0.2, restore_best_weights=True),
        ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.3, cooldown=1),
        LearningRateScheduler(lambda epoch, rate: rate * 0.95),
        CSVLogger(folder / "log.csv"),
    ]
    return model, {"x": x, "y": y, "batch_size": 8, "epochs": 12, "validation_split": 0.2}, callbacks


def averaged(folder):
    """Gradients accumulated, weights averaged and swapped in at the ends of epochs."""
    model = network()
    model.compile(AdamW(0.01, gradient_accumulation_steps=3, use_ema=True, ema_momentum=0.9, clipnorm=1.0), "mse")
    x, y = arrays()
    return (
        model,
        {"x": x, "y": y, "batch_size": 8, "epochs": 3, "validation_split": 0.2},
        [SwapEMAWeights(swap_on_epoch=True)],
    )


def outputs(folder):
    """Two outputs with weights, metrics and sample weights, and a named loss in the graph."""
    x = Input((5,), name="x")
    h = Dropout(0.2)(Dense(8, activation="tanh")(x))
    model = Model(x, {"price": Dense(1, name="p")(h), "kind": Dense(3, activation="softmax", name="k")(h)})
    model.add_loss(h.square().mean(), name="size")
    model.compile(
        "rmsprop",
        loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"price": 0.5, "kind": 2.0},
        metrics={"kind": ["accuracy"], "price": ["mae"]},
    )
    data, price = arrays()
    y = {"price": price, "kind": np.arange(44) % 3}
    held = data[:9], {name: target[:9] for name, target in y.items()}
    weight = np.linspace(0.5, 1.5, 44).astype("float32")
    return (
        model,
        {"x": data, "y": y, "sample_weight": weight, "batch_size": 8, "epochs": 3, "validation_data": held},
        [],
    )


class Subclassed(Model):
    """Has its weights from its first call only."""

    def __init__(self):
        super().__init__()
        self.hidden, self.drop, self.out = Dense(8, activation="relu"), Dropout(0.3), Dense(1)

    def call(self, x, training=False):
        return self.out(self.drop(self.hidden(x), training=training))


def subclassed(folder):
    model = Subclassed()
    model.compile("adam", "mse", metrics=["mae"], steps_per_execution=2)
    x, y = arrays()
    return model, {"x": x, "y": y, "batch_size": 8, "epochs": 3, "validation_split": 0.2}, []


class OwnStep(Subclassed):
    """A training step of its own, with a metric that is an attribute."""

    def __init__(self):
        super().__init__()
        self.tracker = Mean(name="square")

    def train_step(self, data):
        x, y = data
        loss = (self(x, training=True) - y).square().mean()
        loss.backward()
        weights = self.trainable_weights
        self.optimizer.apply([w.grad for w in weights], weights)
        for w in weights:
            w.grad = None
        self.tracker.update_state(loss.detach())
        return {"square": self.tracker.result()}


def own_step(folder):
    model = OwnStep()
    x, y = arrays()
    model(x)
    model.compile("adam")
    return model, {"x": x, "y": y, "batch_size": 8, "epochs": 3}, []


def torch_optimizer(folder):
    """An optimizer and a scheduler of PyTorch's, and a recurrent layer that keeps its states from batch to batch."""
    x = Input((5,), batch_size=4)
    model = Model(x, Dense(1)(GRU(3, stateful=True, dropout=0.2)(Reshape((5, 1))(x))))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model.compile(optimizer, "mse")
    data, y = arrays(24)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    return model, {"x": data, "y": y, "batch_size": 4, "epochs": 4}, [scheduler]


class Shuffled(PyDataset):
    """Shuffles a list of its own at the end of each pass."""

    def __init__(self):
        super().__init__()
        self.order = np.arange(24)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        x, y = arrays(24)
        rows = self.order[4 * index : 4 * index + 4]
        return x[rows], y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.order)

    def state_dict(self):
        return {"order": self.order}

    def load_state_dict(self, state):
        self.order = state["order"]


def py_dataset(folder):
    model = network()
    model.compile(LossScaleOptimizer(Adam(0.01), dynamic_growth_steps=4), "mse")
    return model, {"x": Shuffled(), "epochs": 3, "seed": 2}, []


class Thaw(Callback):
    """Trains the first layer from the second epoch on."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.layers[1].trainable = True


def thawed(folder):
    model = network()
    model.layers[1].trainable = False
    model.compile(Adam(0.01), "mse")
    x, y = arrays()
    return model, {"x": x, "y": y, "batch_size": 8, "epochs": 3, "steps_per_epoch": 5}, [Thaw()]


SETUPS = {
    setup.__name__: setup
    for setup in (
        plain, loader, workers, joined, stopped, again, once, watched, averaged, outputs, subclassed, own_step,
        torch_optimizer, py_dataset, thawed,
    )
}  # fmt: skip


# -- running them


def fit(name, folder, save_freq=1, more=(), **options):
    """One life of a training: the model after ``fit``. A life that goes on begins with other random numbers."""
    folder = Path(folder)
    # A generator that cannot start over gives its first batches before anything is restored.
    seed_all(999 if (folder / "backup" / "latest.lamina").exists() and name != "once" else 1)
    model, arguments, callbacks = SETUPS[name](folder)
    backup = BackupAndRestore(folder / "backup", save_freq=save_freq, **options)
    model.fit(verbose=0, callbacks=[backup, *more, *callbacks], **arguments)
    return model


def whole(name, folder):
    """What the training comes to without a backup."""
    seed_all(1)
    model, arguments, callbacks = SETUPS[name](Path(folder))
    model.fit(verbose=0, callbacks=callbacks, **arguments)
    return result(model, folder)


def result(model, folder):
    """Everything that two runs must have in common, to the bit, as text."""
    optimizer = model.optimizer.state_dict()
    if "param_groups" in optimizer:  # PyTorch's
        optimizer = {f"{i}/{k}": v for i, own in optimizer["state"].items() for k, v in own.items()}
    tensors = dict(model.state_dict()) | {f"optimizer {k}": v for k, v in optimizer.items()}
    log = Path(folder) / "log.csv"
    return {
        "tensors": {k: [str(v.dtype), v.detach().double().reshape(-1).tolist()] for k, v in tensors.items()},
        "history": model.history.history,
        "epochs": model.history.epoch,
        "log": list(csv.reader(log.read_text().splitlines())) if log.exists() else None,
        "iterations": int(getattr(model.optimizer, "iterations", 0)),
        "trainable": [w.requires_grad for w in model.weights],
    }


def assert_same(found, expected):
    found, expected = (json.loads(json.dumps(value)) for value in (found, expected))
    assert list(found["tensors"]) == list(expected["tensors"])
    for part in ("history", "epochs", "log", "iterations", "trainable", "tensors"):
        assert found[part] == expected[part], part
    assert any(series[1] for series in found["tensors"].values())
