"""Bad input through the public verbs: an error that names the input or output, before any weight has changed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

import lamina
from lamina import ArgumentError, DtypeError, ShapeError, StructureError
from lamina.training.data import DataError

ROWS = 8
X = np.linspace(-1, 1, ROWS * 3, dtype="float32").reshape(ROWS, 3)
Y = X.sum(1, keepdims=True)
K = np.arange(ROWS) % 4
IDS = np.arange(ROWS * 2).reshape(ROWS, 2) % 10


def one() -> lamina.Model:
    """x (B, 3) -> (B, 1), squared error."""
    x = lamina.Input((3,), name="features")
    model = lamina.Model(x, lamina.layers.Dense(1, name="price")(lamina.layers.Dense(4)(x)))
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def classes() -> lamina.Model:
    """x (B, 3) -> (B, 4), class numbers."""
    x = lamina.Input((3,), name="features")
    model = lamina.Model(x, lamina.layers.Dense(4, activation="softmax", name="kind")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def words() -> lamina.Model:
    """Whole numbers (B, 2) below 10 -> (B, 1), yes or no."""
    x = lamina.Input((2,), dtype="int32", name="ids")
    h = lamina.layers.Flatten()(lamina.layers.Embedding(10, 3, name="embedding")(x))
    model = lamina.Model(x, lamina.layers.Dense(1, activation="sigmoid", name="spam")(h))
    model.compile("sgd", "binary_crossentropy")
    return model


def two() -> lamina.Model:
    """a (B, 3), b (B, 1) -> price (B, 1) and kind (B, 4)."""
    a, b = lamina.Input((3,), name="a"), lamina.Input((1,), name="b")
    h = lamina.layers.Concatenate()([a, b])
    outputs = {
        "price": lamina.layers.Dense(1, name="d1")(h),
        "kind": lamina.layers.Dense(4, activation="softmax", name="d2")(h),
    }
    model = lamina.Model([a, b], outputs)
    model.compile("sgd", {"price": "mse", "kind": "sparse_categorical_crossentropy"})
    return model


class Own(lamina.Model):
    """Without a graph: what it gives is known when it has run."""

    def __init__(self, units: int, activation: str | None) -> None:
        super().__init__()
        self.dense = lamina.layers.Dense(units, activation=activation)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def own() -> lamina.Model:
    model = Own(1, None)
    model.compile("sgd", "mse")
    model(torch.zeros(1, 3))
    return model


def own_classes() -> lamina.Model:
    model = Own(4, "softmax")
    model.compile("sgd", "sparse_categorical_crossentropy")
    model(torch.zeros(1, 3))
    return model


def bare() -> lamina.Model:
    """Not compiled."""
    x = lamina.Input((3,), name="features")
    return lamina.Model(x, lamina.layers.Dense(1, name="price")(x))


XB = {"a": X, "b": X[:, 0]}
YB = {"price": Y, "kind": K}


def nan_at(array: np.ndarray, row: int, value: float = np.nan) -> np.ndarray:
    array = array.copy()
    array[row] = value
    return array


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]} | columns)


class Rows(Dataset):
    """X and Y row by row; `change` may spoil one."""

    def __init__(self, change: Callable[[int], Any]) -> None:
        self.change = change

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, i: int) -> Any:
        return self.change(i) or (X[i], Y[i])


class Batches(lamina.utils.PyDataset):
    """Two rows a batch; `change` may spoil one."""

    def __init__(self, change: Callable[[int], Any], **options: Any) -> None:
        super().__init__(**options)
        self.change = change

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        return self.change(i) or (X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2])


def fit(*data: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda model: model.fit(*data, verbose=0, **options)


def evaluate(*data: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda model: model.evaluate(*data, verbose=0, **options)


def predict(*data: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda model: model.predict(*data, verbose=0, **options)


def on_batch(*data: Any, **options: Any) -> Callable[[Any], Any]:
    return lambda model: model.train_on_batch(*data, **options)


def compiled(*arguments: Any, **options: Any) -> Callable[[Any], Any]:
    """Compiled anew, then fitted on what is right."""

    def run(model: Any) -> None:
        model.compile(*arguments, **options)
        several = len(model.graph.outputs) > 1
        model.fit(*(XB, YB) if several else (X, Y), verbose=0)

    return run


Case = tuple[str, Callable[[], Any], Callable[[Any], Any], type[Exception], str]
CASES: list[Case] = [
    # ---- shapes of inputs
    ("width", one, fit(X[:, :2], Y), ShapeError, r"input 'features'(.*\n)*.*\(8, 2\)"),
    ("width, evaluate", one, evaluate(X[:, :2], Y), ShapeError, "input 'features'"),
    ("width, predict", one, predict(X[:, :2]), ShapeError, "input 'features'"),
    ("width, many rows, predict", one, predict(np.zeros((99, 2))), ShapeError, "input 'features'"),
    ("width, train_on_batch", one, on_batch(X[:, :2], Y), ShapeError, "input 'features'"),
    ("width, test_on_batch", one, lambda m: m.test_on_batch(X[:, :2], Y), ShapeError, "input 'features'"),
    ("width, predict_on_batch", one, lambda m: m.predict_on_batch(X[:, :2]), ShapeError, "input 'features'"),
    ("rank too low", one, fit(X[:, 0], Y), ShapeError, "input 'features'"),
    ("a single example", one, predict(X[0]), ShapeError, "input 'features'(.*\n)*.*batch axis"),
    ("rank too high", one, fit(X[:, :, None, None], Y), ShapeError, "input 'features'"),
    ("a single number", one, fit(3.0, 1.0), StructureError, "x is a single number"),
    ("width of one of two", two, fit({"a": X[:, :2], "b": X[:, 0]}, YB), ShapeError, "input 'a'"),
    ("two inputs swapped", two, fit([X[:, 0], X], YB), ShapeError, "input 'a'"),
    # ---- structures of inputs
    ("one array for two inputs", two, fit(X, YB), StructureError, r"takes 2 inputs(.*\n)*.*'a', 'b'"),
    ("one of two inputs", two, fit({"a": X}, YB), StructureError, r"misses the input 'b'"),
    ("unknown input", two, fit({"a": X, "c": X[:, 0]}, YB), StructureError, r"misses the input 'b'.*\n.*'c'"),
    ("three inputs for two", two, fit([X, X[:, 0], X], YB), StructureError, "takes 2 inputs"),
    ("two inputs for one", one, fit([X, X], Y), StructureError, "takes 1 input"),
    ("None for an input", two, fit([X, None], YB), StructureError, "needs the input 'b'"),
    ("wrong key", one, fit({"pixels": X}, Y), StructureError, r"misses the input 'features'.*\n.*'pixels'"),
    # ---- dtypes of inputs
    ("object", one, fit(X.astype(object), Y), DtypeError, "x does not hold numbers"),
    ("None inside", one, fit([[1, 2, None]] * 2, [1, 2]), DtypeError, r"NoneType None at x\[0\]\[2\]"),
    ("strings", one, fit(np.array([["a", "b", "c"]] * 8), Y), DtypeError, "x does not hold numbers"),
    ("string column", one, fit(frame(c=["u"] * ROWS), Y), DtypeError, "column 'c' of x"),
    ("string column by name", two, fit({"a": X, "b": pd.Series(["u"] * ROWS)}, YB), DtypeError, r"x\['b'\]"),
    ("ragged", one, fit([[1, 2, 3], [1, 2]], [1, 2]), ShapeError, "x is ragged"),
    ("floats for whole numbers", words, fit(IDS / 2, Y > 0), DtypeError, "input 'ids'"),
    ("id too high", words, fit(IDS + 1, Y > 0), ArgumentError, "input 'ids'(.*\n)*.*10 in row 4(.*\n)*.*0 to 9"),
    ("id below 0", words, fit(IDS - 1, Y > 0), ArgumentError, "input 'ids'(.*\n)*.*-1 in row 0"),
    ("id too high, evaluate", words, evaluate({"ids": IDS + 1}, Y > 0), ArgumentError, "input 'ids'"),
    ("complex for floats", one, fit(X.astype("complex64"), Y), DtypeError, "input 'features'"),
    ("complex, predict", one, predict(X.astype("complex64")), DtypeError, "input 'features'"),
    ("a path", one, fit("train.csv", Y), DtypeError, "x does not hold numbers(.*\n)*.*train.csv"),
    ("masked array", one, fit(np.ma.masked_array(X), Y), DtypeError, "x is a masked array"),
    # ---- rows
    ("nothing", one, fit(), StructureError, "There is no data"),
    ("no rows", one, fit(X[:0], Y[:0]), StructureError, "There is no data.*\n.*x: 0 rows, y: 0 rows"),
    ("no rows, evaluate", one, evaluate(X[:0], Y[:0]), StructureError, "There is no data"),
    ("no rows, predict", one, predict(X[:0]), StructureError, "There is no data"),
    ("unequal rows", one, fit(X, Y[:5]), StructureError, "different numbers of rows.*\n.*x: 8, y: 5"),
    ("unequal rows, train_on_batch", one, on_batch(X, Y[:5]), StructureError, "x: 8, y: 5"),
    ("unequal rows by name", two, fit({"a": X, "b": X[:3, 0]}, YB), StructureError, r"x\['a'\]: 8, x\['b'\]: 3"),
    ("unequal rows of an output", two, fit(XB, {"price": Y, "kind": K[:2]}), StructureError, r"y\['kind'\]: 2"),
    # ---- targets
    ("no targets", one, fit(X), ArgumentError, "output 'price' has a loss but no targets"),
    ("no targets, evaluate", one, evaluate(X), ArgumentError, "output 'price' has a loss but no targets"),
    ("NaN", one, fit(X, nan_at(Y, 6)), ArgumentError, "output 'price'(.*\n)*.*(nan|NaN)"),
    ("infinite", one, fit(X, nan_at(Y, 6, np.inf)), ArgumentError, "output 'price'"),
    ("NaN, evaluate", one, evaluate(X, nan_at(Y, 6)), ArgumentError, "output 'price'"),
    ("NaN, train_on_batch", one, on_batch(X, nan_at(Y, 6)), ArgumentError, "output 'price'"),
    ("targets too wide", one, fit(X, np.zeros((ROWS, 2))), ShapeError, "output 'price'"),
    ("targets of another rank", one, fit(X, np.zeros((ROWS, 1, 5))), ShapeError, "output 'price'"),
    ("strings as targets", classes, fit(X, ["cat"] * ROWS), DtypeError, "y does not hold numbers.*\n.*'cat'"),
    ("class too high", classes, fit(X, K + 1), ArgumentError, "output 'kind'(.*\n)*.*4"),
    ("class below 0", classes, fit(X, K - 1), ArgumentError, "output 'kind'(.*\n)*.*-1"),
    ("class not whole", classes, fit(X, K + 0.5), ArgumentError, "output 'kind'"),
    ("class NaN", classes, fit(X, nan_at(K.astype(float), 2)), ArgumentError, "output 'kind'"),
    ("one-hot for class numbers", classes, fit(X, np.eye(4)[K]), ShapeError, "output 'kind'(.*\n)*.*categorical_cross"),
    ("class too high in a generator", classes, fit(iter([(X, K + 1)])), ArgumentError, "output 'kind'"),
    ("answers beyond 1", words, fit(IDS, K), ArgumentError, "output 'spam'"),
    ("answers, two units", words, fit(IDS, np.eye(2)[K % 2]), ShapeError, "output 'spam'"),
    ("one of two targets", two, fit(XB, Y), StructureError, r"y is one tensor for 2 outputs(.*\n)*.*'price', 'kind'"),
    ("unknown output", two, fit(XB, YB | {"size": Y}), StructureError, "y names 'size'(.*\n)*.*'price', 'kind'"),
    ("targets of an output missing", two, fit(XB, {"price": Y}), ArgumentError, "output 'kind' has a loss but no t"),
    ("three targets", two, fit(XB, [Y, K, K]), StructureError, "y has 3 entries for 2 outputs"),
    ("NaN at one output", two, fit(XB, {"price": nan_at(Y, 0), "kind": K}), ArgumentError, "output 'price'"),
    ("targets swapped", two, fit(XB, [np.eye(4)[K], Y]), ShapeError, "output 'price'"),
    # ---- a model without a graph
    ("own, targets too wide", own, fit(X, np.zeros((ROWS, 2))), ShapeError, "targets of output 'output'"),
    ("own, NaN in the last batch", own, fit(X, nan_at(Y, 7), batch_size=2), ArgumentError, "nan in row 7"),
    ("own, NaN, evaluate", own, evaluate(X, nan_at(Y, 7), batch_size=2), ArgumentError, "nan in row 7"),
    ("own, NaN, test_on_batch", own, lambda m: m.test_on_batch(X, nan_at(Y, 7)), ArgumentError, "nan in row 7"),
    ("own, no targets", own, fit(X), ArgumentError, "output 'output' has a loss but no targets"),
    ("own, unknown output", own, fit(X, {"size": Y}), StructureError, "y names 'size'"),
    ("own, weights too wide", own, fit(X, Y, sample_weight=np.ones((ROWS, 2))), ShapeError, "sample_weight of the"),
    ("own, class too high", own_classes, fit(X, K + 1, batch_size=2), ArgumentError, "4 in row 3(.*\n)*.*from 0 to 3"),
    ("own, class weights of quantities", own, fit(X, Y, class_weight={0: 2.0}), ArgumentError, "class_weight of the"),
    # ---- predict alone
    ("object, predict", one, predict(X.astype(object)), DtypeError, "input 'features'"),
    ("strings, predict", one, predict(np.array([["a"] * 3])), DtypeError, "input 'features'"),
    ("string column, predict", one, predict(frame(c=["u"] * ROWS)), DtypeError, "column 'c' of x"),
    ("nothing, predict", one, predict(None), StructureError, "There is no data"),
    ("empty generator, predict", one, predict(iter([])), StructureError, "There is no data to predict"),
    # ---- weights
    ("weights of other rows", one, fit(X, Y, sample_weight=np.ones(3)), StructureError, "sample_weight: 3"),
    ("weights, strings", one, fit(X, Y, sample_weight=["a"] * ROWS), DtypeError, "sample_weight does not hold numbers"),
    ("weights, NaN", one, fit(X, Y, sample_weight=nan_at(np.ones(ROWS), 1)), ArgumentError, "sample_weight"),
    ("weights too wide", one, fit(X, Y, sample_weight=np.ones((ROWS, 2))), ShapeError, "sample_weight of .*'price'"),
    (
        "weights, unknown output",
        two,
        fit(XB, YB, sample_weight={"size": Y[:, 0]}),
        StructureError,
        "sample_weight names 'size'",
    ),
    ("weights, three", two, fit(XB, YB, sample_weight=[Y, Y, Y]), StructureError, "sample_weight has 3 entries"),
    (
        "class weights for two outputs",
        two,
        fit(XB, YB, class_weight={0: 2.0}),
        StructureError,
        "class_weight is for one",
    ),
    (
        "class weights, unknown output",
        two,
        fit(XB, YB, class_weight={"size": {0: 2.0}}),
        StructureError,
        "class_weight names 'size'",
    ),
    (
        "class weights by label",
        classes,
        fit(X, K, class_weight={"cat": 2.0}),
        ArgumentError,
        "class_weight of the output 'kind'",
    ),
    (
        "class weights below 0",
        classes,
        fit(X, K, class_weight={0: -1.0}),
        ArgumentError,
        "class_weight of the output 'kind'",
    ),
    (
        "class weights, a list",
        classes,
        fit(X, K, class_weight=[1.0, 2.0]),
        (ArgumentError, StructureError),
        "class_weight",
    ),
    (
        "class weights of quantities",
        one,
        fit(X, Y, class_weight={0: 2.0}),
        ArgumentError,
        "class_weight of the output 'price'",
    ),
    # ---- compile
    ("not compiled, fit", bare, fit(X, Y), ArgumentError, "is not compiled"),
    ("not compiled, evaluate", bare, evaluate(X, Y), ArgumentError, "is not compiled"),
    ("not compiled, train_on_batch", bare, on_batch(X, Y), ArgumentError, "is not compiled"),
    ("unknown loss", one, compiled("sgd", "mean_sq"), ArgumentError, "mean_sq"),
    ("unknown optimizer", one, compiled("sdg", "mse"), ArgumentError, "sdg"),
    ("unknown metric", one, compiled("sgd", "mse", metrics=["acuracy"]), ArgumentError, "acuracy"),
    ("nothing to minimise", one, compiled("sgd"), ArgumentError, "nothing to minimise"),
    ("no loss", one, compiled("sgd", 3), ArgumentError, "loss"),
    ("no optimizer", one, compiled(3, "mse"), ArgumentError, "optimizer"),
    ("loss of an unknown output", two, compiled("sgd", {"prize": "mse"}), StructureError, "loss names 'prize'"),
    ("three losses", two, compiled("sgd", ["mse"] * 3), StructureError, "loss has 3 entries for 2 outputs"),
    (
        "metrics of an unknown output",
        two,
        compiled("sgd", {"price": "mse"}, metrics={"prize": "mae"}),
        StructureError,
        "metrics names 'prize'",
    ),
    (
        "loss_weights of an unknown output",
        two,
        compiled("sgd", {"price": "mse"}, loss_weights={"prize": 1.0}),
        StructureError,
        "loss_weights names 'prize'",
    ),
    (
        "loss_weights, a string",
        two,
        compiled("sgd", {"price": "mse"}, loss_weights={"price": "high"}),
        ArgumentError,
        "loss_weights of the output 'price'",
    ),
    ("classes with one unit", one, compiled("sgd", "categorical_crossentropy"), ArgumentError, "output 'price'"),
    ("steps_per_execution", one, compiled("sgd", "mse", steps_per_execution=0), ArgumentError, "steps_per_execution"),
    # ---- numbers of fit
    ("batch_size 0", one, fit(X, Y, batch_size=0), ArgumentError, "batch_size"),
    ("batch_size -1, predict", one, predict(X, batch_size=-1), ArgumentError, "batch_size"),
    ("batch_size 0, evaluate", one, evaluate(X, Y, batch_size=0), ArgumentError, "batch_size"),
    ("batch_size, a string", one, fit(X, Y, batch_size="32"), ArgumentError, "batch_size"),
    ("epochs below 0", one, fit(X, Y, epochs=-1), ArgumentError, "epochs"),
    ("epochs 1.5", one, fit(X, Y, epochs=1.5), ArgumentError, "epochs"),
    ("steps_per_epoch 0", one, fit(X, Y, steps_per_epoch=0), ArgumentError, "steps_per_epoch"),
    (
        "validation_steps 0",
        one,
        fit(X, Y, validation_data=(X, Y), validation_steps=0),
        ArgumentError,
        "validation_steps",
    ),
    ("steps 0, predict", one, predict(X, steps=0), ArgumentError, "steps"),
    ("validation_freq 0", one, fit(X, Y, validation_data=(X, Y), validation_freq=0), ArgumentError, "validation_freq"),
    ("verbose", one, lambda m: m.fit(X, Y, verbose="loud"), ArgumentError, "verbose"),
    ("callbacks", one, fit(X, Y, callbacks=["EarlyStopping"]), (ArgumentError, TypeError), "[Cc]allback"),
    # ---- validation
    ("split too large", one, fit(X, Y, validation_split=0.99), ArgumentError, "validation_split=0.99 leaves no rows"),
    ("split above 1", one, fit(X, Y, validation_split=1.5), ArgumentError, "validation_split"),
    (
        "split of batches",
        one,
        fit(iter([(X, Y)]), validation_split=0.5),
        ArgumentError,
        "validation_split needs arrays",
    ),
    (
        "validation, width",
        one,
        fit(X, Y, validation_data=(X[:, :2], Y)),
        ShapeError,
        "'features'(.*\n)*.*where +validation_data",
    ),
    ("validation, structure", two, fit(XB, YB, validation_data=(X, YB)), StructureError, "takes 2 inputs"),
    ("validation, rows", one, fit(X, Y, validation_data=(X, Y[:3])), StructureError, r"validation_data\[1\]: 3"),
    ("validation, targets", one, fit(X, Y, validation_data=(X, np.ones((ROWS, 3)))), ShapeError, "output 'price'"),
    ("validation, none", one, fit(X, Y, validation_data=(X, None)), ArgumentError, "output 'price'"),
    ("validation, four parts", one, fit(X, Y, validation_data=(X, Y, Y, Y)), ArgumentError, "validation_data is"),
    ("validation, empty", one, fit(X, Y, validation_data=iter([])), StructureError, "no data for validation_data"),
    ("validation, classes", classes, fit(X, K, validation_data=(X, K + 9)), ArgumentError, "output 'kind'"),
    # ---- data in batches
    ("y beside a generator", one, fit(iter([(X, Y)]), Y), StructureError, "gives its targets"),
    ("empty generator", one, fit(iter([])), StructureError, "There is no data for fit"),
    ("empty loader", one, fit(DataLoader([])), StructureError, "There is no data for fit"),
    (
        "empty dataset",
        one,
        evaluate(torch.utils.data.TensorDataset(torch.zeros(0, 3))),
        StructureError,
        "There is no data",
    ),
    ("a function of no batches", one, fit(lambda: None), StructureError, "gives no batches"),
    ("items of four", one, fit(iter([(X, Y, Y, Y)])), StructureError, "batch 0 of the list_iterator"),
    ("items without targets", one, fit(iter([X])), ArgumentError, "output 'price' has a loss but no targets"),
    ("items of other rows", one, fit(iter([(X, Y[:2])])), StructureError, "x: 8, y: 2"),
    ("items of strings", one, fit(iter([(["a"], Y)])), DtypeError, r"'a' at x\[0\](.*\n)*.*batch 0"),
    ("items, width", one, fit(DataLoader(Rows(lambda i: (X[i, :2], Y[i])))), ShapeError, "input 'features'"),
    ("items, None", one, fit(iter([None])), StructureError, "A batch has no x"),
    ("first batch fails", one, fit(Batches(lambda i: 1 / 0)), DataError, "of the Batches could not be made"),
    (
        "first batch dies",
        one,
        fit(Batches(lambda i: os.kill(os.getpid(), signal.SIGKILL), workers=1, use_multiprocessing=True)),
        DataError,
        "A worker of the Batches died",
    ),
    ("a module", one, fit(torch.nn.Linear(3, 1)), DtypeError, "x is no data"),
    ("a number of rows", one, fit(8), StructureError, "x is a single number"),
]


def snapshot(model: Any) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


@pytest.mark.parametrize("make, act, kind, text", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_is_refused_by_name_before_any_harm(make: Any, act: Any, kind: type[Exception], text: str) -> None:
    model = make()
    before, mode = snapshot(model), model.training
    steps = []
    if model.optimizer is not None:
        apply = model.optimizer.apply
        model.optimizer.apply = lambda *args: (steps.append(1), apply(*args))
    with pytest.raises(kind, match=text):
        act(model)
    assert not steps
    assert all(torch.equal(a, b) for a, b in zip(before, snapshot(model), strict=True))
    assert model.training is mode
    if make is one:  # and the model goes on as if nothing had been
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()


# ---- what comes later: the steps before it are done, those after it are not


def spoilt(at: int, item: Any) -> Callable[[int], Any]:
    return lambda i: item(i) if i == at else None


def broken(i: int) -> Any:
    raise KeyError("no picture")


def killed(i: int) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def wide(i: int) -> Any:
    return X[:2, :2], Y[:2]


LATER: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    ("a batch fails", lambda: Batches(spoilt(2, broken)), DataError, "Batch 2 of the Batches .*\n.*KeyError"),
    ("in a thread", lambda: Batches(spoilt(2, broken), workers=2), DataError, "Batch 2 of the Batches .*\n.*KeyError"),
    (
        "in a process",
        lambda: Batches(spoilt(2, broken), workers=1, use_multiprocessing=True),
        DataError,
        "Batch 2 of the Batches .*\n.*KeyError",
    ),
    (
        "a process dies",
        lambda: Batches(spoilt(2, killed), workers=1, use_multiprocessing=True, max_queue_size=1),
        DataError,
        "A worker of the Batches died",
    ),
    ("a loader fails", lambda: DataLoader(Rows(spoilt(4, broken)), batch_size=2), KeyError, "no picture"),
    ("a batch of another width", lambda: Batches(spoilt(2, wide)), ShapeError, "input 'features'"),
    (
        "a batch of strings",
        lambda: Batches(spoilt(2, lambda i: (np.array(["a"] * 2), Y[:2]))),
        DtypeError,
        "x does not hold numbers(.*\n)*.*batch 2 of the Batches",
    ),
    (
        "targets of another width",
        lambda: Batches(spoilt(2, lambda i: (X[:2], np.zeros((2, 7))))),
        ShapeError,
        "price|targets",
    ),
]


@pytest.mark.parametrize("data, kind, text", [case[1:] for case in LATER], ids=[case[0] for case in LATER])
def test_what_goes_wrong_later_leaves_the_steps_before_it(data: Any, kind: type[Exception], text: str) -> None:
    torch.manual_seed(0)
    model, reference = one(), one()
    reference.set_weights(model.get_weights())
    with pytest.raises(kind, match=text):
        model.fit(data(), shuffle=False, verbose=0)
    reference.fit(X[:4], Y[:4], batch_size=2, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert not model.training


def test_a_generator_that_ends_early_ends_the_training_with_one_warning() -> None:
    def gen() -> Iterator[Any]:
        for _ in range(5):
            yield X[:2], Y[:2]

    with pytest.warns(UserWarning, match="ended after 2 of 3 batches") as caught:
        history = one().fit(gen(), steps_per_epoch=3, epochs=4, verbose=0)
    assert len(caught) == 1
    assert len(history.history["loss"]) == 2


def test_more_epochs_than_a_generator_has_is_a_warning() -> None:
    with pytest.warns(UserWarning, match="one-shot iterator"):
        history = one().fit(iter([(X, Y)]), epochs=3, verbose=0)
    assert len(history.history["loss"]) == 1


def test_validation_data_that_end_are_not_skipped_in_silence() -> None:
    with pytest.warns(UserWarning, match="ended with epoch 1 of 3; later epochs are not validated") as caught:
        history = one().fit(X, Y, validation_data=iter([(X, Y)]), epochs=3, verbose=0).history
    assert len(caught) == 1
    assert len(history["loss"]) == 3
    assert len(history["val_loss"]) == 1


@pytest.mark.parametrize("as_source", [lambda items: items, lambda items: lambda: items])
def test_data_that_end_just_where_an_epoch_does_end_the_training_with_one_warning(as_source: Any) -> None:
    with pytest.warns(UserWarning, match="training ends with it") as caught:
        history = one().fit(as_source(iter([(X, Y)] * 6)), steps_per_epoch=3, epochs=5, verbose=0).history
    assert len(caught) == 1
    assert len(history["loss"]) == 2
    one().fit(iter([(X, Y)] * 6), steps_per_epoch=3, epochs=2, verbose=0)


@pytest.mark.parametrize("steps, epochs", [(2, 3), (3, 2), (4, 2), (7, 1)])
def test_validation_data_that_end_leave_the_training_going(steps: int, epochs: int) -> None:
    options = {"validation_data": iter([(X, Y)] * 6), "validation_steps": steps}
    with pytest.warns(UserWarning, match="not validated|validation ends with it") as caught:
        history = one().fit(X, Y, **options, epochs=5, verbose=0).history
    assert len(caught) == 1
    assert (len(history["loss"]), len(history["val_loss"])) == (5, epochs)


def test_unknown_length_is_no_obstacle() -> None:
    history = one().fit(lambda: iter([(X, Y)] * 3), epochs=2, verbose=0).history
    assert len(history["loss"]) == 2
    with pytest.warns(UserWarning, match="ended after 2 of 3 batches of this epoch; the next epoch begins it anew"):
        history = one().fit(X, Y, batch_size=4, steps_per_epoch=3, epochs=2, verbose=0).history
    assert len(history["loss"]) == 2


def test_there_are_sixty_cases_and_more() -> None:
    assert len(CASES) + len(LATER) >= 60
    assert len({case[0] for case in CASES}) == len(CASES)
