"""Convolution and pooling: windows that slide over one to three spatial axes.

Data are (B, *spatial, C), or (B, C, *spatial) with `data_format="channels_first"`; kernels are (*spatial, in, out).
Padding "valid" keeps the windows inside; with "same" there are ceil(n / stride) of them, the odd position at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ShapeError

from .one_node import one_node
from .operands import common, floating, larger, ordered, placed
from .single_positions import LANES, every, skips_positions
from .spatial import as_it_came, channels_second, each, is_same

_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_Kernels = Mapping[int, Callable[..., torch.Tensor]]
_MAX: _Kernels = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: _Kernels = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@one_node
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The largest value of each window, by channel; what lies outside the input takes no part.

    Args:
        inputs: (B, *spatial, C).
        pool_size: extent of the window: one integer, or one for each spatial axis.
        strides: steps of the window; None takes `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" (default) or "channels_first".

    >>> max_pool(torch.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([1., 3.])
    """

    def reduce(x: torch.Tensor, size: Sequence[int], steps: Sequence[int], border: list[int] | None) -> torch.Tensor:
        lowest = -torch.inf if x.dtype.is_floating_point else torch.iinfo(x.dtype).min
        return _MAX[len(size)](x if border is None else F.pad(x, border, value=lowest), size, steps)

    return _pooled(reduce, inputs, pool_size, strides, padding, data_format)


@one_node
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """The mean of each window, by channel; what lies outside the input takes no part.

    Arguments as in `max_pool`.

    >>> average_pool(torch.arange(3.0).reshape(1, 3, 1), 2, padding="same").flatten()
    tensor([0.5000, 2.0000])
    """

    def reduce(x: torch.Tensor, size: Sequence[int], steps: Sequence[int], border: list[int] | None) -> torch.Tensor:
        mean = _AVERAGE[len(size)]
        if border is None:
            return mean(x, size, steps)
        inside = F.pad(torch.ones_like(x[:1, :1]), border)
        return mean(F.pad(x, border), size, steps) / mean(inside, size, steps)

    return _pooled(reduce, floating(inputs), pool_size, strides, padding, data_format)


@one_node
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution: for each window the sum of values times weights.

    Args:
        inputs: (B, *spatial, in).
        kernel: (*spatial, in / groups, out); how many groups there are follows from the channels.
        strides: steps of the window: one integer, or one for each spatial axis.
        padding: "valid" or "same".
        data_format: "channels_last" (default) or "channels_first".
        dilation_rate: distance of the values in a window.

    Raises:
        ShapeError: the kernel does not fit the input.

    >>> conv(torch.ones(1, 5, 5, 3), torch.ones(3, 3, 3, 8), padding="same").shape
    torch.Size([1, 5, 5, 8])
    """
    x, kernel, rank = _entered("conv", inputs, kernel, data_format)
    weight = kernel.permute(rank + 1, rank, *range(rank))
    if x.shape[1] % weight.shape[1]:
        raise ShapeError(
            "ops.conv: the kernel does not fit the input's channels.",
            got=f"{x.shape[1]} channels, kernel {tuple(kernel.shape)}",
            expected="a number of channels that the kernel's last but one axis divides",
        )
    groups = x.shape[1] // weight.shape[1]
    return as_it_came(_convolved(x, weight, strides, padding, dilation_rate, groups), data_format)


@one_node
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Convolution of each channel by itself, with M kernels: channel c gives the channels c * M to c * M + M - 1.

    Args:
        inputs: (B, *spatial, C).
        kernel: (*spatial, C, M).
        strides, padding, data_format, dilation_rate: as in `conv`.

    Raises:
        ShapeError: the kernel does not fit the input.

    >>> depthwise_conv(torch.ones(1, 5, 5, 3), torch.ones(3, 3, 3, 2)).shape
    torch.Size([1, 3, 3, 6])
    """
    x, kernel, rank = _entered("depthwise_conv", inputs, kernel, data_format)
    _fit("depthwise_conv", x, kernel, rank)
    weight = kernel.permute(rank, rank + 1, *range(rank)).flatten(0, 1).unsqueeze(1)
    return as_it_came(_convolved(x, weight, strides, padding, dilation_rate, x.shape[1]), data_format)


@one_node
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """`depthwise_conv`, then `conv` with windows of one position.

    Chollet 2016, https://arxiv.org/abs/1610.02357.

    Args:
        inputs: (B, *spatial, C).
        depthwise_kernel: (*spatial, C, M).
        pointwise_kernel: (*1s, C * M, out).
        strides, padding, data_format, dilation_rate: as in `conv`; of the depthwise step.

    Raises:
        ShapeError: a kernel does not fit its input.

    >>> separable_conv(torch.ones(1, 5, 5, 3), torch.ones(3, 3, 3, 2), torch.ones(1, 1, 6, 4)).shape
    torch.Size([1, 3, 3, 4])
    """
    deep = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(deep, pointwise_kernel, data_format=data_format)


@one_node
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Transposed convolution: each value adds itself times the weights to a window of the result.

    Args:
        inputs: (B, *spatial, in).
        kernel: (*spatial, out, in).
        strides: steps of the window in the result.
        padding: "valid" keeps all positions that windows cover, "same" n * stride of them.
        output_padding: how many positions more than (n - 1) * stride + k ("valid") or + k % 2 ("same") are kept; by
            default as `padding` says.
        data_format: "channels_last" (default) or "channels_first".
        dilation_rate: distance of the values in a window.

    Raises:
        ShapeError: the kernel does not fit the input.

    >>> conv_transpose(torch.ones(1, 4, 4, 3), torch.ones(3, 3, 8, 3), strides=2, padding="same").shape
    torch.Size([1, 8, 8, 8])
    """
    x, kernel, rank = _entered("conv_transpose", inputs, kernel, data_format)
    _fit("conv_transpose", x, kernel, rank + 1)
    steps, gaps = each("strides", strides, rank), each("dilation_rate", dilation_rate, rank)
    more = (None,) * rank if output_padding is None else each("output_padding", output_padding, rank, least=0)
    weight = kernel.permute(rank + 1, rank, *range(rank))
    # Of (n - 1) * stride + k positions, which is no multiple of the stride where k is 1: see single_positions.py.
    full = _TRANSPOSED[rank](x, weight, stride=steps, dilation=gaps)
    cut: list[int] = []
    for k, d, s, extra in zip(kernel.shape[:rank], gaps, steps, more, strict=True):
        front, back = _cut_off((k - 1) * d + 1, s, padding, extra)
        cut = [-front, -back, *cut]
    return as_it_came(F.pad(full, cut), data_format)


def _cut_off(k: int, s: int, padding: str, extra: int | None) -> tuple[int, int]:
    """How much of a transposed convolution's (n - 1) * s + k positions is cut off at both ends; below 0: zeros more."""
    if not is_same(padding):
        return 0, -(max(s - k, 0) if extra is None else extra)
    total = k - s if extra is None else k - k % 2 - extra
    front = max(total // 2, 0)
    return front, total - front


def _convolved(
    x: torch.Tensor, weight: torch.Tensor, strides: Any, padding: str, dilation_rate: Any, groups: int
) -> torch.Tensor:
    rank = x.ndim - 2
    steps, gaps = each("strides", strides, rank), each("dilation_rate", dilation_rate, rank)
    if groups == 1 and weight.shape[1] < LANES and skips_positions(weight.shape[2:], steps):
        x, steps = every(x, steps), (1,) * rank
    extents = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], gaps, strict=True)]
    border = _border(x.shape[2:], extents, steps, padding)
    before: tuple[int, ...] | int = 0
    if border is not None:
        starts, ends = border[::2][::-1], border[1::2][::-1]
        if not _is_traced(border) and starts == ends:
            before = tuple(starts)  # which PyTorch's kernel adds without a copy
        else:
            x = F.pad(x, border)
    return _CONVOLVE[rank](x, weight, stride=steps, padding=before, dilation=gaps, groups=groups)


def _pooled(
    reduce: Callable[..., torch.Tensor],
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
) -> torch.Tensor:
    x, rank = channels_second("pooling", ordered(inputs), data_format)
    size = each("pool_size", pool_size, rank)
    steps = size if strides is None else each("strides", strides, rank)
    return as_it_came(reduce(x, size, steps, _border(x.shape[2:], size, steps, padding)), data_format)


def _border(sizes: Sequence[int], extents: Sequence[int], steps: Sequence[int], padding: str) -> list[int] | None:
    """What "same" adds at both ends of each axis, in the order of F.pad; None where it is nothing."""
    if not is_same(padding):
        return None
    flat: list[int] = []
    for n, k, s in zip(sizes, extents, steps, strict=True):
        total = k - 1 if s == 1 else larger((-(-n // s) - 1) * s + k - n, 0)
        flat = [total // 2, total - total // 2, *flat]
    return flat if _is_traced(flat) or any(flat) else None


def _is_traced(border: list[Any]) -> bool:
    """Whether some of it is known to PyTorch's tracer only, of which nothing is asked, so that one trace serves all."""
    return any(isinstance(size, torch.SymInt) for size in border)


def _entered(name: str, inputs: Any, kernel: Any, data_format: str | None) -> tuple[torch.Tensor, torch.Tensor, int]:
    inputs, kernel = common(*map(floating, placed(inputs, kernel)))
    x, rank = channels_second(name, inputs, data_format)
    if kernel.ndim != rank + 2:
        raise ShapeError(
            f"ops.{name}: the kernel does not fit the input's axes.",
            got=f"input {tuple(inputs.shape)}, kernel {tuple(kernel.shape)}",
            expected=f"a kernel with {rank + 2} axes",
        )
    return x, kernel, rank


def _fit(name: str, x: torch.Tensor, kernel: torch.Tensor, axis: int) -> None:
    """Refuse a kernel with other channels along an axis than the input has."""
    if x.shape[1] != kernel.shape[axis]:
        raise ShapeError(
            f"ops.{name}: the kernel does not fit the input's channels.",
            got=f"{x.shape[1]} channels, kernel {tuple(kernel.shape)}",
            expected=f"a kernel with {x.shape[1]} along axis {axis}",
        )
