"""Data that cannot be is refused when it is looked at, by an error that names the input or the column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import torch

import lamina
from lamina.graph import ArgumentError, DtypeError, ShapeError, StructureError
from lamina.training.data import DataError, as_tensors, source_of
from tests.training.data import hugging_face

X = np.zeros((4, 2), "float32")


def structured() -> np.ndarray:
    return np.zeros(4, dtype=[("age", "f4"), ("city", "U3")])


CASES: list[tuple[str, Callable[[], Any], type[Exception], str]] = [
    # ---- nothing
    ("none", lambda: source_of(None), StructureError, r"There is no data.\n.*x: None"),
    ("no rows", lambda: source_of(X[:0], np.zeros(0)), StructureError, r"There is no data.\n.*x: 0 rows, y: 0 rows"),
    ("empty list", lambda: source_of([]), StructureError, "x is empty"),
    ("empty dict", lambda: source_of({}), StructureError, "There is no data"),
    ("empty list inside", lambda: source_of({"age": []}), StructureError, r"x\['age'\] is empty"),
    ("frame without columns", lambda: source_of(pd.DataFrame(index=range(4))), StructureError, "x has no columns"),
    ("polars without columns", lambda: source_of(pl.DataFrame()), StructureError, "x has no columns"),
    ("a number", lambda: source_of(3.0), StructureError, "x is a single number"),
    ("an object", lambda: source_of(object()), DtypeError, "x is no data"),
    ("a model", lambda: source_of(torch.nn.Linear(1, 1)), DtypeError, "x is no data"),
    # ---- rows
    ("rows", lambda: source_of(X, np.zeros(3)), StructureError, r"different numbers of rows.\n.*x: 4, y: 3"),
    ("weights", lambda: source_of(X, X, np.ones(5)), StructureError, "x: 4, y: 4, sample_weight: 5"),
    (
        "parts",
        lambda: source_of({"a": X, "b": [X[:2]]}, (X, X[:1])),
        StructureError,
        r"x\['a'\]: 4, x\['b'\]\[0\]: 2, y\[0\]: 4, y\[1\]: 1",
    ),
    ("frame", lambda: source_of(pd.DataFrame(X), pd.Series([1])), StructureError, "x: 4, y: 1"),
    ("sparse", lambda: source_of(scipy.sparse.csr_array(X), [1, 2]), StructureError, "x: 4, y: 2"),
    (
        "validation",
        lambda: source_of(X, X[:2], what="validation_data"),
        StructureError,
        r"validation_data\[0\]: 4, validation_data\[1\]: 2",
    ),
    ("a single number inside", lambda: source_of(X, {"a": 1}), StructureError, r"y\['a'\] is a single number"),
    # ---- lists
    ("ragged", lambda: source_of({"words": [[1, 2], [3]]}), ShapeError, r"x\['words'\] is ragged.*\n.*lengths 2, 1"),
    ("ragged deep", lambda: source_of([[[1], [2]], [[3], [4, 5]]]), ShapeError, "x is ragged"),
    ("number among lists", lambda: source_of([[1, 2], 3]), ShapeError, "lengths 2, a number"),
    ("None among numbers", lambda: source_of({"a": [1, None]}), DtypeError, r"x\['a'\] .*\n.*None at x\['a'\]\[1\]"),
    ("None in a row", lambda: source_of([[1, 2], [3, None]]), DtypeError, r"None at x\[1\]\[1\]"),
    ("string among numbers", lambda: source_of([1, "two"]), DtypeError, r"str 'two' at x\[1\]"),
    ("strings", lambda: source_of(X, ["a", "b", "c", "d"]), DtypeError, r"y does not hold numbers.\n.*'a' at y\[0\]"),
    ("a string", lambda: source_of("data.csv"), DtypeError, "x does not hold numbers.*\n.*data.csv"),
    ("huge", lambda: source_of([2**70]), DtypeError, "x does not hold numbers"),
    # ---- NumPy
    ("object", lambda: source_of({"a": np.array([1, 2.5], object)}), DtypeError, r"x\['a'\](.*\n)*.*astype\(\"float32"),
    ("object with None", lambda: source_of(np.array([[1], [None]], object)), DtypeError, r"NoneType None at \[1, 0\]"),
    ("string array", lambda: source_of(np.array(["a", "b"])), DtypeError, "x does not hold numbers"),
    ("bytes array", lambda: source_of(np.array([b"a", b"b"])), DtypeError, "x does not hold numbers"),
    ("dates", lambda: source_of(np.array(["2026-01-01"], "M8[D]")), DtypeError, "x does not hold(.*\n)*.*timedelta64"),
    ("void", lambda: source_of(np.zeros(3, "V4")), DtypeError, "x does not hold numbers"),
    ("masked", lambda: source_of(np.ma.masked_array([1.0, 2.0], [0, 1])), DtypeError, "x is a masked array"),
    ("structured", lambda: source_of(structured()), DtypeError, r"x is a structured array.\n.*'age', 'city'"),
    ("too large", lambda: source_of(np.array([2**63], "uint64")), DtypeError, r"x holds whole numbers above 2\*\*63"),
    # ---- frames
    ("string column", lambda: source_of(pd.DataFrame({"age": [1], "city": ["u"]})), DtypeError, "column 'city' of x"),
    ("object column", lambda: source_of(pd.DataFrame({"a": [1, {}]})), DtypeError, "column 'a' of x.*\n.*e.g. {}"),
    ("string series", lambda: source_of(pd.Series(["u"], name="city")), DtypeError, r"x \(column 'city'\)"),
    (
        "string column by name",
        lambda: source_of(pd.DataFrame({"age": [1], "city": ["u"]}), inputs=["city", "age"]),
        DtypeError,
        r"x\['city'\]",
    ),
    (
        "categories",
        lambda: source_of(pd.DataFrame({"c": pd.Categorical(["u", "v"])})),
        DtypeError,
        "column 'c' of x is categorical",
    ),
    (
        "missing integers",
        lambda: source_of(pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "m": [1, 2]})),
        DtypeError,
        "column 'n' of x lacks 1 of its 2 values",
    ),
    (
        "missing bools",
        lambda: source_of(X, pd.Series([True, None, False, None], dtype="boolean", name="b")),
        DtypeError,
        r"y \(column 'b'\) lacks 2 of its 4",
    ),
    (
        "dates in a frame",
        lambda: source_of(pd.DataFrame({"day": pd.to_datetime(["2026-01-01"])})),
        DtypeError,
        "column 'day' of x",
    ),
    (
        "a name twice",
        lambda: source_of(pd.DataFrame(X, columns=["a", "a"]), inputs=["a", "b"]),
        StructureError,
        "x has two columns 'a'",
    ),
    ("polars strings", lambda: source_of(pl.DataFrame({"a": [1], "city": ["u"]})), DtypeError, "column 'city' of x"),
    ("polars series", lambda: source_of(X, pl.Series("city", ["u"])), DtypeError, r"y \(column 'city'\)"),
    ("polars nulls", lambda: source_of(pl.DataFrame({"n": [1, None]})), DtypeError, "column 'n' of x lacks 1 of its 2"),
    ("polars lists", lambda: source_of(pl.DataFrame({"n": [[1], [1, 2]]})), DtypeError, "column 'n' of x"),
    ("polars query", lambda: source_of(pl.LazyFrame({"a": [1]})), StructureError, "x is a polars LazyFrame"),
    ("sparse cube", lambda: source_of(torch.zeros(2, 2, 2).to_sparse()), ShapeError, "x is sparse and no matrix"),
    # ---- batches
    ("y beside a generator", lambda: source_of(iter([X]), X), StructureError, "y beside it: a ndarray"),
    ("weights beside a generator", lambda: source_of(iter([X]), None, X), StructureError, "sample_weight beside it"),
    ("datasets by split", lambda: source_of(hugging_face.DatasetDict(train=1)), ArgumentError, r"x\['train'\]"),
    ("batch_size 0", lambda: source_of(X, batch_size=0), ArgumentError, "batch_size"),
    ("batch_size 2.5", lambda: source_of(X, batch_size=2.5), ArgumentError, "batch_size"),
    ("split", lambda: source_of(X).split(0.99), ArgumentError, "validation_split=0.99 leaves no rows"),
    ("split at 1", lambda: source_of(X).split(1.0), ArgumentError, "validation_split=1.0 leaves no rows"),
    ("workers", lambda: lamina.utils.PyDataset(workers=-1), ArgumentError, "workers cannot be -1"),
    ("queue", lambda: lamina.utils.PyDataset(max_queue_size=0), ArgumentError, "max_queue_size cannot be 0"),
]


@pytest.mark.parametrize("make, kind, text", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_cannot_be_is_refused_by_name(make: Callable[[], Any], kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        make()


ITEMS: list[tuple[str, Any, type[Exception], str]] = [
    ("nothing", None, StructureError, "A batch has no x"),
    ("four", (X, X, X, X), StructureError, "a tuple of 4"),
    ("none", (), StructureError, "a tuple of 0"),
    ("rows", (X, X[:1]), StructureError, "x: 4, y: 1"),
    ("rows of weights", ({"a": X}, X, X[:3]), StructureError, r"x\['a'\]: 4, y: 4, sample_weight: 3"),
    ("strings", ({"city": ["a"]}, X), DtypeError, r"x\['city'\]"),
    ("ragged", ([[1], [1, 2]], X), ShapeError, "x is ragged"),
]


@pytest.mark.parametrize("item, kind, text", [case[1:] for case in ITEMS], ids=[case[0] for case in ITEMS])
def test_an_item_that_is_no_batch_is_refused_with_its_number(item: Any, kind: type[Exception], text: str) -> None:
    batches = source_of(lambda: iter([(X, X), item])).batches()
    next(batches)
    with pytest.raises(kind, match=f"{text}(.*\n)*.*batch 1 of the function <lambda>"):
        next(batches)


def test_keys_that_are_not_there() -> None:
    rows = [{"a": X, "b": X}]
    with pytest.raises(StructureError, match=r"y names 'label'.*\n.*keys \['a', 'b'\]"):
        next(source_of(iter(rows), "label").batches())
    with pytest.raises(StructureError, match="No key is left for x"):
        next(source_of(iter(rows), "a", "b").batches())
    with pytest.raises(StructureError, match="the batches are no dicts"):
        next(source_of(iter([(X, X)]), "a").batches())


def test_a_function_that_returns_no_batches() -> None:
    with pytest.raises(StructureError, match="function <lambda> gives no batches.\n.*int"):
        next(source_of(lambda: 3).batches())


def test_an_error_of_the_users_code_comes_through_with_the_batch_noted() -> None:
    def broken() -> Any:
        yield X
        raise KeyError("mine")

    batches = source_of(broken).batches()
    next(batches)
    with pytest.raises(KeyError, match="mine") as caught:
        next(batches)
    assert caught.value.__notes__ == ["This happened while batch 1 was drawn from the function broken."]


def test_tensors_are_not_copied() -> None:
    x = torch.zeros(3, 2)
    assert as_tensors({"a": [x, X]}, "x")["a"][0] is x
    assert as_tensors(X, "x").data_ptr() == X.ctypes.data


def test_data_errors_are_lamina_errors() -> None:
    assert issubclass(DataError, RuntimeError)
    assert str(DataError("Gone.", got="x", where="a.py:1")) == "Gone.\n  got       x\n  where     a.py:1"
