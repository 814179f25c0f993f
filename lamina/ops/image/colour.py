"""Colours: as red, green and blue, as hue, saturation and value, or as grey."""

from __future__ import annotations

from typing import Any

import torch

from lamina.ops.one_node import one_node
from lamina.ops.operands import tensor

from .frame import as_batch, as_given, check_channels, check_floats

_LUMA = (0.2989, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601


@one_node
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """How bright each pixel looks: `0.2989 R + 0.587 G + 0.114 B`, as one channel.

    Args:
        images: with three channels; with one, they are grey already.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ShapeError: another number of axes or channels.

    >>> rgb_to_grayscale(torch.ones(2, 2, 3)).shape
    torch.Size([2, 2, 1])
    """
    images = tensor(images)
    x = as_batch("rgb_to_grayscale", images, data_format)
    check_channels("rgb_to_grayscale", images, x, (1, 3))
    if x.shape[1] == 3:
        x = luma(x, 1)
    return as_given(x, images.ndim, data_format)


def luma(x: torch.Tensor, axis: int) -> torch.Tensor:
    """`rgb_to_grayscale` of three channels that lie on this axis, which stays."""
    red, green, blue = x.split(1, axis)
    if x.is_floating_point():
        return torch.mul(red, _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return torch.mul(red, _LUMA[0]).add(_LUMA[1] * green).add(_LUMA[2] * blue).to(x.dtype)


@one_node
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value of each pixel, all from 0 to 1.

    With M and m the largest and the smallest of R, G and B: V = M, S = (M - m) / M, and H goes around the circle of
    colours: red at 0, green at 1/3, blue at 2/3. Grey has hue 0, black saturation 0.

    Args:
        images: floats from 0 to 1, three channels.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        DtypeError: no floats. ShapeError: another number of axes or channels.

    >>> rgb_to_hsv(torch.tensor([[[0.0, 0.5, 0.0]]]))
    tensor([[[0.3333, 1.0000, 0.5000]]])
    """
    images = tensor(images)
    check_floats("rgb_to_hsv", images)
    x = as_batch("rgb_to_hsv", images, data_format)
    check_channels("rgb_to_hsv", images, x, (3,))
    x = torch.where(x.abs() < torch.finfo(x.dtype).eps, 0.0, x)
    red, green, blue = x.unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)
    spread = value - torch.minimum(torch.minimum(red, green), blue)
    coloured = spread > 0
    sixth = 1 / (6 * torch.where(coloured, spread, 1.0))
    hue = torch.where(value == green, sixth * (blue - red) + 1 / 3, sixth * (red - green) + 2 / 3)
    hue = torch.where(value == red, sixth * (green - blue), hue)
    hue = torch.where(coloured, torch.where(hue < 0, hue + 1, hue), 0.0)
    bright = value > 0
    saturation = torch.where(bright, spread / torch.where(bright, value, 1.0), 0.0)
    return as_given(torch.stack([hue, saturation, value], 1), images.ndim, data_format)


@one_node
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue of each pixel: what `rgb_to_hsv` undoes.

    A colour at the distance d (in sixths of the circle) from a hue holds `V * (1 - S * clip(d - 1, 0, 1))` of it.

    Args:
        images: hue, saturation and value as three channels, floats from 0 to 1; hue may go round more than once.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        DtypeError: no floats. ShapeError: another number of axes or channels.

    >>> hsv_to_rgb(torch.tensor([[[1 / 3, 1.0, 0.5]]]))
    tensor([[[0.0000, 0.5000, 0.0000]]])
    """
    images = tensor(images)
    check_floats("hsv_to_rgb", images)
    x = as_batch("hsv_to_rgb", images, data_format)
    check_channels("hsv_to_rgb", images, x, (3,))
    hue, saturation, value = x.unbind(1)
    angle = hue.remainder(1.0) * 6

    def part(distance: torch.Tensor) -> torch.Tensor:
        return value * (1 - saturation * (distance - 1).clamp(0, 1))

    from_red = 3 - (angle - 3).abs()  # the shorter way around
    parts = [part(from_red), part((angle - 2).abs()), part((angle - 4).abs())]
    return as_given(torch.stack(parts, 1), images.ndim, data_format)
