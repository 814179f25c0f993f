"""Trainings that must come out the same on one process and on several. Run as a script by each process."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

import lamina
from lamina import callbacks, layers, losses, metrics, optimizers
from lamina.models import Model, Sequential

RANK = int(os.environ.get("RANK", "0"))
CASES: dict[str, Callable[[], dict[str, Any]]] = {}


def case(function: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    CASES[function.__name__] = function
    return function


def run_all(names: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Every case in float64. Each process begins with random numbers of its own, as an unseeded script does."""
    before = lamina.config.floatx()
    lamina.config.set_floatx("float64")
    try:
        results = {}
        for number, (name, function) in enumerate(CASES.items()):
            if names and name not in names:
                continue
            torch.manual_seed(1000 + number + 77 * RANK)
            np.random.seed(number + RANK)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results[name] = function()
        return results
    finally:
        lamina.config.set_floatx(before)


def numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=shape)


def classes(rows: int, count: int, *shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(5).integers(0, count, (rows, *shape))


def outcome(model: Any, history: Any, x: Any = None, **more: Any) -> dict[str, Any]:
    found = {"history": history.history, "weights": [w.detach().numpy() for w in model.state_dict().values()]}
    if x is not None:
        found["predicted"] = model.predict(x, batch_size=7, verbose=0)
    return found | more


def trained(model: Any, *data: Any, scores: bool = True, **options: Any) -> dict[str, Any]:
    history = model.fit(*data, **({"epochs": 4, "batch_size": 8, "verbose": 0} | options))
    evaluated = model.evaluate(*data, batch_size=9, verbose=0, return_dict=True) if scores else None
    return outcome(model, history, data[0] if scores else None, evaluated=evaluated)


def mlp(width: int = 5, out: int = 1, **options: Any) -> Model:
    x = layers.Input((width,))
    return Model(x, layers.Dense(out, **options)(layers.Dense(8, activation="tanh")(x)))


@case
def dense() -> dict[str, Any]:
    model = mlp()
    measured = ["mae", metrics.RootMeanSquaredError(), metrics.R2Score(), metrics.CosineSimilarity()]
    model.compile(optimizers.Adam(0.02), "mse", metrics=measured)
    return trained(model, numbers((37, 5)), numbers((37, 1), 1), validation_split=0.3)


@case
def weights_of_classes_and_samples() -> dict[str, Any]:
    model = mlp(out=3, activation="softmax")
    measured = ["accuracy", metrics.F1Score(average="macro"), metrics.AUC(num_thresholds=20)]
    model.compile("sgd", "categorical_crossentropy", metrics=measured, weighted_metrics=["accuracy"])
    y = np.eye(3)[classes(37, 3)]
    weight = np.random.default_rng(3).uniform(0.1, 2.0, 37)
    return trained(model, numbers((37, 5)), y, class_weight={0: 2.0, 2: 0.5}, sample_weight=weight)


@case
def means_by_weight() -> dict[str, Any]:
    model = mlp()
    model.compile("sgd", losses.MeanSquaredError(reduction="mean_with_sample_weight"), weighted_metrics=["mse"])
    weight = np.random.default_rng(3).uniform(0.0, 4.0, 37)
    return trained(model, numbers((37, 5)), numbers((37, 1), 1), sample_weight=weight)


@case
def images_with_synchronized_normalization() -> dict[str, Any]:
    x = layers.Input((6, 6, 2))
    h = layers.Conv2D(4, 3, activation="relu")(x)
    h = layers.BatchNormalization(synchronized=True, momentum=0.8)(h)
    h = layers.Conv2D(3, 3)(h)
    h = layers.BatchNormalization(synchronized=True)(h)
    model = Model(x, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(h)))
    model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    # The last batch has two rows: with three processes one has none.
    return trained(model, numbers((37, 6, 6, 2)), classes(37, 4), batch_size=7)


@case
def sequences_with_masks() -> dict[str, Any]:
    x = layers.Input((6,), dtype="int64")
    h = layers.Embedding(20, 6, mask_zero=True)(x)
    h = layers.LSTM(5, return_sequences=True)(h)
    model = Model(x, layers.Dense(4)(h))
    words = np.random.default_rng(1).integers(1, 20, (37, 6))
    for row, length in enumerate(np.random.default_rng(2).integers(1, 7, 37)):
        words[row, length:] = 0
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=3)
    model.compile(optimizers.Adam(0.02), loss, metrics=["accuracy"])
    return trained(model, words, classes(37, 4, 6))


@case
def transformer() -> dict[str, Any]:
    x = layers.Input((5, 8))
    h = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    h = layers.LayerNormalization()(h + layers.Dense(8)(layers.Dense(16, activation="gelu")(h)))
    model = Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))
    model.compile(
        optimizers.AdamW(0.01, gradient_accumulation_steps=2, global_clipnorm=0.1, use_ema=True, ema_momentum=0.9),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return trained(model, numbers((37, 5, 8)), classes(37, 3))


@case
def several_outputs() -> dict[str, Any]:
    x = layers.Input((5,))
    h = layers.Dense(8, activation="tanh", activity_regularizer="l2", kernel_regularizer="l1")(x)
    model = Model(x, {"price": layers.Dense(1)(h), "kind": layers.Dense(3)(h)})
    model.compile(
        optimizers.SGD(0.01, momentum=0.9, clipvalue=0.05),
        {"price": losses.Huber(reduction="sum"), "kind": losses.SparseCategoricalCrossentropy(True, ignore_class=1)},
        loss_weights={"price": 0.3, "kind": 2.0},
        metrics={"price": ["mae"], "kind": ["accuracy"]},
    )
    return trained(model, numbers((37, 5)), {"price": numbers((37, 1), 1), "kind": classes(37, 3)})


class OwnStep(Model):
    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True)) + 0.1 * self(x * 0.5).square().mean()
        self.zero_grad()
        loss.backward()
        gradients = [w.grad for w in self.trainable_weights]
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), 0.5)
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(self.compute_loss(x, y, self(x)).detach())
            else:
                metric.update_state(y, self(x))
        return {metric.name: metric.result() for metric in self.metrics} | {"norm": norm}


@case
def own_train_step() -> dict[str, Any]:
    x = layers.Input((5,))
    model = OwnStep(x, layers.Dense(1)(layers.Dense(8, activation="tanh")(x)))
    model.compile("sgd", "mse", metrics=["mae"])
    return trained(model, numbers((33, 5)), numbers((33, 1), 1))


class Adversaries(Model):
    """Two optimizers, two backward passes, each through a part of the weights; one gradient is added to another."""

    def __init__(self) -> None:
        super().__init__()
        self.maker = Sequential([layers.Input((3,)), layers.Dense(5)])
        self.judge = Sequential([layers.Input((5,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
        self.mean = metrics.Mean(name="judged")

    def train_step(self, x: Any) -> dict[str, Any]:
        made = self.maker(x[:, :3])
        for judged, sign in ((self.judge(x), 1.0), (self.judge(made.detach()), -1.0)):
            (torch.nn.functional.softplus(judged * sign).mean()).backward()
        self.judging.step()
        self.judging.zero_grad()
        torch.nn.functional.softplus(self.judge(made)).mean().backward()
        self.optimizer.apply([w.grad for w in self.maker.parameters()], list(self.maker.parameters()))
        self.zero_grad()
        self.mean.update_state(self.judge(x).detach())
        return {"judged": self.mean.result()}


@case
def adversaries() -> dict[str, Any]:
    model = Adversaries()
    model.compile("adam")
    model.judging = torch.optim.SGD(model.judge.parameters(), 0.1)
    return trained(model, numbers((33, 5)), scores=False)


class Grown(Model):
    """Its weights are made by its first batch; its loss is its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = layers.Dense(6, activation="tanh"), layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.outer(self.inner(x))

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, **more: Any) -> Any:
        return super().compute_loss(x, y, y_pred, **more) + (y_pred - y).abs().mean()


@case
def weights_made_by_the_first_batch() -> dict[str, Any]:
    model = Grown()
    model.compile("adam", "mse", metrics=["mae"])
    return trained(model, numbers((37, 5)), numbers((37, 1), 1))


@case
def fewer_rows_than_processes() -> dict[str, Any]:
    x = layers.Input((5,))
    h = layers.BatchNormalization(synchronized=True)(layers.Dense(4, activity_regularizer="l2")(x))
    model = Model(x, layers.Dense(2)(h))
    model.compile("sgd", "mse", metrics=["mae", metrics.R2Score()])
    found = trained(model, numbers((2, 5)), numbers((2, 2), 1), epochs=20)
    own = OwnStep(x, layers.Dense(1)(x))
    own.compile("sgd", "mse", metrics=["mae"])
    return found | {"single": trained(own, numbers((1, 5)), numbers((1, 1), 1), epochs=20)}


class Rows(Dataset[Any]):
    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y, self.read = x, y, 0

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        self.read += 1
        return self.x[i], self.y[i]


class Streamed(IterableDataset[Any]):
    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __iter__(self) -> Iterator[Any]:
        return zip(self.x, self.y, strict=True)


class Batches(lamina.utils.PyDataset):
    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return -(-len(self.x) // 8)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        return self.x[i * 8 : i * 8 + 8], self.y[i * 8 : i * 8 + 8]


def kinds_of_data(x: Any, y: Any, folder: Path) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    rows = Rows(torch.tensor(x), torch.tensor(y))
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, len(x), 8)]
    yield "dataset", (rows,), {"shuffle": True}
    yield "loader", (DataLoader(rows, batch_size=8, shuffle=True),), {}
    weighted = torch.utils.data.WeightedRandomSampler(np.arange(1, len(x) + 1), 30)
    yield "sampler", (DataLoader(rows, batch_size=8, sampler=weighted, drop_last=True),), {}
    yield "own generator", (DataLoader(rows, 8, shuffle=True, generator=torch.Generator().manual_seed(3 + RANK)),), {}
    yield "streamed", (Streamed(x, y),), {}
    yield "streamed loader", (DataLoader(Streamed(x, y), batch_size=8),), {}
    yield "function", (lambda: iter(batches),), {}
    yield "generator", ((batch for _ in range(3) for batch in batches),), {"steps_per_epoch": len(batches)}
    random = np.random.default_rng(RANK)  # each process would see other rows
    yield "random", ((batches[random.integers(4)] for _ in range(15)),), {"steps_per_epoch": 5}
    yield "numbered", (Batches(x, y),), {"shuffle": True}
    np.save(folder / f"x{RANK}.npy", x)
    yield "mapped", (np.load(folder / f"x{RANK}.npy", mmap_mode="r"), y), {"shuffle": True}


@case
def kinds() -> dict[str, Any]:
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, data, options in kinds_of_data(numbers((37, 5)), numbers((37, 1), 1), Path(folder)):
            model = mlp()
            model.compile("sgd", "mse", metrics=["mae"])
            history = model.fit(*data, **({"epochs": 3, "batch_size": 8, "verbose": 0} | options))
            found[name] = outcome(model, history)
            read = getattr(data[0], "read", None)
            if read is not None:
                found[name]["read"] = read
    return found


class StopsSomewhere(callbacks.Callback):
    """What happens on one process only, such as a look at its clock."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world - 1 == RANK and batch == 3 and self.model.optimizer.iterations > 20:
            self.model.stop_training = True


@case
def decisions() -> dict[str, Any]:
    model = mlp()
    model.compile(optimizers.SGD(0.3), "mse", metrics=["mae"])
    data = numbers((37, 5)), numbers((37, 1), 1)
    with tempfile.TemporaryDirectory() as folder:
        kept = [
            callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
            callbacks.ReduceLROnPlateau("val_loss", patience=1),
            callbacks.CSVLogger(f"{folder}/log.csv"),
            callbacks.ModelCheckpoint(f"{folder}/best.lamina", save_best_only=True),
            callbacks.TerminateOnNaN(),
        ]
        found = trained(model, *data, epochs=30, callbacks=kept, validation_split=0.4)
        model.save(f"{folder}/{RANK}.lamina")
        files = sorted(path.name for path in Path(folder).iterdir())
    stopped = mlp()
    stopped.compile("sgd", "mse")
    return found | {"files": files, "stopped": trained(stopped, *data, epochs=9, callbacks=[StopsSomewhere()])}


class Broken(callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.iterations == 8:
            raise EOFError


@case
def goes_on_in_the_middle_of_an_epoch() -> dict[str, Any]:
    own = tempfile.TemporaryDirectory()
    folder = f"{os.environ.get('SHARED') or own.name}/backup"
    data = numbers((37, 5)), numbers((37, 1), 1)
    for attempt in range(2):
        model = mlp()
        model.compile(optimizers.Adam(0.02), "mse", metrics=["mae", metrics.R2Score()])
        # The backup is called after all others, so the last one is of the step before the break.
        kept = [callbacks.BackupAndRestore(folder, save_freq=2), *([] if attempt else [Broken()])]
        try:
            found = trained(model, *data, callbacks=kept, validation_split=0.2)
        except EOFError:
            continue
    return found


@case
def files_are_written_once() -> dict[str, Any]:
    """All processes save under one name; each may load it at once."""
    own = tempfile.TemporaryDirectory()
    folder = os.environ.get("SHARED") or own.name
    model = mlp()
    model.compile("sgd", "mse")
    found = trained(model, numbers((8, 5)), numbers((8, 1), 1), epochs=1)
    for path in ("all.lamina", "all.keras", "all.weights.safetensors"):
        (model.save_weights if "weights" in path else model.save)(f"{folder}/{path}")
        loaded = model.load_weights(f"{folder}/{path}") or model if "weights" in path else None
        found[path] = (loaded or lamina.saving.load_model(f"{folder}/{path}")).predict(numbers((9, 5)), verbose=0)
    if RANK == 0:  # as people write it: nobody waits
        model.save(f"{folder}/first.lamina")
    return found


@case
def batch_by_batch() -> dict[str, Any]:
    model = mlp()
    model.compile("adam", "mse", metrics=["mae"])
    x, y = numbers((7, 5)), numbers((7, 1), 1)
    seen = [model.train_on_batch(x * k, y, return_dict=True) for k in range(1, 5)]
    seen.append(model.test_on_batch(x, y, return_dict=True))
    return {"seen": seen, "weights": [w.detach().numpy() for w in model.parameters()]}


@case
def metrics_of_others() -> dict[str, Any]:
    from torchmetrics import MeanSquaredError, SpearmanCorrCoef  # type: ignore[import-not-found]

    class Largest(metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="largest")
            self.value = self.add_variable((), name="value", aggregation="max")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.value.assign(torch.maximum(self.value, (y_true - y_pred).abs().max()))

        def result(self) -> Any:
            return self.value.clone()

    model = mlp()
    model.compile("sgd", "mse", metrics=[Largest(), MeanSquaredError(), SpearmanCorrCoef()])
    return trained(model, numbers((37, 5)), numbers((37, 1), 1))


if __name__ == "__main__":
    from tests.distribution.processes import hand_over

    hand_over(run_all(sys.argv[1:]))
