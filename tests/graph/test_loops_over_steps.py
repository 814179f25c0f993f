"""Python loops over an unknown axis are not tried at thousands of steps; numbers that a refusal speaks of are sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from lamina import Input, Model, ShapeError, layers


class Calls(layers.Layer):
    """A user's layer; counts the steps of all its trials in a list of the test's."""

    def __init__(self, function: Callable[[Any, list[int]], Any], steps: list[int]) -> None:
        super().__init__()
        self.function, self.steps = function, lambda: steps

    def call(self, inputs: Any) -> Any:
        return self.function(inputs, self.steps())


def by_range(x: Any, steps: list[int]) -> Any:
    state = torch.zeros_like(x[:, 0])
    for t in range(x.shape[1]):
        steps.append(t)
        state = 0.5 * state + x[:, t]
    return state


def by_unbind(x: Any, steps: list[int]) -> Any:
    results = []
    for row in x.unbind(1):
        steps.append(0)
        results.append(row * 2)
    return torch.stack(results, 1)


def by_while(x: Any, steps: list[int]) -> Any:
    total, t = torch.zeros_like(x[:, 0]), 0
    while t < x.shape[1]:
        steps.append(t)
        total, t = total + x[:, t], t + 1
    return total


def over_rows(x: Any, steps: list[int]) -> Any:
    steps += range(x.shape[0])
    return torch.stack([row.cumsum(0) * 1 for row in x])


def within(x: Any, steps: list[int]) -> Any:
    rows = []
    for i in range(x.shape[1]):
        steps += range(x.shape[1])
        rows.append(torch.stack([(x[:, i] * x[:, j]).sum(-1) for j in range(x.shape[1])], -1))
    return torch.stack(rows, 1)


@pytest.mark.parametrize(
    "function, shape",
    [
        (by_range, (None, 3)),
        (by_unbind, (None, None, 3)),
        (by_while, (None, 3)),
        (over_rows, (None, None, 3)),
        (within, (None, None, None)),
    ],
)
def test_loops_over_steps_are_tried_at_few(function: Any, shape: Any) -> None:
    steps: list[int] = []
    x = Input((None, 3))
    y = Calls(function, steps)(x)
    assert y.shape == shape
    assert len(steps) < 6000
    model = Model(x, y)
    for size in (1, 2, 7, 30):
        given = torch.randn(2, size, 3)
        assert torch.equal(model(given), function(given, steps))


def test_what_follows_a_loop_does_not_run_it_at_more_steps() -> None:
    steps: list[int] = []
    x = Input((None, 3))
    h = Calls(by_unbind, steps)(x)
    before = len(steps)
    layers.Conv1D(2, 3)(layers.Lambda(lambda v: v.mean(1, keepdim=True) * v)(h))
    assert len(steps) - before < 4000


def test_a_loop_in_large_chunks_is_tried_where_there_are_several() -> None:
    def chunks(x: Any, steps: list[int]) -> Any:
        return torch.stack([x[:, i : i + 300].mean(1) for i in range(0, len(x[0]), 300)], 1)

    assert Calls(chunks, [])(Input((None, 3))).shape == (None, None, 3)


def test_an_error_after_a_loop_is_told_without_example_sizes() -> None:
    x = Input((None, 3))
    with pytest.raises(ShapeError, match=r"got \[None, 3\] X \[4, 5\]"):
        Calls(lambda v, steps: by_while(v, steps) @ torch.ones(4, 5), [])(x)


def refused_unless_seven(v: Any) -> Any:
    if v.shape[1] % 7:
        raise ValueError("no")
    return v.reshape(v.shape[0], -1, 7, 3)


def refused_unless_ten(v: Any) -> Any:
    if v.shape[1] != 10:
        raise ValueError("no")
    return v * 2


@pytest.mark.parametrize(
    "function, shape, size",
    [
        (lambda v: v.split([3, 7], 1)[1], (None, 7, 3), 10),
        (lambda v: torch.split(v, (4, 4, 2), dim=1)[2], (None, 2, 3), 10),
        (lambda v: torch.cat([v, torch.ones(2, 10, 3)], 2), (2, 10, 6), 10),
        (lambda v: torch.bmm(torch.ones(2, 5, 10), v), (2, 5, 3), 10),
        (lambda v: v.reshape(v.size(0), 7, -1), (None, 7, None), 14),
    ],
)
@pytest.mark.parametrize("in_call", [False, True])
def test_sizes_that_a_refusal_speaks_of(function: Any, shape: Any, size: int, in_call: bool) -> None:
    x = Input((None, 3))
    y = Calls(lambda v, _: function(v), [])(x) if in_call else function(x)
    assert y.shape == shape
    given = torch.randn(2, size, 3)
    assert torch.equal(Model(x, y)(given), function(given))


@pytest.mark.parametrize(
    "function, shape, size",
    [(refused_unless_ten, (None, 10, 3), 10), (refused_unless_seven, (None, None, 7, 3), 21)],
)
def test_sizes_that_a_call_asks_for_before_it_refuses(function: Any, shape: Any, size: int) -> None:
    x = Input((None, 3))
    y = Calls(lambda v, _: function(v), [])(x)
    assert y.shape == shape
    given = torch.randn(2, size, 3)
    assert torch.equal(Model(x, y)(given), function(given))


@pytest.mark.parametrize("in_call", [False, True])
def test_two_axes_that_each_have_one_size(in_call: bool) -> None:
    x, table = Input((None, None, 3)), torch.randn(14, 10, 3)
    y = Calls(lambda v, _: v + table, [])(x) if in_call else x + table
    assert y.shape == (None, 14, 10, 3)
    given = torch.randn(2, 14, 10, 3)
    assert torch.equal(Model(x, y)(given), given + table)


def test_a_weight_along_an_unknown_axis_is_refused_by_name() -> None:
    class Along(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(shape=(input_shape[1], 2), name="along")

        def call(self, inputs: Any) -> Any:
            return inputs.mT @ self.w

    with pytest.raises(ShapeError, match=r"Along .* cannot make a weight of unknown size(.|\n)*\(None, 2\)"):
        Along()(Input((None, 3)))
