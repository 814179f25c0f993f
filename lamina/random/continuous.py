"""Draws of real numbers: normal, truncated normal, uniform, gamma, beta."""

from __future__ import annotations

from typing import Any

from . import samplers
from .drawing import draw, real


def normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers: ``mean + stddev * z``, z of density exp(-z^2 / 2) / sqrt(2 pi).

    Args:
        shape: sizes; ``ops.shape(x)`` of a symbolic tensor draws anew whenever the model runs.
        mean, stddev: numbers, or tensors that broadcast to the shape and get gradients.
        dtype: a floating dtype; `lamina.config.floatx()` by default.
        seed: None for PyTorch's global generator (`utils.set_random_seed`); an integer for the same numbers at every
            call; a `SeedGenerator` for the next ones of its own.

    Raises:
        ShapeError, ArgumentError, DtypeError: of shape, seed, dtype, or parameters that do not broadcast.

    >>> x = lamina.Input((4,))
    >>> normal(lamina.ops.shape(x), seed=3).shape
    (None, 4)
    """
    return draw("normal", samplers.normal, shape, (mean, stddev), real("normal", dtype), seed)


def truncated_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers without those further than two standard deviations from the mean.

    The standard deviation of what remains is 0.88 times `stddev`. Arguments as in `normal`.

    >>> bool(truncated_normal((1000,), mean=1.0).sub(1.0).abs().max() <= 2.0)
    True
    """
    kind = real("truncated_normal", dtype)
    return draw("truncated_normal", samplers.truncated_normal, shape, (mean, stddev), kind, seed)


def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Numbers anywhere in [minval, maxval) alike.

    Args:
        shape, dtype, seed: as in `normal`.
        minval, maxval: numbers, or tensors that broadcast to the shape and get gradients.

    >>> uniform((2, 3), -1.0, 1.0).shape
    torch.Size([2, 3])
    """
    return draw("uniform", samplers.uniform, shape, (minval, maxval), real("uniform", dtype), seed)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma numbers with scale 1: density x^(alpha - 1) exp(-x) / Gamma(alpha), x > 0; mean and variance are alpha.

    Args:
        shape, dtype, seed: as in `normal`.
        alpha: above 0: a number, or a tensor that broadcasts to the shape and gets gradients (the draw moves with it).

    >>> gamma((1000,), 3.0, seed=1).mean().round()
    tensor(3.)
    """
    return draw("gamma", samplers.gamma, shape, (alpha,), real("gamma", dtype), seed)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta numbers: density x^(alpha - 1) (1 - x)^(beta - 1) / B(alpha, beta) on 0..1; mean alpha / (alpha + beta).

    Args:
        shape, dtype, seed: as in `normal`.
        alpha, beta: above 0: numbers, or tensors that broadcast to the shape and get gradients.

    >>> beta((1000,), 1.0, 3.0, seed=1).mean().round(decimals=1)
    tensor(0.2000)
    """
    return draw("beta", samplers.beta, shape, (alpha, beta), real("beta", dtype), seed)
