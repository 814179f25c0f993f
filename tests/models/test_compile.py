"""``torch.compile(model, fullgraph=True)`` takes every kind of model that the tests of the file know."""

from __future__ import annotations

import pytest
import torch

from lamina.graph import tree
from tests.saving.cases import CASES

# A chain of thousands of nodes compiles for two minutes.
NAMES = [pytest.param(name, marks=pytest.mark.slow) if name == "deep_chain" else name for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_the_file_compiles_whole(name):
    model, inputs = CASES[name]()
    with torch.no_grad():
        expected = model(inputs)
        compiled = torch.compile(model, fullgraph=True, backend="eager")(inputs)
    assert tree.describe(compiled) == tree.describe(expected)
    for got, due in zip(tree.leaves(compiled), tree.leaves(expected), strict=True):
        torch.testing.assert_close(got, due)
