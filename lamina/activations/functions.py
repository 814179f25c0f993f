"""Activation functions: plain functions of one tensor, most of them a single fused PyTorch call.

They use nothing but PyTorch functions and operators on `x`, so they also record nodes on symbolic tensors.
Shapes: `x` has any shape; the result has the same, except for `glu`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lamina import config
from lamina.arrays import takes_arrays
from lamina.graph.dtypes import to_torch


@takes_arrays
def linear(x: Tensor) -> Tensor:
    """`x` itself.

    >>> linear(torch.tensor([-1.0, 2.0]))
    tensor([-1.,  2.])
    """
    return x


@takes_arrays
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Rectifier: `min(x, max_value)` where `x > threshold`, else `negative_slope * (x - threshold)`.

    Args:
        x: any shape.
        negative_slope: slope of the part at or below the threshold.
        max_value: the result never exceeds it; None for no limit. It is at least 0.
        threshold: where the function starts to pass `x` on.

    >>> relu(torch.tensor([-10.0, 5.0, 12.0]), negative_slope=0.5, max_value=8.0)
    tensor([-5.,  5.,  8.])
    """
    if threshold == 0:
        if max_value is None:
            return F.leaky_relu(x, negative_slope) if negative_slope else torch.relu(x)
        if not negative_slope:
            return F.hardtanh(x, 0.0, max_value)
    above = x if max_value is None else torch.clamp(x, 0.0, max_value)
    below = negative_slope * (x - threshold) if negative_slope else 0
    return torch.where(x > threshold, above, below)


@takes_arrays
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """`x` where `x > 0`, else `negative_slope * x`.

    Args:
        x: any shape.
        negative_slope: the slope below 0.

    >>> leaky_relu(torch.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """
    return F.leaky_relu(x, negative_slope)


@takes_arrays
def relu6(x: Tensor) -> Tensor:
    """`min(max(x, 0), 6)`.

    >>> relu6(torch.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return F.relu6(x)


@takes_arrays
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`x` where `x > 0`, else `alpha * (exp(x) - 1)`.

    Clevert et al. 2015, https://arxiv.org/abs/1511.07289.

    Args:
        x: any shape.
        alpha: the limit for small x is -alpha.

    >>> elu(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return F.elu(x, alpha)


@takes_arrays
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """`x` where `x > 0`, else `alpha * (exp(x / alpha) - 1)`; its slope is continuous for every `alpha`.

    Barron 2017, https://arxiv.org/abs/1704.07483.

    Args:
        x: any shape.
        alpha: above 0; the limit for small x is -alpha.

    >>> celu(torch.tensor([-1.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  2.0000])
    """
    return F.celu(x, alpha)


@takes_arrays
def selu(x: Tensor) -> Tensor:
    """`1.0507 * elu(x, alpha=1.6733)`, which keeps mean 0 and variance 1 (with LecunNormal weights).

    Klambauer et al. 2017, https://arxiv.org/abs/1706.02515.

    >>> selu(torch.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return F.selu(x)


@takes_arrays
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """`x * P(Z <= x)` for a standard normal Z; with `approximate`, the formula made of tanh.

    Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415.

    >>> gelu(torch.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """
    return F.gelu(x, approximate="tanh" if approximate else "none")


@takes_arrays
def silu(x: Tensor) -> Tensor:
    """`x * sigmoid(x)`, also known as swish.

    Elfwing et al. 2017, https://arxiv.org/abs/1702.03118.

    >>> silu(torch.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """
    return F.silu(x)


@takes_arrays
def mish(x: Tensor) -> Tensor:
    """`x * tanh(softplus(x))`.

    Misra 2019, https://arxiv.org/abs/1908.08681.

    >>> mish(torch.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """
    return F.mish(x)


@takes_arrays
def hard_silu(x: Tensor) -> Tensor:
    """`x * hard_sigmoid(x)`, also known as hard swish.

    Howard et al. 2019, https://arxiv.org/abs/1905.02244.

    >>> hard_silu(torch.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """
    return F.hardswish(x)


@takes_arrays
def sigmoid(x: Tensor) -> Tensor:
    """`1 / (1 + exp(-x))`, in (0, 1).

    >>> sigmoid(torch.tensor([-1.0, 2.0]))
    tensor([0.2689, 0.8808])
    """
    return torch.sigmoid(x)


@takes_arrays
def log_sigmoid(x: Tensor) -> Tensor:
    """`log(sigmoid(x))`, without overflow.

    >>> log_sigmoid(torch.tensor([-100.0, 2.0]))
    tensor([-100.0000,   -0.1269])
    """
    return F.logsigmoid(x)


@takes_arrays
def hard_sigmoid(x: Tensor) -> Tensor:
    """`x / 6 + 1 / 2`, held within [0, 1].

    >>> hard_sigmoid(torch.tensor([-4.0, 1.5, 4.0]))
    tensor([0.0000, 0.7500, 1.0000])
    """
    return F.hardsigmoid(x)


@takes_arrays
def keras2_hard_sigmoid(x: Tensor) -> Tensor:
    """`0.2 x + 0.5`, held within [0, 1]: what Keras 1 and 2 call "hard_sigmoid".

    >>> keras2_hard_sigmoid(torch.tensor([-4.0, 1.0, 4.0]))
    tensor([0.0000, 0.7000, 1.0000])
    """
    return torch.clamp(0.2 * x + 0.5, 0.0, 1.0)


@takes_arrays
def sparse_sigmoid(x: Tensor) -> Tensor:
    """`(x + 1) / 2`, held within [0, 1].

    >>> sparse_sigmoid(torch.tensor([-4.0, 0.5, 4.0]))
    tensor([0.0000, 0.7500, 1.0000])
    """
    return torch.clamp(0.5 * x + 0.5, 0.0, 1.0)


@takes_arrays
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent, in (-1, 1).

    >>> tanh(torch.tensor([-1.0, 2.0]))
    tensor([-0.7616,  0.9640])
    """
    return torch.tanh(x)


@takes_arrays
def hard_tanh(x: Tensor) -> Tensor:
    """`x`, held within [-1, 1].

    >>> hard_tanh(torch.tensor([-4.0, 0.5, 4.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    return F.hardtanh(x)


@takes_arrays
def tanh_shrink(x: Tensor) -> Tensor:
    """`x - tanh(x)`.

    >>> tanh_shrink(torch.tensor([-1.0, 2.0]))
    tensor([-0.2384,  1.0360])
    """
    return F.tanhshrink(x)


@takes_arrays
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` where `|x| > threshold`, else 0.

    Args:
        x: any shape.
        threshold: from 0 on.

    >>> hard_shrink(torch.tensor([-1.0, 0.3]))
    tensor([-1.,  0.])
    """
    return F.hardshrink(x, threshold)


@takes_arrays
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """`x` moved towards 0 by `threshold`, and 0 where it would cross it.

    Args:
        x: any shape.
        threshold: from 0 on.

    >>> soft_shrink(torch.tensor([-1.0, 0.3]))
    tensor([-0.5000,  0.0000])
    """
    return F.softshrink(x, threshold)


@takes_arrays
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where `x > threshold`, else `default_value`.

    Args:
        x: any shape.
        threshold: what x has to be above to stay.
        default_value: what all else becomes.

    >>> threshold(torch.tensor([-1.0, 2.0]), 0.5, 7.0)
    tensor([7., 2.])
    """
    return torch.threshold(x, threshold, default_value)


@takes_arrays
def exponential(x: Tensor) -> Tensor:
    """`exp(x)`.

    >>> exponential(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """
    return torch.exp(x)


@takes_arrays
def softplus(x: Tensor) -> Tensor:
    """`log(1 + exp(x))`, above 0.

    >>> softplus(torch.tensor([0.0, 2.0]))
    tensor([0.6931, 2.1269])
    """
    return F.softplus(x)


@takes_arrays
def softsign(x: Tensor) -> Tensor:
    """`x / (1 + |x|)`, in (-1, 1).

    >>> softsign(torch.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return F.softsign(x)


@takes_arrays
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """`(x + sqrt(x**2 + b)) / 2`: softplus without an exponential. `b` is the width of the bend, at least 0.

    Barron 2021, https://arxiv.org/abs/2112.11687.

    Args:
        x: any shape.
        b: from 0 on: how round the bend is; 0 makes it relu.

    >>> squareplus(torch.tensor([0.0, 1.5]))
    tensor([1., 2.])
    """
    return 0.5 * (x + torch.sqrt(x * x + b))


@takes_arrays
def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, `(x + 1)**2 / 4` between -1 and 1, `x` from there on.

    >>> sparse_plus(torch.tensor([-2.0, 0.0, 3.0]))
    tensor([0.0000, 0.2500, 3.0000])
    """
    # The parabola stays at 1 from x = 1 on, where the rectifier takes over: no branch, slope right everywhere.
    return 0.25 * torch.square(torch.clamp(x + 1.0, 0.0, 2.0)) + torch.relu(x - 1.0)


@takes_arrays
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """`a * sigmoid(b)`, where `a` and `b` are the two halves of `x` along `axis`.

    Dauphin et al. 2016, https://arxiv.org/abs/1612.08083.

    >>> glu(torch.tensor([3.0, 4.0, 0.0, 0.0]))
    tensor([1.5000, 2.0000])
    """
    return F.glu(x, axis)


@takes_arrays
def softmax(x: Tensor, axis: int | Sequence[int] | None = -1) -> Tensor:
    """`exp(x) / sum(exp(x))` along `axis`: values in (0, 1) that sum to 1.

    Args:
        x: any shape.
        axis: one axis, several that share the sum, or None for all.

    Whole numbers are computed in `floatx`.

    >>> softmax(torch.tensor([0.0, 0.0, 0.6931]))
    tensor([0.2500, 0.2500, 0.5000])
    """
    x = _with_fractions(x)
    if isinstance(axis, int):
        return F.softmax(x, axis)
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis)
    return torch.exp(x - torch.logsumexp(x, axes, keepdim=True))


@takes_arrays
def log_softmax(x: Tensor, axis: int | Sequence[int] | None = -1) -> Tensor:
    """`log(softmax(x, axis))`, without overflow. `axis` as in `softmax`.

    >>> log_softmax(torch.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """
    x = _with_fractions(x)
    if isinstance(axis, int):
        return F.log_softmax(x, axis)
    axes = tuple(range(x.ndim)) if axis is None else tuple(axis)
    return x - torch.logsumexp(x, axes, keepdim=True)


@takes_arrays
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """`max(x - t, 0)`, with the `t` that makes the sum along `axis` 1: a softmax that gives exact zeros.

    Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068.

    Args:
        x: any shape.
        axis: along which the results sum to 1.

    >>> sparsemax(torch.tensor([2.0, 1.5, -1.0]))
    tensor([0.7500, 0.2500, 0.0000])
    """
    # Moving x changes nothing but keeps the running sums small, so that no digits are lost.
    x = x - torch.amax(x, axis, keepdim=True)
    largest_first = torch.sort(x, dim=axis, descending=True).values
    rank = torch.cumsum(torch.ones_like(largest_first), axis)
    chosen = 1.0 + rank * largest_first > torch.cumsum(largest_first, axis)
    total = torch.sum(torch.where(chosen, largest_first, 0), axis, keepdim=True)
    t = (total - 1.0) / torch.sum(chosen, axis, keepdim=True)
    return torch.relu(x - t)


def _with_fractions(x: Tensor) -> Tensor:
    return x if x.dtype.is_floating_point or x.dtype.is_complex else x.to(to_torch(config.floatx()))
