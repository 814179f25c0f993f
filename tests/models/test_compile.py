"""``torch.compile(model, fullgraph=True)`` takes every kind of model that the tests of the file know."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from lamina import Input, Model, layers, saving
from lamina.graph import tree
from tests.saving.cases import CASES

# A chain of thousands of nodes compiles for two minutes; of the others every second one is a slow test.
NAMES = [pytest.param(n, marks=[pytest.mark.slow] * (i % 2 or n == "deep_chain")) for i, n in enumerate(CASES)]


@pytest.mark.quick_cases(2)
@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_the_file_compiles_whole(name):
    model, inputs = CASES[name]()
    with torch.no_grad():
        expected = model(inputs)
        compiled = torch.compile(model, fullgraph=True, backend="eager")(inputs)
    assert tree.describe(compiled) == tree.describe(expected)
    for got, due in zip(tree.leaves(compiled), tree.leaves(expected), strict=True):
        torch.testing.assert_close(got, due)


def test_pytorchs_compile_in_place_is_the_module_s_and_ours_is_the_training_s(tmp_path: Path) -> None:
    x = Input((4,))
    model, rows = Model(x, layers.Dense(3, name="out")(layers.Dropout(0.5)(x))), torch.ones(2, 4)
    expected = model(rows)
    torch.nn.Module.compile(model, backend="eager")
    torch.testing.assert_close(model(rows), expected)
    model.compile("sgd", "mse")
    model.fit(rows, torch.zeros(2, 3), verbose=0)
    expected = model(rows)
    torch.save(model, tmp_path / "model.pt")
    model.save(tmp_path / "model.lamina")
    others = torch.load(tmp_path / "model.pt", weights_only=False), saving.load_model(tmp_path / "model.lamina")
    for other in (*others, copy.deepcopy(model)):
        torch.testing.assert_close(other(rows), expected)
    model.out = layers.Dense(5)
    assert model(rows).shape == (2, 5)
