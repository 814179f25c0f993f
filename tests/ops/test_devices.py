"""Ops stay on the device of their tensors: checked with fake tensors, which have a device but no storage."""

from __future__ import annotations

from operator import attrgetter

import pytest
import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)

from lamina import ops
from lamina.graph import tree
from tests.ops.cases import CASES, Case, Given

# What a build of PyTorch without CUDA says of some functions, even on fake tensors: those cases are not seen then.
NO_CUDA = "not linked with support for cuda"

# How large their results are depends on the values, so they ask a tensor for a number, and a fake one has none. A build
# of PyTorch with CUDA gets as far as that.
SIZED_BY_VALUES = {"bincount", "segment_max", "segment_min", "segment_prod", "segment_sum", "unique"}


def devices(case: Case, arrays_from: int) -> set[str]:
    """Where the results of a call lie whose first tensors are on the GPU, and whose others are NumPy arrays."""
    place = iter(range(99))

    def make(given: Given) -> object:
        if next(place) >= arrays_from:
            return given.array
        return torch.empty(given.array.shape, dtype=getattr(torch, str(given.array.dtype)), device="cuda")

    with FakeTensorMode(allow_non_fake_inputs=True):
        args, kwargs = case.filled(make)
        results = attrgetter(case.op)(ops)(*args, **kwargs)
        return {leaf.device.type for leaf in tree.leaves(results) if isinstance(leaf, torch.Tensor)}


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("arrays_from", [99, 1])
def test_results_lie_where_the_tensors_do(arrays_from: int) -> None:
    wrong, seen = {}, 0
    for case in CASES:
        if not case.givens():
            continue
        try:
            found = devices(case, arrays_from)
        except DynamicOutputShapeException:
            continue
        except DataDependentOutputException as error:
            if case.op in SIZED_BY_VALUES:
                continue
            found = {str(error)}
        except RuntimeError as error:
            if NO_CUDA in str(error):
                continue
            found = {str(error)}
        seen += 1
        if found - {"cuda"}:
            wrong[str(case)] = found
    assert wrong == {}
    assert seen > 550
