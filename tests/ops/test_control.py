"""Choices and loops, against Keras on torch."""

from __future__ import annotations

import keras
import pytest
import torch

from lamina import ops
from lamina.graph import ArgumentError, tree

ROWS = torch.arange(6.0).reshape(3, 2)


def assert_same(ours, theirs):
    mine, references = list(tree.leaves(ours)), list(tree.leaves(theirs))
    assert len(mine) == len(references)
    for value, reference in zip(mine, references, strict=True):
        if isinstance(reference, torch.Tensor):
            torch.testing.assert_close(value, reference)
        else:
            assert value == reference


@pytest.mark.parametrize(
    "name, args, kwargs",
    [
        ("cond", (torch.tensor(True), lambda: 1, lambda: 2), {}),
        ("cond", (torch.tensor(0), lambda: ROWS, lambda: -ROWS), {}),
        ("switch", (torch.tensor(1), [lambda v: v, lambda v: v * 2], ROWS), {}),
        ("switch", (7, [lambda v: v, lambda v: v * 2], ROWS), {}),
        ("switch", (-3, [lambda a, b: a - b, lambda a, b: b], ROWS, 1.0), {}),
        ("while_loop", (lambda i: i < 3, lambda i: i + 1, 0), {}),
        ("while_loop", (lambda i: i < 3, lambda i: (i + 1,), (0,)), {}),
        ("while_loop", (lambda i, x: i < 3, lambda i, x: [i + 1, x * 2], [torch.tensor(0), ROWS]), {}),
        ("while_loop", (lambda i: i < 9, lambda i: i + 1, 0), {"maximum_iterations": 4}),
        ("while_loop", (lambda i: i < 0, lambda i: i + 1, 0), {}),
        ("fori_loop", (0, 3, lambda i, v: v + i, torch.tensor(1)), {}),
        ("fori_loop", (2, 2, lambda i, v: v + i, ROWS), {}),
        ("fori_loop", (1, 4, lambda i, v: (v[0] * i, v[1] + i), (ROWS, torch.tensor(0))), {}),
        ("scan", (lambda c, x: (c + x, c * x), torch.zeros(2), ROWS), {}),
        ("scan", (lambda c, x: (c + x, c * x), torch.zeros(2), ROWS), {"reverse": True}),
        ("scan", (lambda c, x: (c + x[0], {"a": c, "b": x[1]}), torch.zeros(2), (ROWS, -ROWS)), {}),
        ("scan", (lambda c, x: (c * 2, c), torch.ones(2)), {"length": 4}),
        ("scan", (lambda c, x: (c + x, c), torch.zeros(2), ROWS), {"length": 3}),
        ("map", (lambda x: x * 2, ROWS), {}),
        ("map", (lambda x: {"s": x[0] + x[1], "d": x[0] - x[1]}, (ROWS, -ROWS)), {}),
        ("vectorized_map", (lambda x: x.sum(), ROWS), {}),
        ("vectorized_map", (lambda x: x[0] * x[1], (ROWS, -ROWS)), {}),
    ],
)
def test_choices_and_loops_are_those_of_keras(name, args, kwargs):
    assert_same(getattr(ops, name)(*args, **kwargs), getattr(keras.ops, name)(*args, **kwargs))


def test_only_the_branch_that_is_chosen_runs():
    ran = []
    ops.cond(torch.tensor(False), lambda: ran.append("true"), lambda: ran.append("false"))
    assert ran == ["false"]


def test_gradients_go_through_loops():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    state, ys = ops.scan(lambda c, v: (c * v, c), torch.ones(()), ops.stack([x[0], x[1], x[1]]))
    (state + ys.sum()).backward()
    # state = a b b, outputs 1, a, a b
    torch.testing.assert_close(x.grad, torch.tensor([4.0 + 1 + 2, 4.0 + 1]))
    y = torch.tensor(2.0, requires_grad=True)
    ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v * y), (0, 1.0))[1].backward()
    torch.testing.assert_close(y.grad, torch.tensor(12.0))


def test_states_may_be_nested_and_outputs_missing():
    state, ys = ops.scan(lambda c, x: ({"n": c["n"] + x}, None), {"n": 0.0}, ROWS[:, 0])
    assert state["n"].item() == 6.0
    assert ys is None


def test_what_is_scanned_must_agree():
    for xs, length in ((None, None), (ROWS, 2), ((ROWS, ROWS[:2]), None)):
        with pytest.raises(ArgumentError, match="first axes"):
            ops.scan(lambda c, x: (c, x), torch.zeros(()), xs, length)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_compiled_switch_takes_the_branch_that_it_takes_otherwise(count):
    branches = [lambda x, k=k: x * (k + 2) for k in range(count)]

    def choose(index, x):
        return ops.switch(index, branches, x)

    compiled = torch.compile(choose, backend="eager", fullgraph=True)
    for index in range(-2, count + 2):
        given = torch.tensor(index)
        assert torch.equal(compiled(given, ROWS), choose(given, ROWS)), index
