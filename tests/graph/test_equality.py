"""`==` on symbolic tensors is recorded; `in`, `list.index` and dicts, which compare in the same way, find objects."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina
from lamina import Model
from lamina.graph import ShapeError, SymbolicTensor, ValueNeededError
from lamina.layers import Input

A, B, WIDE, PICTURE = Input((4,)), Input((4,)), Input((7,)), Input((8, 8, 3))
WEIGHT = torch.nn.Parameter(torch.ones(4))


def test_membership_looks_for_the_object():
    assert B in [A, B]
    assert WIDE in [A, B, WIDE]
    assert PICTURE in (A, WIDE, PICTURE)
    assert WIDE not in [A, B]
    assert A not in [B, PICTURE]
    assert A * 1 not in [A]
    assert A in [None, "a", WEIGHT, A]
    assert A not in [None, "a", object(), WEIGHT]


def test_lists_and_dicts_find_the_object():
    tensors = [A, WIDE, B, A, PICTURE]
    assert [tensors.index(t) for t in (A, B, WIDE, PICTURE)] == [0, 2, 1, 4]
    assert tensors.count(A) == 2
    tensors.remove(B)
    assert len(tensors) == 4
    assert {A: "a", B: "b", WIDE: "w"}[B] == "b"
    assert len({A, B, A}) == 2


def test_elementwise_comparison_is_recorded_all_the_same():
    model = Model([A, B], [A == B, A != B, A == 1, np.float32(1) == A])
    a, b = torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([[1.0, 0, 3, 0]])
    expected = [a == b, a != b, a == 1, a == 1]
    assert all(torch.equal(x, y) for x, y in zip(model([a, b]), expected, strict=True))


def test_the_bool_of_a_comparison_by_value_is_refused():
    for ask in (
        lambda: bool(A == 3),
        lambda: bool(A.sum() == B.sum()),
        lambda: 1 if A.mean() == B.mean() else 2,
        lambda: 1 if A > B else 2,
        lambda: A.sum() in [B.sum()],
    ):
        with pytest.raises(ValueNeededError):
            ask()


def test_shapes_that_do_not_meet_are_refused_where_the_comparison_is_used():
    for use in (
        lambda: (A == WIDE).float(),
        lambda: (A == WIDE) * 2,
        lambda: A * (A == WIDE),
        lambda: ~(A == WIDE),
        lambda: torch.where(A == WIDE, A, A),
        lambda: torch.logical_not(A == WIDE),
        lambda: lamina.ops.equal(A, WIDE),
        lambda: torch.ones(7) == A,
        lambda: A != WIDE,
    ):
        with pytest.raises(ShapeError, match="cannot take this input"):
            use()


def test_what_is_no_number_is_unequal():
    assert (A == None) is False  # noqa: E711
    assert (A != None) is True  # noqa: E711
    assert A != "a"
    assert object() != A
    assert isinstance(np.ones(4) == A, SymbolicTensor)
