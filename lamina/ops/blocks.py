"""Blocks of pictures as channels or as columns, and back."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ShapeError

from .one_node import one_node
from .operands import fractional, tensor
from .spatial import each, is_channels_last


@one_node
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Channels laid out as blocks of r x r pixels: (B, H, W, C r^2) -> (B, H r, W r, C); undoes `space_to_depth`.

    Shi et al. 2016, https://arxiv.org/abs/1609.05158.

    With "channels_last" the C channels of a pixel lie side by side, with "channels_first" the r^2 pixels of a channel.

    Args:
        x: (B, H, W, C r^2), or (B, C r^2, H, W) with `data_format="channels_first"`.
        block_size: r, at least 2.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: r is below 2. ShapeError: not four axes, or r^2 does not divide the channels.

    >>> depth_to_space(torch.arange(4).reshape(1, 1, 1, 4), 2).squeeze()
    tensor([[0, 1],
            [2, 3]])
    """
    (r,) = each("block_size", block_size, 1, least=2)
    last, x = is_channels_last(data_format), _pictures("depth_to_space", x)
    channels = x.shape[-1 if last else 1]
    if channels % r**2:
        raise ShapeError(
            "ops.depth_to_space makes blocks of channels.",
            got=f"{channels} channels",
            expected=f"a multiple of {r} * {r}",
        )
    if not last:
        return F.pixel_shuffle(x, r)
    b, h, w, _ = x.shape
    return x.reshape(b, h, w, r, r, channels // r**2).transpose(2, 3).reshape(b, h * r, w * r, channels // r**2)


@one_node
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Blocks of r x r pixels laid out as channels: (B, H r, W r, C) -> (B, H, W, C r^2); undoes `depth_to_space`.

    With "channels_last" the C channels of a pixel lie side by side, with "channels_first" the r^2 pixels of a channel.

    Args:
        x: (B, H r, W r, C), or (B, C, H r, W r) with `data_format="channels_first"`.
        block_size: r, at least 2.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: r is below 2. ShapeError: not four axes, or r does not divide height and width.

    >>> space_to_depth(torch.arange(4).reshape(1, 2, 2, 1), 2).squeeze()
    tensor([0, 1, 2, 3])
    """
    (r,) = each("block_size", block_size, 1, least=2)
    last, x = is_channels_last(data_format), _pictures("space_to_depth", x)
    h, w = x.shape[1:3] if last else x.shape[2:]
    if h % r or w % r:
        raise ShapeError(
            "ops.space_to_depth cuts pictures into blocks.", got=f"{h} x {w} pixels", expected=f"multiples of {r}"
        )
    if not last:
        return F.pixel_unshuffle(x, r)
    b, c = x.shape[0], x.shape[3]
    return x.reshape(b, h // r, r, w // r, r, c).transpose(2, 3).reshape(b, h // r, w // r, c * r**2)


@one_node
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The L windows of pictures as columns: (B, C, H, W) -> (B, C * kH * kW, L), as PyTorch's `unfold`.

    Args:
        x: (B, C, H, W), channels first.
        kernel_size: (kH, kW) of a window, or one integer for both; so are the others.
        dilation: distance of the values in a window.
        padding: zeros around the picture.
        stride: steps of the window.

    Raises:
        ArgumentError: an argument cannot be. DtypeError: no floats. ShapeError: not four axes.

    >>> unfold(torch.ones(1, 2, 4, 4), 2, stride=2).shape
    torch.Size([1, 8, 4])
    """
    return F.unfold(fractional("unfold", _pictures("unfold", x)), *_steps(kernel_size, dilation, padding, stride))


@one_node
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Pictures of the sums of columns: (B, C * kH * kW, L) -> (B, C, H, W), as PyTorch's `fold`.

    Each column is added to its window, so what `unfold` cut out without overlap comes back.

    Args:
        x: (B, C * kH * kW, L).
        output_size: (H, W), or one integer for both; so are the others.
        kernel_size: (kH, kW) of a window.
        dilation: distance of the values in a window.
        padding: how many positions of the windows lie beyond the picture at either end.
        stride: steps of the window.

    Raises:
        ArgumentError: an argument cannot be. DtypeError: no floats. ShapeError: not three axes.

    >>> fold(torch.ones(1, 4, 4), (3, 3), 2).squeeze()
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    x = tensor(x)
    if x.ndim != 3:
        raise ShapeError("ops.fold takes columns.", got=f"shape {tuple(x.shape)}", expected="(B, C * kH * kW, L)")
    x = fractional("fold", x)
    return F.fold(x, each("output_size", output_size, 2), *_steps(kernel_size, dilation, padding, stride))


def _steps(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple[int, ...]]:
    named = (("kernel_size", kernel_size, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1))
    return [each(name, value, 2, least) for name, value, least in named]


def _pictures(name: str, pictures: Any) -> torch.Tensor:
    x: torch.Tensor = tensor(pictures)
    if x.ndim != 4:
        raise ShapeError(
            f"ops.{name} takes pictures.", got=f"shape {tuple(x.shape)}", expected="4 axes, with the batch"
        )
    return x
