"""Every op under `torch.compile(fullgraph=True)`: called on tensors, and as part of a graph."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np
import pytest
import torch

from lamina import ops
from lamina.graph import Graph, tree
from lamina.layers import Input
from lamina.program import Program
from tests.ops.cases import CASES, Case, Given


def is_plain(case: Case) -> bool:
    """Whether it is called on tensors and Python's objects: arrays within become tensors without values."""
    return not any(isinstance(leaf, np.ndarray) for leaf in tree.leaves((case.args, case.kwargs)))


# One call of each op, the last: those with arguments stand last. Several are compiled at once, which is much quicker.
LAST = list({case.op: case for case in CASES if case.symbolic and case.givens() and is_plain(case)}.values())
AT_ONCE = 16
PARTS = [LAST[start : start + AT_ONCE] for start in range(0, len(LAST), AT_ONCE)]
A_FEW = "subtract clip gcd fmax ldexp hypot cbrt polar saturate_cast average nanstd quantile trapezoid logspace".split()


def names(part: list[Case]) -> str:
    return f"{part[0].op}-{part[-1].op}"


def test_some_ops_compile() -> None:
    part = [case for case in LAST if case.op in A_FEW]
    assert len(part) == len(A_FEW)
    test_ops_compile_in_one_piece(part)
    test_ops_in_a_graph_compile_in_one_piece(part)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=names)
def test_ops_compile_in_one_piece(part: list[Case]) -> None:
    def call(*tensors: torch.Tensor) -> Any:
        given = iter(tensors)
        results = {}
        for case in part:
            args, kwargs = case.filled(lambda _: next(given))
            results[case.op] = attrgetter(case.op)(ops)(*args, **kwargs)
        return results

    agree(call, part)


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS, ids=names)
def test_ops_in_a_graph_compile_in_one_piece(part: list[Case]) -> None:
    inputs: list[Any] = []

    def make(given: Given) -> Any:
        shape = given.array.shape
        batch = None if given.batched else shape[0]
        inputs.append(Input(batch_shape=(batch, *shape[1:]), dtype=str(given.array.dtype)))
        return inputs[-1]

    outputs = {}
    for case in part:
        args, kwargs = case.filled(make)
        outputs[case.op] = attrgetter(case.op)(ops)(*args, **kwargs)
    agree(Program(Graph(inputs, outputs)).run, part)


def agree(function: Any, part: list[Case]) -> None:
    """Compiled, the function gives what it gives by itself."""
    tensors = [torch.as_tensor(given.array.copy()) for case in part for given in case.givens()]
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    ours, expected = compiled(*tensors), function(*tensors)
    for mine, reference in zip(tree.leaves(ours), tree.leaves(expected), strict=True):
        torch.testing.assert_close(mine, reference, equal_nan=True)
