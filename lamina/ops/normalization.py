"""Values moved and scaled: by their own mean and variance, by given ones, or to length 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from lamina import config
from lamina.graph import ArgumentError, DtypeError

from .one_node import one_node
from .operands import floating, here, placed, plain_axes, reduced


@one_node
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """`x / max(length of x along axis, epsilon)`.

    Args:
        x: any shape.
        axis: along which the length is taken: one or several, None for all.
        order: which length, a whole number: 2 is Euclid's, 1 the sum of absolute values.
        epsilon: what stands for shorter lengths; 1e-7 by default.

    Raises:
        ArgumentError: an order that is no whole number above 0.

    >>> normalize([3.0, 4.0])
    tensor([0.6000, 0.8000])
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise ArgumentError("ops.normalize needs a whole order.", got=f"order={order!r}", expected="an int >= 1")
    x = floating(x)
    length = torch.linalg.vector_norm(x, order, plain_axes(x, axis), keepdim=True)
    return x / length.clamp(min=config.epsilon() if epsilon is None else epsilon)


@one_node
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """(mean, variance) over the axes. A float16 input is computed in float32, and the result held to float16's range.

    Args:
        x: any shape.
        axes: one or several.
        keepdims: whether the axes stay, with size 1.
        synchronized: across devices; not done here.

    Raises:
        ArgumentError: synchronized moments are asked for.

    >>> moments([[1.0, 3.0], [1.0, 5.0]], axes=1)
    (tensor([2., 3.]), tensor([1., 4.]))
    """
    if synchronized:
        raise ArgumentError("ops.moments: synchronized=True is not supported.", hint="synchronized=False")
    x = floating(x)
    wide = x.float() if x.dtype == torch.float16 else x
    wide_values, places, keepdims = reduced(wide, axes, keepdims)
    variance, mean = torch.var_mean(wide_values, places, correction=0, keepdim=keepdims)
    if wide is not x:
        limits = torch.finfo(x.dtype)
        mean, variance = (m.clamp(limits.min, limits.max).to(x.dtype) for m in (mean, variance))
    return mean, variance


@one_node
def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, with one of each for every index of `axis`.

    Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167.

    Args:
        x: any shape, with size C along `axis`.
        mean, variance: (C,).
        axis: the channels.
        offset, scale: (C,), or None for 0 and 1.
        epsilon: added to the variance.

    >>> batch_normalization([[1.0, 10.0]], [0.0, 9.0], [1.0, 1.0], axis=-1, epsilon=0.0)
    tensor([[1., 1.]])
    """
    x, mean, variance, offset, scale = (
        None if v is None else floating(v) for v in placed(x, mean, variance, offset, scale)
    )
    sizes = [1] * x.ndim
    sizes[axis] = -1
    factor = torch.rsqrt(variance + epsilon).to(x.dtype)
    factor = factor if scale is None else factor * scale
    result = (x - mean.reshape(sizes)) * factor.reshape(sizes)
    return (result if offset is None else result + offset.reshape(sizes)).to(x.dtype)


@one_node
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None, **kwargs: Any
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the moments over the axes.

    Ba et al. 2016, https://arxiv.org/abs/1607.06450.

    Args:
        x: any shape.
        gamma, beta: of the axes' sizes, or None for 1 and 0.
        axis: one or several.
        epsilon: added to the variance; 1e-7 by default.
        kwargs: none; a name that Keras once had is an error.

    Raises:
        ArgumentError: an argument of another name. DtypeError: complex numbers.

    >>> layer_normalization([1.0, 3.0])
    tensor([-1.,  1.])
    """
    if kwargs:
        raise ArgumentError(f"ops.layer_normalization has no argument {next(iter(kwargs))!r}.")
    x, factor, shift = (None if v is None else floating(v) for v in placed(x, gamma, beta))
    if x.dtype.is_complex:
        raise DtypeError(
            "ops.layer_normalization takes real numbers.", got=f"x of {x.dtype}", expected="floats", where=here()
        )
    axes = sorted(plain_axes(x, axis))
    moved = torch.movedim(x, axes, _last(axes))
    sizes = moved.shape[x.ndim - len(axes) :]
    factor, shift = (None if w is None else w.reshape(sizes).to(x.dtype) for w in (factor, shift))
    result = F.layer_norm(moved, sizes, factor, shift, eps=config.epsilon() if epsilon is None else epsilon)
    return torch.movedim(result, _last(axes), axes)


@one_node
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """`x / sqrt(mean(x**2) + epsilon) * scale`, with the mean over the axes.

    Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467.

    Args:
        x: any shape.
        scale: of the axes' sizes, or None for 1.
        axis: one or several.
        epsilon: added to the mean; 1e-7 by default.

    >>> rms_normalization([3.0, 4.0])
    tensor([0.8485, 1.1314])
    """
    x, scale = placed(x, scale)
    x = floating(x)
    axes = sorted(plain_axes(x, axis))
    result = x * torch.rsqrt(x.square().mean(axes, keepdim=True) + (config.epsilon() if epsilon is None else epsilon))
    if scale is None:
        return result
    sizes = [n if place in axes else 1 for place, n in enumerate(x.shape)]
    return (result * floating(scale).reshape(sizes)).to(x.dtype)


def _last(axes: Sequence[int]) -> list[int]:
    """The last places, as many as there are axes."""
    return list(range(-len(axes), 0))
