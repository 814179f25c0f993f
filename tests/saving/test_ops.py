"""A model made of any op is saved and comes back: each function that an op records has a name that a file may use."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import torch

import lamina
from lamina import ops
from lamina.graph import tree
from tests.ops.cases import CASES, Case, Given

# The last case of each op, with the most arguments; several at once, since a file costs more than an op.
LAST = list({case.op: case for case in CASES if case.symbolic and case.givens()}.values())
PARTS = [LAST[start : start + 40] for start in range(0, len(LAST), 40)]


def drawn(cases: list[Case]) -> lamina.Model:
    inputs: list[Any] = []

    def make(given: Given) -> Any:
        shape = given.array.shape
        batch = None if given.batched else shape[0]
        inputs.append(lamina.Input(batch_shape=(batch, *shape[1:]), dtype=str(given.array.dtype)))
        return inputs[-1]

    outputs: list[Any] = []
    for case in cases:
        args, kwargs = case.filled(make)
        outputs += tree.leaves(attrgetter(case.op)(ops)(*args, **kwargs))
    return lamina.Model(inputs, outputs)


@pytest.mark.parametrize("cases", PARTS, ids=lambda cases: f"{cases[0].op}-{cases[-1].op}")
def test_a_model_of_ops_is_saved_and_loaded(cases: list[Case], tmp_path: Path) -> None:
    model = drawn(cases)
    model.save(tmp_path / "m.lamina")
    again = lamina.models.load_model(tmp_path / "m.lamina")
    data = [torch.as_tensor(given.array.copy()) for case in cases for given in case.givens()]
    for mine, reference in zip(again(data), model(data), strict=True):
        torch.testing.assert_close(mine, reference, rtol=0, atol=0, equal_nan=True)
