"""Batch renormalization: the batch's mean and deviation, corrected towards those of the batches before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lamina.layers.arguments import refuse

_KEYS = ("rmax", "rmin", "dmax")


def checked_clipping(layer: object, given: Any) -> dict[str, float]:
    """Limits of the correction, by the names that Keras gives them.

    Raises:
        ArgumentError: another key, limits in the wrong order, or a negative one.
    """
    if given is None:
        return {}
    expected = "a dict of 'rmax', 'rmin' and 'dmax', or of some of them"
    if not isinstance(given, Mapping) or not set(given) <= set(_KEYS):
        raise refuse(layer, "renorm_clipping", given, expected)
    rmax, rmin, dmax = (given.get(key) for key in _KEYS)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise refuse(layer, "renorm_clipping", given, "rmax at least as large as rmin")
    if dmax is not None and dmax < 0:
        raise refuse(layer, "renorm_clipping", given, "a dmax of 0 or more")
    return dict(given)


def add_renorm_weights(layer: Any, channels: int) -> None:
    """The deviation that inference uses, and the mean and deviation that training is corrected towards."""

    def deviation(shape: Any, dtype: Any = None) -> torch.Tensor:
        variance: torch.Tensor = layer.moving_variance_initializer(shape, dtype)
        return variance.sqrt()

    made = {
        "moving_stddev": deviation,
        "renorm_mean": layer.moving_mean_initializer,
        "renorm_stddev": deviation,
    }
    for name, initializer in made.items():
        weight = layer.add_weight((channels,), name=name, initializer=initializer, trainable=False, autocast=False)
        setattr(layer, name, weight)


def corrected(
    layer: Any, mean: torch.Tensor, variance: torch.Tensor
) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """``gamma`` and ``beta`` (C,) that make the normalized batch what it would be under the averages of before; these
    take a step towards the batch.

    With deviation ``s = sqrt(variance + epsilon)`` the normalized values become ``x * r + d``, where ``r = s /
    renorm_stddev`` and ``d = (mean - renorm_mean) / renorm_stddev``, within the limits; no gradient flows through them.
    """
    mean, deviation = mean.detach(), (variance.detach() + layer.epsilon).sqrt()
    before = layer.renorm_stddev.to(mean.dtype).clamp_min(layer.epsilon**0.5)
    r = deviation / before
    d = (mean - layer.renorm_mean.to(mean.dtype)) / before
    limits = layer.renorm_clipping or {}
    if "rmin" in limits or "rmax" in limits:
        r = r.clamp(limits.get("rmin"), limits.get("rmax"))
    if "dmax" in limits:
        d = d.clamp(-limits["dmax"], limits["dmax"])
    _step(layer.renorm_mean, mean, layer.renorm_momentum)
    _step(layer.renorm_stddev, deviation, layer.renorm_momentum)
    _step(layer.moving_mean, mean, layer.momentum)
    _step(layer.moving_stddev, deviation, layer.momentum)
    spread = layer.moving_stddev.detach().to(mean.dtype)
    layer.moving_variance.copy_((spread * spread - layer.epsilon).relu())
    gamma = r if layer.gamma is None else r * layer.gamma
    beta = d if layer.gamma is None else d * layer.gamma
    return gamma, beta if layer.beta is None else beta + layer.beta


def _step(average: torch.Tensor, value: torch.Tensor, momentum: float) -> None:
    average.lerp_(value.to(average.dtype), 1.0 - momentum)
