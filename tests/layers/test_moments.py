"""The random numbers of layers by their moments: each within 4.5 standard errors of what the formula says."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lamina import layers

SEEDS = (None, 1, 2, 3)
SIZE = (250, 400)
# Beyond 4.5 standard errors lies one draw in 150,000.
ERRORS = 4.5


def mean_is(values: torch.Tensor, mean: float, deviation: float) -> None:
    """The mean of independent values that have this mean and deviation."""
    error = deviation / math.sqrt(values.numel())
    found = float(values.double().mean())
    assert abs(found - mean) <= ERRORS * error + 1e-6, f"mean {found:.5f}, not {mean:.5f} +- {error:.5f}"


def moments_are(values: torch.Tensor, mean: float, deviation: float) -> None:
    """Mean and variance, the error of the variance by the fourth moment that was drawn; neighbours know nothing."""
    mean_is(values, mean, deviation)
    squares = (values.double() - mean) ** 2
    mean_is(squares, deviation**2, max(float(squares.std()), 1e-9))
    centred = values.double().flatten() - mean
    mean_is(centred[1:] * centred[:-1], 0.0, deviation**2)


def drawn(make: Callable[[Any], Any], x: torch.Tensor, seed: int | None) -> torch.Tensor:
    return make(seed)(x, training=True)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout(rate: float, seed: int | None) -> None:
    """Zero with probability r, 1 / (1 - r) otherwise: mean 1, variance r / (1 - r)."""
    y = drawn(lambda seed: layers.Dropout(rate, seed=seed), torch.ones(SIZE), seed)
    mean_is((y != 0).float(), 1 - rate, math.sqrt(rate * (1 - rate)))
    moments_are(y, 1.0, math.sqrt(rate / (1 - rate)))
    assert y.unique().numel() == 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "make, shape, whole",
    [
        (lambda seed: layers.Dropout(0.3, (None, 1, None), seed), (80, 5, 90), (1,)),
        (lambda seed: layers.Dropout(0.3, (1, None), seed), (5, 7000), (0,)),
        (lambda seed: layers.SpatialDropout1D(0.3, seed), (80, 5, 90), (1,)),
        (lambda seed: layers.SpatialDropout2D(0.3, seed=seed), (80, 3, 4, 90), (1, 2)),
        (lambda seed: layers.SpatialDropout2D(0.3, "channels_first", seed), (80, 90, 3, 4), (2, 3)),
        (lambda seed: layers.SpatialDropout3D(0.3, seed=seed), (80, 3, 2, 2, 90), (1, 2, 3)),
        (lambda seed: layers.SpatialDropout3D(0.3, "channels_first", seed), (80, 90, 3, 2, 2), (2, 3, 4)),
    ],
    ids=["steps", "batch", "1D", "2D", "2D-first", "3D", "3D-first"],
)
def test_dropout_along_whole_axes(make: Any, shape: Any, whole: tuple[int, ...], seed: int | None) -> None:
    """All or nothing along these axes, each for itself elsewhere."""
    y = drawn(make, torch.ones(shape), seed)
    assert torch.equal(y.amin(whole), y.amax(whole))
    moments_are(y.amax(whole), 1.0, math.sqrt(0.3 / 0.7))


@pytest.mark.parametrize("seed", SEEDS)
def test_gaussian_noise(seed: int | None) -> None:
    y = drawn(lambda seed: layers.GaussianNoise(0.3, seed), torch.full(SIZE, 2.0), seed)
    moments_are(y, 2.0, 0.3)
    mean_is((y - 2.0) ** 3, 0.0, math.sqrt(15) * 0.3**3)  # a normal distribution leans to no side


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_gaussian_dropout(rate: float, seed: int | None) -> None:
    """A factor of mean 1 and variance r / (1 - r), as dropout has it."""
    y = drawn(lambda seed: layers.GaussianDropout(rate, seed), torch.full(SIZE, 2.0), seed)
    moments_are(y, 2.0, 2 * math.sqrt(rate / (1 - rate)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate: float, seed: int | None) -> None:
    """Of values with mean 0 and variance 1; the share that drops has one value."""
    generator = torch.Generator().manual_seed(5)
    y = drawn(lambda seed: layers.AlphaDropout(rate, seed=seed), torch.randn(SIZE, generator=generator), seed)
    moments_are(y, 0.0, 1.0)
    _, counts = y.unique(return_counts=True)
    share = torch.zeros(y.numel())
    share[: int(counts.max())] = 1
    mean_is(share, rate, math.sqrt(rate * (1 - rate)))
    together = drawn(lambda seed: layers.AlphaDropout(rate, (None, 1), seed), torch.zeros(SIZE), seed)
    assert torch.equal(together.amin(1), together.amax(1))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "LSTM"])
def test_dropout_of_recurrent_layers(name: str, seed: int | None) -> None:
    """The factors of inputs and states, drawn once for a sequence: that all steps share them is tested beside."""
    cell = getattr(layers, f"{name}Cell")(60, dropout=0.3, recurrent_dropout=0.6, seed=seed)
    inputs, states = cell.draw_dropout((700, 50), torch.zeros(700, 60), True)
    moments_are(inputs, 1.0, math.sqrt(0.3 / 0.7))
    moments_are(states, 1.0, math.sqrt(0.6 / 0.4))


@pytest.mark.parametrize("seed", SEEDS)
def test_dropout_of_attention(seed: int | None) -> None:
    """Each weight of the softmax drops for itself: over ones, the mean of n factors 0 or 1 / (1 - r)."""
    rate, steps = 0.2, 50
    x = torch.ones(40, steps, 1)
    y = layers.Attention(dropout=rate, seed=seed)([x, x], training=True)
    moments_are(y, 1.0, math.sqrt(rate / (1 - rate) / steps))
