"""Initializers that choose the variance by the number of units a weight connects (Glorot, He, LeCun)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lamina.graph.errors import ArgumentError

from .random import CUT, SHARE_WITHIN_CUT, RandomInitializer, fill_truncated_normal
from .seeds import seed_config

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")

# Standard deviation of a standard normal after the cut: the variance is 1 - 2 c p(c) / P(|Z| < c), with density p.
_STDDEV_AFTER_CUT = math.sqrt(
    1.0 - 2.0 * CUT * math.exp(-0.5 * CUT * CUT) / (math.sqrt(2.0 * math.pi) * SHARE_WITHIN_CUT)
)


def compute_fans(
    shape: Sequence[int], input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Number of units that feed one output, and that one input feeds.

    A kernel is (..., in, out); the axes before are its window, whose size multiplies both. A vector counts its length
    twice. Where both `input_axes` and `output_axes` are given, each number is the product of those axes instead.

    >>> compute_fans((3, 3, 16, 32))
    (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


class VarianceScaling(RandomInitializer):
    """Draws with mean 0 and variance `scale / n`, where `n` is the number of units that `mode` names.

    Args:
        scale: positive factor.
        mode: "fan_in" (inputs), "fan_out" (outputs) or "fan_avg" (their mean).
        distribution: "truncated_normal" (the same as "normal"; cut at two standard deviations, then widened back to
            the variance), "untruncated_normal" or "uniform".
        seed: an integer, a generator of seeds or None, see `RandomInitializer`.
        input_axes: axes of the shape that count the inputs, where not the last but one.
        output_axes: axes of the shape that count the outputs, where not the last.

    Raises:
        ArgumentError: an argument has none of these values.

    >>> VarianceScaling(scale=3.0, distribution="uniform", seed=1)((300, 400)).abs().max().round(decimals=2)
    tensor(0.1700)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if not scale > 0:
            raise self._refusal("scale", scale, "a number above 0")
        if mode not in _MODES:
            raise self._refusal("mode", mode, " or ".join(_MODES))
        if distribution not in _DISTRIBUTIONS:
            raise self._refusal("distribution", distribution, " or ".join(_DISTRIBUTIONS))
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes

    def _refusal(self, name: str, value: Any, expected: str) -> ArgumentError:
        return ArgumentError(
            f"{type(self).__name__} cannot use this {name}.", got=f"{name}={value!r}", expected=expected
        )

    def fill(self, tensor: Tensor, generator: torch.Generator | None) -> None:
        """Write the draws."""
        fan_in, fan_out = compute_fans(tensor.shape, self.input_axes, self.output_axes)
        units = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, units))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            tensor.uniform_(-limit, limit, generator=generator)
        elif self.distribution == "truncated_normal":
            fill_truncated_normal(tensor, 0.0, stddev / _STDDEV_AFTER_CUT, generator)
        else:
            tensor.normal_(0.0, stddev, generator=generator)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
        }


class _NamedScaling(VarianceScaling):
    """Base of the variance scalings that go by a person's name: scale, mode and distribution are fixed."""

    _FIXED: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._FIXED, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"seed": seed_config(self.seed), "input_axes": self.input_axes, "output_axes": self.output_axes}


class GlorotUniform(_NamedScaling):
    """Uniform in ±sqrt(6 / (fan_in + fan_out)); arguments as in `VarianceScaling`.

    >>> bool(GlorotUniform()((10, 14)).abs().max() <= 0.5)
    True
    """

    _FIXED = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal of variance 2 / (fan_in + fan_out); arguments as in `VarianceScaling`.

    >>> GlorotNormal(seed=1)((300, 500)).std().round(decimals=2)
    tensor(0.0500)
    """

    _FIXED = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform in ±sqrt(6 / fan_in); arguments as in `VarianceScaling`.

    >>> bool(HeUniform()((24, 10)).abs().max() <= 0.5)
    True
    """

    _FIXED = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal of variance 2 / fan_in; arguments as in `VarianceScaling`.

    >>> HeNormal(seed=1)((800, 100)).std().round(decimals=2)
    tensor(0.0500)
    """

    _FIXED = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform in ±sqrt(3 / fan_in); arguments as in `VarianceScaling`.

    >>> bool(LecunUniform()((12, 10)).abs().max() <= 0.5)
    True
    """

    _FIXED = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal of variance 1 / fan_in; arguments as in `VarianceScaling`.

    >>> LecunNormal(seed=1)((400, 100)).std().round(decimals=2)
    tensor(0.0500)
    """

    _FIXED = (1.0, "fan_in", "truncated_normal")
