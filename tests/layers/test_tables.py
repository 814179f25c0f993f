"""Data frames, series and arrays of objects where `fit` takes them: layers and models called on them, and `adapt`."""

import numpy as np
import pandas as pd
import pytest
import torch

import lamina
from lamina import layers

MIXED = pd.DataFrame({"whole": [1, 2, 3], "truth": [True, False, True], "real": [1.5, 2.5, 3.0]})
TABLES = {
    "mixed": MIXED,
    "bools": MIXED[["truth"]].assign(other=[False, False, True]),
    "whole and bool": MIXED[["whole", "truth"]],
    "nullable": pd.DataFrame({"a": pd.array([1, 2, 3], "Int64"), "b": pd.array([True, False, True], "boolean")}),
    "objects": np.array(MIXED),
    "a series of objects": pd.Series([1, 2.5, True], dtype=object).to_frame(),
    "array of bools": np.array([[True, False], [True, True]]),
}


@pytest.mark.parametrize("name", TABLES)
def test_statistics_of_a_table(name):
    table = TABLES[name]
    plain = np.array(np.asarray(table).tolist(), dtype="float64")
    layer = layers.Normalization()
    layer.adapt(table)
    np.testing.assert_allclose(layer.mean.numpy()[0], plain.mean(0), rtol=1e-6)
    wanted = (plain - plain.mean(0)) / np.maximum(plain.std(0), 1e-7)
    np.testing.assert_allclose(layer(table).numpy(), wanted, atol=1e-5)
    summed = layers.Dense(2, kernel_initializer="ones")(table)[:, 0]
    torch.testing.assert_close(summed.detach().double(), torch.tensor(plain.sum(1)))
    model = lamina.Sequential([layer, layers.Dense(1)])
    if not (isinstance(table, np.ndarray) and table.dtype == object):
        torch.testing.assert_close(model(table), model.layers[1](torch.tensor(wanted, dtype=torch.float32)))
    if "objects" not in name:
        model.compile("sgd", "mse")
        model.fit(table, np.zeros(len(table)), verbose=0)


def test_the_other_layers_that_learn():
    bins = layers.Discretization(num_bins=2)
    bins.adapt(MIXED)
    assert bins(MIXED).shape == (3, 3)
    lookup = layers.IntegerLookup()
    for data in (pd.Series([4, 4, 5], dtype=object), np.array([4, 4, 5], dtype=object), [4, 4, 5]):
        lookup.adapt(data)
        assert lookup.get_vocabulary() == [-1, 4, 5]
    assert lookup(pd.Series([5, 4, 9], dtype=object)).tolist() == [2, 1, 0]
    words = layers.StringLookup()
    words.adapt(pd.Series(["a", "b", "a"], dtype="category"))
    assert words(pd.DataFrame({"w": ["b", "a"]})).tolist() == [[2], [1]]


@pytest.mark.parametrize("table", [pd.DataFrame({"a": [1, 2], "s": ["x", "y"]}), np.array([[1, None]], dtype=object)])
def test_tables_that_hold_more_than_numbers_are_refused(table):
    with pytest.raises(lamina.ArgumentError, match="the columns that are numbers"):
        layers.Normalization().adapt(table)
    with pytest.raises(lamina.DtypeError, match="numbers"):
        layers.Dense(2)(table)
