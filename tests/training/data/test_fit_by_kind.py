"""`fit` does not care how the data came: the same rows give the same weights, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

import lamina
from tests.training.data import hugging_face

ROWS = 40
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3)).astype("float32").round(2)
Y = (X[:, :1] - X[:, 1:2]).astype("float32")
NAMES = ["a", "b", "c"]


class Rows(Dataset):
    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, i: int) -> Any:
        return X[i], Y[i]


class Batches(lamina.utils.PyDataset):
    def __len__(self) -> int:
        return ROWS // 8

    def __getitem__(self, i: int) -> Any:
        return X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8]


def batches() -> Iterator[Any]:
    return (Batches()[i] for i in range(len(Batches())))


SHUFFLED = {
    "torch": lambda: (torch.tensor(X), torch.tensor(Y)),
    "lists": lambda: (X.tolist(), Y.tolist()),
    "pandas": lambda: (pd.DataFrame(X, columns=NAMES), pd.Series(Y[:, 0], index=range(ROWS)[::-1])),
    "pandas float64": lambda: (pd.DataFrame(X.astype("float64")), pd.DataFrame({"y": Y[:, 0]})),
    "polars": lambda: (pl.DataFrame(X, schema=NAMES), pl.Series("y", Y[:, 0])),
    "scipy": lambda: (scipy.sparse.csr_array(X), Y),
    "TensorDataset": lambda: (TensorDataset(torch.tensor(X), torch.tensor(Y)), None),
    "Dataset": lambda: (Rows(), None),
    "datasets": lambda: (hugging_face.Dataset({"x": X, "y": Y}), "y"),
}
IN_ORDER = SHUFFLED | {
    "DataLoader": lambda: (DataLoader(Rows(), batch_size=8), None),
    "DataLoader, workers": lambda: (DataLoader(Rows(), batch_size=8, num_workers=2), None),
    "function": lambda: (batches, None),
    "PyDataset": lambda: (Batches(), None),
    "PyDataset, threads": lambda: (Batches(workers=2), None),
    "PyDataset, processes": lambda: (Batches(workers=2, use_multiprocessing=True), None),
    "datasets, streamed": lambda: (hugging_face.IterableDataset({"x": X, "y": Y}), "y"),
}


def trained(data: Any, y: Any = None, **options: Any) -> dict[str, Any]:
    torch.manual_seed(0)
    inputs = lamina.Input((3,))
    model = lamina.Model(inputs, lamina.layers.Dense(1)(lamina.layers.Dense(5, activation="tanh")(inputs)))
    model.compile("adam", "mse")
    history = model.fit(data, y, batch_size=8, epochs=2, verbose=0, seed=1, **options).history
    return {**model.state_dict(), "loss": torch.tensor(history["loss"], dtype=torch.float64)}


def assert_equal(ours: dict[str, Any], others: dict[str, Any]) -> None:
    assert ours.keys() == others.keys()
    assert all(torch.equal(ours[key], others[key]) for key in ours)


@pytest.mark.parametrize("name", SHUFFLED)
def test_the_same_rows_shuffled(name: str) -> None:
    expected = trained(X, Y)
    assert_equal(trained(*SHUFFLED[name]()), expected)
    assert not torch.equal(trained(X, Y, shuffle=False)["loss"], expected["loss"])


@pytest.mark.parametrize("name", IN_ORDER)
def test_the_same_rows_in_order(name: str) -> None:
    assert_equal(trained(*IN_ORDER[name](), shuffle=False), trained(X, Y, shuffle=False))


def test_a_one_shot_generator_goes_on_from_epoch_to_epoch() -> None:
    def twice() -> Iterator[Any]:
        yield from batches()
        yield from batches()

    assert_equal(trained(twice(), shuffle=False, steps_per_epoch=5), trained(X, Y, shuffle=False))


def two_inputs() -> Any:
    torch.manual_seed(0)
    a, b = lamina.Input((1,), name="a"), lamina.Input((1,), name="b")
    model = lamina.Model([a, b], {"sum": lamina.layers.Dense(1)(a + 2 * b), "a_again": lamina.layers.Dense(1)(a)})
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, dict, hugging_face.Dataset])
def test_columns_find_inputs_and_outputs_by_name(make: Any) -> None:
    columns = {"city": ["x"] * ROWS, "b": X[:, 1], "a": X[:, 0]}
    if make in (dict, hugging_face.Dataset):
        columns = {key: columns[key] for key in ("b", "a")}
    targets = {"a_again": X[:, 2], "sum": Y[:, 0]}
    data, y = (make(columns), make(targets))
    if make is hugging_face.Dataset:
        data, y = make({**columns, **targets}), list(targets)
    expected, model = two_inputs(), two_inputs()
    expected.fit([X[:, :1], X[:, 1:2]], {"sum": Y, "a_again": X[:, 2]}, batch_size=8, verbose=0, seed=1)
    model.fit(data, y, batch_size=8, verbose=0, seed=1)
    assert_equal(model.state_dict(), expected.state_dict())


def normalized() -> Any:
    inputs = lamina.Input((3,))
    model = lamina.Model(inputs, lamina.layers.Dense(1)(lamina.layers.BatchNormalization()(inputs)))
    model.compile("sgd", "mse")
    return model


def test_a_last_batch_of_one_row_does_not_end_a_training_with_batch_normalization() -> None:
    model = normalized()
    with pytest.warns(UserWarning, match="joined to the batch before it, which then has 14 rows"):
        history = model.fit(X, Y, batch_size=13, epochs=2, verbose=0, validation_data=(X[:1], Y[:1]))
    assert np.isfinite(history.history["val_loss"]).all()
    with pytest.warns(UserWarning, match="joined to the batch before it"):
        model.fit(DataLoader(Rows(), batch_size=13), verbose=0)


def test_hooks_of_a_dataset_surround_each_epoch() -> None:
    calls: list[str] = []

    class Noting(Batches):
        def on_epoch_begin(self) -> None:
            calls.append("begin")

        def on_epoch_end(self) -> None:
            calls.append("end")

        def __getitem__(self, i: int) -> Any:
            calls.append("batch")
            return super().__getitem__(i)

    data = Noting()
    trained(data)
    epoch = ["begin", *["batch"] * 5, "end"]
    assert calls == epoch * 2
