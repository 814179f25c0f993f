"""What the draws of `lamina.random` compute, on real tensors: each of these is a node of a graph.

The first argument is a tensor whose device the numbers are made on, or None where the parameters tell; the last is the
seed: None, an integer, or the state of a `SeedGenerator`, which goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import ArgumentError, tree
from lamina.graph.infer import Array
from lamina.operations import described

from . import seeded
from .seed_generator import next_of

__all__ = (
    "beta binomial categorical dropout gamma normal randint shuffle truncated_normal uniform"
).split()  # the names that a file may call

# Standard deviations at which a truncated normal is cut, and the share of a normal that lies within.
_CUT = 2.0
_SHARE_WITHIN_CUT = math.erf(_CUT / math.sqrt(2.0))


def seed_of(seed: Any) -> torch.Tensor | None:
    """The seed of one draw, as `lamina.random.seeded` wants it."""
    if seed is None:
        return None
    if isinstance(seed, int):
        return torch.tensor([seed, 0], dtype=torch.int64, device="cpu")
    return next_of(seed)


def normal(beside: Any, shape: tuple[int, ...], mean: Any, stddev: Any, dtype: torch.dtype, seed: Any) -> torch.Tensor:
    z = seeded.normal(shape, dtype, _device(beside, mean, stddev), seed_of(seed))
    result: torch.Tensor = (mean + stddev * z).to(dtype)
    return result


def truncated_normal(
    beside: Any, shape: tuple[int, ...], mean: Any, stddev: Any, dtype: torch.dtype, seed: Any
) -> torch.Tensor:
    # One uniform draw sent through the inverse of the distribution function; in half precision it would be coarse.
    precise = _precise(dtype)
    u = seeded.uniform(shape, precise, _device(beside, mean, stddev), seed_of(seed))
    z = torch.erfinv((2 * u - 1) * _SHARE_WITHIN_CUT) * math.sqrt(2.0)
    result: torch.Tensor = (mean + stddev * z).to(dtype)
    return result


def uniform(
    beside: Any, shape: tuple[int, ...], minval: Any, maxval: Any, dtype: torch.dtype, seed: Any
) -> torch.Tensor:
    u = seeded.uniform(shape, dtype, _device(beside, minval, maxval), seed_of(seed))
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)) and (minval, maxval) == (0, 1):
        return u
    drawn = (minval + (maxval - minval) * u).to(dtype)
    # Of a narrow range far from 0 the sum may round to the upper bound, which is not in it.
    return torch.where(drawn == maxval, torch.as_tensor(minval, dtype=dtype, device=drawn.device), drawn)


def randint(beside: Any, shape: tuple[int, ...], minval: int, maxval: int, dtype: torch.dtype, seed: Any) -> Any:
    return seeded.integers(shape, minval, maxval, dtype, _device(beside), seed_of(seed))


def gamma(beside: Any, shape: tuple[int, ...], alpha: Any, dtype: torch.dtype, seed: Any) -> torch.Tensor:
    (alpha,) = _parameters(beside, shape, dtype, alpha)
    return seeded.gamma(alpha, seed_of(seed)).to(dtype)


def beta(beside: Any, shape: tuple[int, ...], alpha: Any, beta: Any, dtype: torch.dtype, seed: Any) -> torch.Tensor:
    alpha, beta = _parameters(beside, shape, dtype, alpha, beta)
    return seeded.beta(alpha, beta, seed_of(seed)).to(dtype)


def binomial(
    beside: Any, shape: tuple[int, ...], counts: Any, probabilities: Any, dtype: torch.dtype, seed: Any
) -> torch.Tensor:
    counts, probabilities = _parameters(beside, shape, dtype, counts, probabilities)
    return seeded.binomial(counts.detach(), probabilities.detach(), seed_of(seed)).to(dtype)


def categorical(logits: torch.Tensor, num_samples: int, dtype: torch.dtype, seed: Any) -> torch.Tensor:
    probabilities = torch.softmax(logits.detach().to(_precise(logits.dtype)), -1)
    return seeded.categorical(probabilities, num_samples, seed_of(seed)).to(dtype)


@described("features")  # a mask over positions goes through it, as through the layer `Dropout`
def dropout(inputs: torch.Tensor, rate: float, noise_shape: Any, seed: Any) -> torch.Tensor:
    sizes = tuple(inputs.shape)
    if noise_shape is not None:
        sizes = tuple(own if size is None else size for size, own in zip(noise_shape, sizes, strict=True))
    u = seeded.uniform(sizes, _precise(inputs.dtype), inputs.device, seed_of(seed))
    gain = 1.0 / (1.0 - rate) if rate < 1 else 0.0
    return inputs * (u >= rate).to(inputs.dtype) * gain


def shuffle(x: torch.Tensor, axis: int, seed: Any) -> torch.Tensor:
    draws = seeded.uniform(x.shape[: axis + 1], torch.float64, _device(x), seed_of(seed))
    order = draws.argsort(axis)
    return x.gather(axis, order.reshape(order.shape + (1,) * (x.ndim - axis - 1)).expand(x.shape))


# -- shapes, for the graph: tensors without storage need not be drawn for that


def _filled_shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Array:
    _, shape, *parameters, dtype, _ = args
    given = [leaf.shape for leaf in tree.leaves(parameters) if isinstance(leaf, Array)]
    refuse_unlike(tuple(shape), given)
    return Array(tuple(shape), dtype)


def _same_shape(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Array:
    return Array(args[0].shape, args[0].dtype)


def _shape_of_categories(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Array:
    logits, num_samples, dtype, _ = args
    return Array((logits.shape[0], num_samples), dtype)


def _with_rule(rule: Callable[..., Array], *samplers: Any) -> None:
    for sampler in samplers:
        sampler.output_example = rule


_with_rule(_filled_shape, normal, truncated_normal, uniform, randint, gamma, beta, binomial)
_with_rule(_same_shape, dropout, shuffle)
_with_rule(_shape_of_categories, categorical)

# -- parameters


def refuse_unlike(shape: tuple[int, ...], parameters: list[Any]) -> None:
    """Raise ArgumentError if a parameter of one of these shapes does not broadcast to the shape of a draw."""
    for own in parameters:
        pairs = zip(reversed(own), reversed(shape), strict=False)
        if len(own) > len(shape) or any(size not in (1, wanted) for size, wanted in pairs):
            raise ArgumentError(
                "A parameter does not broadcast to the shape of the random draw.",
                got=f"{tuple(own)} for {tuple(shape)}",
            )


def _device(*candidates: Any) -> torch.device:
    """The device of the first tensor, else PyTorch's default one."""
    for value in candidates:
        if isinstance(value, torch.Tensor):
            return value.device
    return torch.empty(0).device


def _precise(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype is torch.float64 else torch.float32


def _parameters(beside: Any, shape: tuple[int, ...], dtype: torch.dtype, *values: Any) -> list[torch.Tensor]:
    """Numbers and tensors in the shape of the draw, float32 or float64."""
    device, kind = _device(beside, *values), _precise(dtype)
    return [torch.as_tensor(value, dtype=kind, device=device).expand(shape).contiguous() for value in values]
