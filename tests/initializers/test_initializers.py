"""Initializers: the distributions they draw from, seeds, exact values, names and arguments of Keras."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch

from lamina import initializers
from lamina.graph import ArgumentError, DtypeError, ShapeError
from lamina.initializers import (
    Constant,
    GlorotUniform,
    HeNormal,
    Identity,
    Initializer,
    Ones,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    Zeros,
)
from tests.keras_names import assert_same_classes

SHAPE = (3, 3, 48, 96)  # fan_in 432, fan_out 864, 41,472 values
KINDS = [
    ("Constant", {"value": 0.7}),
    ("Zeros", {}),
    ("Ones", {}),
    ("Identity", {"gain": 1.5}),
    ("GlorotNormal", {"seed": 1}),
    ("GlorotUniform", {"seed": 1, "input_axes": [0], "output_axes": [1]}),
    ("HeNormal", {"seed": 1}),
    ("HeUniform", {"seed": 1}),
    ("LecunNormal", {"seed": 1}),
    ("LecunUniform", {"seed": 1}),
    ("Orthogonal", {"gain": 1.5, "seed": 1}),
    ("RandomNormal", {"mean": 1.0, "stddev": 2.0, "seed": 1}),
    ("RandomUniform", {"minval": 1.0, "maxval": 2.0, "seed": 1}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 2.0, "seed": 1}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_avg", "distribution": "untruncated_normal", "seed": 1}),
]
RANDOM = [(name, arguments) for name, arguments in KINDS if "seed" in arguments]


def below(z: torch.Tensor) -> torch.Tensor:
    """Share of a standard normal below z."""
    return 0.5 * (1.0 + torch.erf(z / math.sqrt(2.0)))


def uniform(low: float, high: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: (x - low) / (high - low)


def normal(mean: float, stddev: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda x: below((x - mean) / stddev)


def truncated(mean: float, stddev: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """`stddev` is that before the cut."""
    two = torch.tensor(2.0, dtype=torch.float64)
    return lambda x: (below((x - mean) / stddev) - below(-two)) / (below(two) - below(-two))


# Standard deviation of a standard normal cut at 2: known to ten digits from tables.
AFTER_CUT = 0.8796256610

DISTRIBUTIONS = [
    (RandomNormal(0.5, 2.0, seed=5), normal(0.5, 2.0)),
    (RandomUniform(-1.0, 3.0, seed=5), uniform(-1.0, 3.0)),
    (TruncatedNormal(0.5, 2.0, seed=5), truncated(0.5, 2.0)),
    (VarianceScaling(seed=5), truncated(0.0, math.sqrt(1 / 432) / AFTER_CUT)),
    (VarianceScaling(3.0, "fan_out", "normal", seed=5), truncated(0.0, math.sqrt(3 / 864) / AFTER_CUT)),
    (VarianceScaling(2.0, "fan_avg", "untruncated_normal", seed=5), normal(0.0, math.sqrt(2 / 648))),
    (VarianceScaling(2.0, "fan_in", "UNIFORM", seed=5), uniform(-math.sqrt(6 / 432), math.sqrt(6 / 432))),
    (
        VarianceScaling(1.0, "fan_in", "uniform", seed=5, input_axes=[0, 3], output_axes=[1]),
        uniform(-math.sqrt(3 / 288), math.sqrt(3 / 288)),
    ),
    (
        VarianceScaling(1.0, "fan_out", "uniform", seed=5, input_axes=[0, 3], output_axes=[1, 2]),
        uniform(-math.sqrt(3 / 144), math.sqrt(3 / 144)),
    ),
    (initializers.GlorotUniform(seed=5), uniform(-math.sqrt(6 / 1296), math.sqrt(6 / 1296))),
    (initializers.GlorotNormal(seed=5), truncated(0.0, math.sqrt(2 / 1296) / AFTER_CUT)),
    (initializers.HeUniform(seed=5), uniform(-math.sqrt(6 / 432), math.sqrt(6 / 432))),
    (initializers.HeNormal(seed=5), truncated(0.0, math.sqrt(2 / 432) / AFTER_CUT)),
    (initializers.LecunUniform(seed=5), uniform(-math.sqrt(3 / 432), math.sqrt(3 / 432))),
    (initializers.LecunNormal(seed=5), truncated(0.0, math.sqrt(1 / 432) / AFTER_CUT)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("initializer, share_below", DISTRIBUTIONS, ids=lambda v: getattr(type(v), "__name__", ""))
def test_distribution(initializer, share_below, dtype):
    """Kolmogorov-Smirnov: the greatest distance between the shares drawn and those of the formula."""
    drawn = initializer(SHAPE, dtype).flatten().double().sort().values
    count = len(drawn)
    expected = share_below(drawn)
    slack = 1e-6 if dtype != "bfloat16" else 0.004  # a bfloat16 keeps 8 bits
    assert expected.min() >= -slack
    assert expected.max() <= 1.0 + slack
    ranks = torch.arange(count, dtype=torch.float64)
    distance = torch.maximum((expected - ranks / count).abs(), (expected - (ranks + 1) / count).abs()).max()
    assert distance < 1.95 / math.sqrt(count) + slack  # exceeded by one seed in a thousand


@pytest.mark.parametrize("shape", [(), (7,), (5, 9), (3, 5, 9), (2, 3, 5, 9)])
@pytest.mark.parametrize("name", ["GlorotUniform", "HeUniform", "LecunUniform"])
def test_range_is_that_of_keras_for_every_rank(name, shape):
    """A uniform draw shows its fan by its limit; Keras' own limit is read off many draws."""
    theirs = max(float(abs(getattr(keras.initializers, name)(seed=s)(shape)).max()) for s in range(300))
    ours = max(float(getattr(initializers, name)(seed=s)(shape).abs().max()) for s in range(300))
    assert ours == pytest.approx(theirs, rel=0.03)


@pytest.mark.parametrize("name, arguments", RANDOM)
def test_seed_decides_alone(name, arguments):
    initializer = getattr(initializers, name)(**arguments)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = initializer((6, 8))
    assert torch.equal(torch.get_rng_state(), before), "an own seed must leave the global generator alone"
    torch.rand(3)
    assert torch.equal(initializer((6, 8)), first)
    assert torch.equal(initializer.clone()((6, 8)), first)
    assert not torch.equal(type(initializer)(**{**arguments, "seed": 2})((6, 8)), first)


@pytest.mark.parametrize("name, arguments", RANDOM)
def test_without_seed_the_global_generator_decides(name, arguments):
    initializer = getattr(initializers, name)(**{**arguments, "seed": None})
    torch.manual_seed(3)
    first, second = initializer((6, 8)), initializer((6, 8))
    torch.manual_seed(3)
    assert torch.equal(initializer((6, 8)), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name, arguments", KINDS)
def test_shape_dtype_device(name, arguments):
    initializer = getattr(initializers, name)(**arguments)
    for dtype in (None, "float64", torch.bfloat16, np.float16):
        tensor = initializer([4, 6], dtype)
        assert tensor.shape == (4, 6)
        assert tensor.is_contiguous()
        assert not tensor.requires_grad
        expected = {None: torch.float32, "float64": torch.float64, np.float16: torch.float16}.get(dtype, dtype)
        assert tensor.dtype == expected
    assert initializer((0, 6)).shape == (0, 6)
    with torch.device("meta"):
        tensor = initializer((40_000, 30), "bfloat16")
    assert tensor.is_meta
    assert tensor.shape == (40_000, 30)


def test_default_dtype_is_that_of_torch():
    torch.set_default_dtype(torch.float64)
    try:
        assert HeNormal()((2, 3)).dtype == Zeros()((2,)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_half_precision_keeps_the_bounds():
    values = RandomUniform(0.0, 1.0, seed=1)((200_000,), "bfloat16")
    assert values.unique().numel() > 1000
    assert TruncatedNormal(stddev=1.0, seed=1)((200_000,), "float16").abs().max() <= 2.0


@pytest.mark.parametrize("shape", [(6, 6), (9, 4), (4, 9), (3, 3, 2, 5), (2, 2, 40), (1, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orthogonal(shape, dtype):
    q = Orthogonal(gain=1.5, seed=1)(shape, dtype).reshape(-1, shape[-1])
    if q.shape[0] < q.shape[1]:
        q = q.T
    torch.testing.assert_close(q.T @ q, 2.25 * torch.eye(q.shape[1], dtype=q.dtype), atol=1e-5, rtol=0)


def test_orthogonal_is_uniform_among_orthogonal_matrices():
    """Mean 0 and variance 1/4 of every entry of a 4 x 4 matrix; QR alone gives a diagonal of one sign."""
    drawn = torch.stack([Orthogonal(seed=seed)((4, 4)) for seed in range(1500)])
    assert drawn.mean(0).abs().max() < 4.5 * 0.5 / math.sqrt(1500)
    torch.testing.assert_close(drawn.var(0), torch.full((4, 4), 0.25), atol=0.03, rtol=0)


@pytest.mark.parametrize("name, arguments, shape", [
    ("Constant", {"value": 3}, (2, 3)),
    ("Constant", {}, (2,)),
    ("Constant", {"value": np.arange(6.0).reshape(2, 3)}, (2, 3)),
    ("Zeros", {}, (2, 0, 3)),
    ("Ones", {}, ()),
    ("Identity", {}, (3, 3)),
    ("Identity", {"gain": 0.5}, (2, 5)),
    ("Identity", {"gain": 2}, (5, 2)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_values_are_those_of_keras(name, arguments, shape, dtype):
    ours = getattr(initializers, name)(**arguments)(shape, dtype)
    theirs = getattr(keras.initializers, name)(**arguments)(shape, dtype)
    # Keras makes a float matrix of an integer one times a float gain; ours has the dtype asked for.
    torch.testing.assert_close(ours, theirs.to(getattr(torch, dtype)), rtol=0, atol=0)


def test_constant_holds_arrays():
    table = np.random.default_rng(0).normal(size=(5, 3))
    table.flags.writeable = False
    for value in (table, table.tolist(), torch.tensor(table, requires_grad=True)):
        torch.testing.assert_close(Constant(value)((5, 3), "float64"), torch.tensor(table), rtol=0, atol=0)
        again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(Constant(value)))))
        torch.testing.assert_close(again((5, 3), "float64"), torch.tensor(table), rtol=0, atol=0)
    row = Constant([1.0, 2.0])((3, 2))
    row[0] = 9.0
    assert row[1].tolist() == [1.0, 2.0], "the rows of a broadcast value must not share memory"
    with pytest.raises(ShapeError, match=r"\(5, 3\)\n.*\(5, 4\)"):
        Constant(table)((5, 4))


def test_get_makes_an_initializer_of_an_array():
    table = torch.arange(6.0).reshape(2, 3)
    tensor = initializers.get(table)((2, 3))
    torch.testing.assert_close(tensor, table)
    assert tensor.data_ptr() != table.data_ptr()
    assert initializers.get(np.float32(2.5))((2,)).tolist() == [2.5, 2.5]


@pytest.mark.parametrize("name, arguments", KINDS)
def test_round_trip_through_json(name, arguments):
    original = getattr(initializers, name)(**arguments)
    data = json.loads(json.dumps(initializers.serialize(original)))
    # The arguments once more, since the config of Keras' Identity leaves its gain out.
    theirs = {**getattr(keras.initializers, name)(**arguments).get_config(), **arguments}
    assert data == {"class_name": name, "config": theirs}
    again = initializers.deserialize(data)
    assert type(again) is type(original)
    assert torch.equal(again((4, 6)), original((4, 6)))


def test_names_and_signatures_are_those_of_keras():
    assert_same_classes(initializers, keras.initializers)


@pytest.mark.parametrize("name", sorted(set(initializers.__all__) - {"Initializer", "deserialize", "get", "serialize"}))
def test_get_by_every_name(name):
    assert type(initializers.get(name)) is getattr(initializers, name)


@pytest.mark.parametrize("name, cls", [
    ("normal", RandomNormal), ("uniform", RandomUniform), ("one", Ones), ("zero", Zeros),
    ("glorotuniform", GlorotUniform),
])  # fmt: skip
def test_get_by_alias(name, cls):
    assert type(initializers.get(name)) is cls


def test_get_takes_classes_callables_and_none():
    assert type(initializers.get(HeNormal)) is HeNormal
    assert initializers.get(None) is None
    assert initializers.get(torch.zeros) is torch.zeros
    mine = HeNormal()
    assert initializers.get(mine) is mine


@pytest.mark.parametrize("make, text", [
    (lambda: VarianceScaling(scale=0.0), "scale=0.0"),
    (lambda: VarianceScaling(mode="fan"), "mode='fan'\n.*fan_in or fan_out or fan_avg"),
    (lambda: VarianceScaling(distribution="poisson"), "'poisson'\n.*truncated_normal"),
    (lambda: HeNormal(seed=1.5), "seed.\n.*1.5\n.*integer, a lamina.random.SeedGenerator, or None"),
    (lambda: RandomNormal(seed="x"), "RandomNormal cannot use this seed"),
])  # fmt: skip
def test_bad_arguments_are_refused(make, text):
    with pytest.raises(ArgumentError, match=text):
        make()


@pytest.mark.parametrize("shape", [(None, 3), 5, (2, -1), ("a",), (2.5,)])
def test_unknown_shape_is_refused(shape):
    with pytest.raises(ShapeError, match="HeNormal cannot make"):
        HeNormal()(shape)


def test_what_needs_a_matrix_or_real_numbers_says_so():
    with pytest.raises(ShapeError, match="two axes"):
        Identity()((3,))
    with pytest.raises(ShapeError, match="at least two axes"):
        Orthogonal()((3,))
    with pytest.raises(DtypeError, match="torch.int32"):
        HeNormal()((3, 3), "int32")
    with pytest.raises(NotImplementedError, match="__call__"):
        Initializer()((3,))


def test_numpy_seed_is_an_integer():
    assert initializers.serialize(HeNormal(seed=np.int64(4)))["config"]["seed"] == 4


@pytest.mark.slow
@pytest.mark.parametrize("name, most", [("glorot_uniform", 1.5), ("he_normal", 4.0)])
def test_as_fast_as_a_uniform_draw(name, most):
    """A weight of VGG19's size costs what PyTorch's own uniform draw does, or little more."""
    shape = (2048, 2048)

    def seconds(draw: Callable[[], Any]) -> float:
        times = []
        for _ in range(7):
            start = time.perf_counter()
            draw()
            times.append(time.perf_counter() - start)
        return min(times)

    initializer = initializers.get(name)
    assert seconds(lambda: initializer(shape)) < most * seconds(lambda: torch.empty(shape).uniform_(-1.0, 1.0))
