"""Layers of users that ask for sizes: what is shown as known is known, whatever a call makes of a size."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from lamina import Input, LaminaError, Model, ShapeError
from lamina.graph import Graph
from lamina.layers import Concatenate, Dense, Layer
from lamina.program import Program

SIZES = (1, 2, 3, 7, 10, 47, 193, 4097)


class Own(Layer):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def call(self, inputs: Any) -> Any:
        return self.function(inputs)


def steps(x: torch.Tensor) -> int:
    return x.shape[1]


def of_length(x: torch.Tensor, length: int) -> torch.Tensor:
    return x.new_zeros((x.shape[0], length, 3))


# Each makes (B, T, 3) of (B, T, 3); the second number is a size at which it makes something else than at usual ones.
ASKING = {
    "quotient": (lambda x: of_length(x, steps(x) // 6000 + 1), 6000),
    "quotient of a sum": (lambda x: of_length(x, (steps(x) + 5999) // 6000), 6001),
    "true division": (lambda x: of_length(x, int(steps(x) / 7000) + 1), 7000),
    "ceil": (lambda x: of_length(x, math.ceil(steps(x) / 9000)), 9001),
    "a share": (lambda x: of_length(x, int(steps(x) * 0.0001) + 1), 10000),
    "shift": (lambda x: of_length(x, (steps(x) >> 13) + 1), 8192),
    "remainder": (lambda x: of_length(x, 2 if steps(x) % 191 == 5 else 1), 196),
    "divmod": (lambda x: of_length(x, divmod(steps(x), 20_000)[0] + 1), 20_000),
    "max": (lambda x: of_length(x, max(steps(x), 7000)), 7001),
    "max the other way": (lambda x: of_length(x, max(7000, steps(x), 3)), 7001),
    "min": (lambda x: of_length(x, min(steps(x), 50)), 3),
    "min of a sum": (lambda x: of_length(x, min(steps(x) + 6000, 6500)), 600),
    "branch": (lambda x: x[:, :1] if steps(x) < 6000 else x[:, :2], 6000),
    "branch on size()": (lambda x: x[:, :1] if x.size(1) <= 9000 else x[:, :2], 9001),
    "branch on numel": (lambda x: x[:, :1] if x[0].numel() < 60_000 else x[:, :2], 20_000),
    "one size": (lambda x: x[:, :1] if steps(x) != 7 else x[:, :2], 7),
    "not that size": (lambda x: of_length(x, 2) if steps(x) == 1000 else of_length(x, 1), 1000),
    "a truth": (lambda x: of_length(x, 5 if steps(x) // 8000 else 4), 8000),
    "after a stride": (lambda x: of_length(x, 1 if x[:, ::4].shape[1] < 3000 else 2), 12_000),
    "a loop": (lambda x: of_length(x, sum(x[:, at : at + 5000].ndim // 3 for at in range(0, steps(x), 5000))), 5001),
    "chunks": (lambda x: of_length(x, len(x.split(5000, 1))), 5001),
    "a fold": (lambda x: of_length(x, F.pad(x, (0, 0, 0, 9999)).unfold(1, 10_000, 10_000).shape[1]), 10_001),
    "large strides": (lambda x: of_length(x, F.avg_pool1d(F.pad(x.mT, (0, 6999)), 7000, 7000).shape[2]), 7001),
    "padded to a multiple": (lambda x: F.pad(x, (0, 0, 0, -steps(x) % 8192)), 8193),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKING)
def test_what_a_call_makes_of_a_size_is_not_known(name: str) -> None:
    function, size = ASKING[name]
    x = Input((None, 3))
    y = Own(function)(x)
    assert y.shape == (None, None, 3)
    model = Model(x, y)
    lengths = {model(torch.ones(1, n, 3)).shape[1] for n in (100, size)}
    assert len(lengths) == 2


@pytest.mark.parametrize("divisor", [100, 6000, 10**6])
def test_quotients_of_symbolic_sizes(divisor: int) -> None:
    x = Input((None, 3))
    b, t = x.size(0), x.size(1)
    for length in (t // divisor + 1, (t + divisor - 1) // divisor, torch.sym_max(t, divisor), t // divisor * 2 + 1):
        assert x.new_zeros((b, length)).shape == (None, None)


def test_two_sizes_that_are_compared() -> None:
    x = Input((None, None, 3))
    turned = Own(lambda v: v[:, :1, :1] if v.shape[1] <= v.shape[2] else v[:, :2, :1])(x)
    assert turned.shape == (None, None, 1, 3)


def test_the_batch_may_be_asked_for() -> None:
    y = Own(lambda v: v[:1] if v.shape[0] > 1000 else v[:2].mean(0, keepdim=True).expand(2, -1))(Input((3,)))
    assert y.shape == (None, 3)


def test_a_size_that_nothing_changes_stays_known() -> None:
    x = Input((None, 3))
    assert Own(lambda v: v[:, : max(1, min(v.shape[1], 1))])(x).shape == (None, 1, 3)
    assert Own(lambda v: v.reshape(v.shape[0], -1, 3).sum(1) if v.shape[1] > 4 else v.sum(1))(x).shape == (None, 3)


# ---- one size only -------------------------------------------------------------------------------------------------

TABLE = torch.ones(1, 20, 3)
FIXING = {
    "a class token and a table": (lambda x: torch.cat([TABLE[:, :1].expand(x.shape[0], -1, -1), x], 1) + TABLE, 19),
    "behind a convolution": (lambda x: F.conv1d(x.mT, torch.ones(3, 3, 5)).mT + TABLE, 24),
    "a matrix": (lambda x: x.flatten(1) @ torch.ones(60, 2), 20),
    "a shape": (lambda x: x.reshape(x.shape[0], 6, 10), 20),
    "a table of pictures": (lambda x: x + TABLE, 20),
}


@pytest.mark.parametrize("name", FIXING)
def test_a_call_that_fixes_an_axis_behind_its_own_steps(name: str) -> None:
    function, size = FIXING[name]
    x = Input((None, 3))
    y = Own(function)(x)
    assert None not in y.shape[1:]
    model = Model(x, y)
    assert tuple(model(torch.ones(2, size, 3)).shape[1:]) == y.shape[1:]
    with pytest.raises(ShapeError, match=rf"cannot take an input of this size(?s:.*)\(None, {size}, 3\)"):
        model(torch.ones(2, size + 9, 3))


def test_a_call_that_takes_two_sizes() -> None:
    x = Input((None, 3))
    y = Own(lambda v: v[:, ::2] + TABLE)(x)
    assert y.shape == (None, 20, 3)
    for size in (39, 40):
        assert Model(x, y)(torch.ones(2, size, 3)).shape == (2, 20, 3)
    with pytest.raises(ShapeError, match=r"a size of which it makes \(None, 20, 3\)"):
        Model(x, y)(torch.ones(2, 50, 3))


class TakesTwo(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.lengths = (10, 20)

    def call(self, inputs: Any) -> Any:
        if inputs.shape[1] not in self.lengths:
            raise ValueError("neither of the two")
        return inputs


def test_another_size_that_the_call_takes_too_is_refused() -> None:
    x = Input((None, 3))
    y = TakesTwo()(x)
    assert y.shape == (None, 10, 3)
    with pytest.raises(ShapeError, match=r"cannot take an input of this size(?s:.*)\(None, 10, 3\)"):
        Model(x, y)(torch.ones(2, 20, 3))


def test_a_square_picture_of_one_size() -> None:
    x = Input((None, None, 3))
    y = Own(lambda v: F.avg_pool2d(v.permute(0, 3, 1, 2), 2).flatten(1) @ torch.ones(3 * 14 * 14, 5))(x)
    assert y.shape == (None, 5)
    assert Model(x, y)(torch.ones(2, 28, 28, 3)).shape == (2, 5)


def test_the_patches_of_a_picture_of_one_size_behind_a_class_token() -> None:
    kernel, table = torch.ones(8, 3, 16, 16), torch.zeros(1, 197, 8)

    def call(x: torch.Tensor) -> torch.Tensor:
        patches = F.conv2d(x.permute(0, 3, 1, 2), kernel, stride=16).flatten(2).mT
        return torch.cat([patches.new_zeros(x.shape[0], 1, 8), patches], 1) + table

    x = Input((None, None, 3))
    y = Own(call)(x)
    assert y.shape == (None, 197, 8)
    assert Model(x, y)(torch.ones(2, 224, 224, 3)).shape == (2, 197, 8)
    with pytest.raises(ShapeError, match="cannot take an input of this size"):
        Model(x, y)(torch.ones(2, 256, 256, 3))


BATCHES = {
    "reshape": lambda x: x.reshape(4, 3, 2),
    "table": lambda x: x + torch.ones(4, 1),
    "concatenate": lambda x: torch.cat([x, torch.ones(4, 2)], 1),
    "in a call": lambda x: Own(lambda v: torch.cat([v, torch.ones(4, 2)], 1))(x),
    "layer": lambda x: Concatenate()([x, torch.ones(4, 2)]),
    "matmul": lambda x: torch.ones(2, 4) @ x,
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_of_one_size(name: str) -> None:
    x = Input((6,))
    y = BATCHES[name](x)
    assert None not in y.shape
    model = Model(x, y)
    assert tuple(model(torch.ones(4, 6)).shape) == y.shape
    with pytest.raises(ShapeError, match=r"cannot take an input of this size(?s:.*)\(4, 6\)"):
        model(torch.ones(5, 6))


# ---- structures that hang on a size --------------------------------------------------------------------------------

VARYING = {
    "chunk": (lambda x: x.chunk(2, 1)[0], 1),
    "squeeze": (lambda x: x.squeeze(1), 1),
    "squeeze of all": (lambda x: x[:, :, :2].squeeze(), 1),
    "a branch": (lambda x: Own(lambda v: v.sum(1) if v.shape[1] == 7 else v)(x), 7),
    "a branch above": (lambda x: Own(lambda v: v.sum(1) if v.shape[1] > 6000 else v)(x), 6001),
    "two results": (lambda x: Own(lambda v: (v, v) if v.shape[1] > 3 else (v,))(x)[0], 2),
}


@pytest.mark.parametrize("name", VARYING)
def test_another_structure_is_refused_when_it_comes(name: str) -> None:
    function, size = VARYING[name]
    x = Input((None, 3))
    model = Model(x, function(x))
    assert model(torch.ones(2, 10, 3)).ndim == 3
    with pytest.raises(ShapeError, match=r"of which it makes(?s:.*)as it was drawn"):
        model(torch.ones(2, size, 3))


@pytest.mark.parametrize("name", ["split", "unbind", "tensor_split"])
def test_as_many_results_as_the_size_says_are_refused(name: str) -> None:
    cut = {"split": lambda x: x.split(2, 1), "unbind": lambda x: x.unbind(1), "tensor_split": lambda x: x.split(1, 1)}
    with pytest.raises(ShapeError, match="a different number of tensors"):
        cut[name](Input((None, 3)))


# ---- random calls --------------------------------------------------------------------------------------------------


def random_call(r: random.Random, falls: bool) -> Any:
    """A function that asks for the size and makes another one of it; ``falls``: of larger sizes smaller ones too."""
    n, m = (r.choice([1, 2, 3, 5, 7, 10, 50, 191, 300, 5000]) for _ in range(2))
    length = r.choice(
        [
            lambda t: t // n + 1,
            lambda t: -(-t // n),
            lambda t: min(t, n),
            lambda t: max(t, n),
            lambda t: min(max(t - n, 1), m),
            lambda t: n if t > m else 1,
            lambda t: t % n + 1 if falls else t,
            lambda t: 2 if t == n else 1,
            lambda t: t if t < n else n,
            lambda t: int(t / n) + 1,
            lambda t: t + (-t) % n,
            lambda t: (t - 1) // n * m + 1,
        ]
    )
    made = r.choice(
        [
            lambda x, k: of_length(x, k),
            lambda x, k: F.interpolate(x.mT, size=k).mT,
            lambda x, k: x[:, :k],
            lambda x, k: F.pad(x, (0, 0, 0, k)),
            lambda x, k: x.mean(1, keepdim=True).expand(-1, k, -1),
        ]
    )
    return lambda x: made(x, length(x.shape[1]))


def assert_known_sizes_are_true(seed: int) -> None:
    r = random.Random(seed)
    x = y = Input((None, 3))
    steps_made = r.randint(1, 3)
    for _ in range(steps_made):
        try:
            y = Own(random_call(r, falls=steps_made == 1))(y)
        except LaminaError:
            continue
    run = Program(Graph(x, y, part=True), training=False).run
    for size in SIZES:
        try:
            shape = tuple(run(torch.ones(2, size, 3)).shape)
        except (LaminaError, RuntimeError):
            continue
        assert all(known in (None, real) for known, real in zip(y.shape, shape, strict=True)), (seed, size, y, shape)


def test_known_sizes_are_true_in_random_calls() -> None:
    for seed in range(40):
        assert_known_sizes_are_true(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_known_sizes_are_true_in_many_random_calls(part: int) -> None:
    for seed in range(1000 + 100 * part, 1100 + 100 * part):
        assert_known_sizes_are_true(seed)


class Counted(Layer):
    """Asks about an unknown axis, and counts how often it is tried."""

    def __init__(self, asks: bool) -> None:
        super().__init__()
        self.inner, self.asks = Dense(8), asks

    def call(self, x: torch.Tensor) -> torch.Tensor:
        COUNTS.append(1)
        if self.asks and x.size(1) % 2:
            x = torch.cat([x, x[:, :1]], 1)
        return x + self.inner(x)


COUNTS: list[int] = []


@pytest.mark.parametrize("asks, each", [(False, 4), (True, 11)])
def test_a_chain_is_tried_in_steps_that_grow_with_its_length_only(asks: bool, each: int) -> None:
    COUNTS.clear()
    x = Input((None, 8))
    for _ in range(8):
        x = Counted(asks)(x)
    eight = len(COUNTS)
    for _ in range(8):
        x = Counted(asks)(x)
    assert len(COUNTS) - eight <= 8 * each  # what a layer gave in a world is known when the next one is tried there
    assert eight >= 16
