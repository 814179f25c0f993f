"""Initializers that a generator of seeds decides, as Keras' can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest
import torch

import lamina
from lamina import initializers
from lamina.graph import ArgumentError
from lamina.random import SeedGenerator

RANDOM = [
    "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal",
    "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
]  # fmt: skip


@pytest.mark.parametrize("name", RANDOM)
def test_each_call_draws_others_and_the_same_generator_the_same(name: str) -> None:
    seeds = SeedGenerator(7)
    initializer = getattr(initializers, name)(seed=seeds)
    before = torch.get_rng_state()
    first, second = initializer((6, 8)), initializer((6, 8))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first, second)
    assert initializer.seed is seeds
    assert seeds.state.tolist() == [7, 2]
    assert torch.equal(getattr(initializers, name)(seed=SeedGenerator(7))((6, 8)), first)
    assert not torch.equal(getattr(initializers, name)(seed=SeedGenerator(8))((6, 8)), first)


def test_one_generator_for_several() -> None:
    seeds = SeedGenerator(7)
    draws = [initializers.RandomNormal(seed=seeds)((4,)) for _ in range(3)]
    assert len({tuple(draw.tolist()) for draw in draws}) == 3


@pytest.mark.parametrize("name", RANDOM)
def test_a_config_tells_where_the_generator_began(name: str) -> None:
    initializer = getattr(initializers, name)(seed=SeedGenerator(7))
    first, second = initializer((6, 8)), initializer((6, 8))
    again = initializers.deserialize(json.loads(json.dumps(initializers.serialize(initializer))))
    assert again.get_config() == initializer.get_config()
    for copy in (again, initializer.clone()):
        assert torch.equal(copy((6, 8)), first)
        assert torch.equal(copy((6, 8)), second)


def test_neighbouring_seeds_are_unrelated() -> None:
    """Of 200 seeds with 5 draws each: the first values are 1000 different ones, spread evenly."""
    initializer = [initializers.RandomUniform(0.0, 1.0, seed=SeedGenerator(seed)) for seed in range(200)]
    values = torch.stack([draw((2,)) for draw in initializer for _ in range(5)])
    assert len(values[:, 0].unique()) == 1000
    assert (torch.histc(values[:, 0], 10, 0, 1) - 100).abs().max() < 4 * 90**0.5
    assert torch.corrcoef(values.T)[0, 1].abs() < 4 / 1000**0.5


def test_keras_config() -> None:
    theirs = keras.initializers.serialize(keras.initializers.HeNormal(seed=keras.random.SeedGenerator(5)))
    ours = initializers.deserialize(theirs)
    expected = initializers.HeNormal(seed=SeedGenerator(5))
    assert torch.equal(ours((3, 4)), expected((3, 4)))
    assert torch.equal(ours((3, 4)), expected((3, 4)))


@pytest.mark.parametrize("suffix", [".lamina", ".keras"])
def test_in_a_file(suffix: str, tmp_path: Path) -> None:
    x = lamina.Input((3,))
    initializer = initializers.HeNormal(seed=SeedGenerator(7))
    model = lamina.Model(x, lamina.layers.Dense(2, kernel_initializer=initializer)(x))
    model.save(tmp_path / f"model{suffix}")
    loaded = lamina.models.load_model(tmp_path / f"model{suffix}")
    assert loaded.layers[-1].kernel_initializer.get_config() == initializer.get_config()
    assert torch.equal(loaded(torch.ones(1, 3)), model(torch.ones(1, 3)))
    if suffix == ".keras":
        theirs = keras.models.load_model(tmp_path / "model.keras").layers[-1].kernel_initializer
        assert type(theirs.seed) is keras.random.SeedGenerator


@pytest.mark.parametrize(
    "seed",
    [
        1.5,
        "seed",
        [1, 2],
        {"class_name": "SeedGenerator"},
        {"class_name": "Dense", "config": {"seed": 1}},
        {"class_name": "SeedGenerator", "config": {"seed": "x"}},
        {"class_name": "SeedGenerator", "config": {"seed": -1}},
    ],
)
def test_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match=r"HeNormal cannot use this seed[\s\S]*SeedGenerator, or None"):
        initializers.HeNormal(seed=seed)
