"""Filters: each pixel becomes a weighted sum of those around it, by columns and then by rows."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError
from lamina.ops.one_node import one_node
from lamina.ops.operands import tensor
from lamina.ops.spatial import each, is_channels_last

from .frame import as_batch, as_given, computable, in_dtype


@one_node
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Pictures smoothed by weights `exp(-d^2 / (2 sigma^2))` of the distance d in pixels, scaled to a sum of 1.

    Beyond the border all is 0, so that edges darken.

    Args:
        images: (H, W, C) or (B, H, W, C).
        kernel_size: (width, height) of the window in pixels.
        sigma: (along the width, along the height), in pixels.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be. ShapeError: not three or four axes.

    >>> gaussian_blur(torch.ones(1, 3, 1), (3, 1)).flatten()
    tensor([0.7259, 1.0000, 0.7259])
    """
    columns, rows = each("kernel_size", kernel_size, 2)
    if not isinstance(sigma, torch.Tensor) and (not isinstance(sigma, (list, tuple)) or len(sigma) != 2):
        raise ArgumentError(f"sigma cannot be {sigma!r}.", expected="two numbers, along the width and the height")
    images = tensor(images)
    x = computable(as_batch("gaussian_blur", images, data_format))
    down, across = (bell(n, s, x) for n, s in ((rows, sigma[1]), (columns, sigma[0])))
    return as_given(in_dtype(filtered(x, down, across, same=True), images.dtype), images.ndim, data_format)


@one_node
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How steeply each pixel's surroundings rise downwards and to the right, by Sobel's filters.

    The slope along an axis is the difference `[-1, 0, 1]` of the neighbours, smoothed across it by `[1, 2, 1]`; beyond
    the border all is 0.

    Args:
        images: (H, W, C) or (B, H, W, C); whole numbers give whole numbers of at least 32 bits.
        data_format: "channels_last" (default) or "channels_first".

    Returns:
        The same shape with one axis more at the end: (dy, dx).

    Raises:
        ShapeError: not three or four axes.

    >>> sobel_edges(torch.arange(3.0).expand(3, 3).unsqueeze(-1))[1, 1, 0]
    tensor([0., 8.])
    """
    images = tensor(images)
    whole = not images.dtype.is_floating_point
    x = as_batch("sobel_edges", images, data_format)
    x = x.double() if whole else x
    smooth, slope = x.new_tensor([1, 2, 1]), x.new_tensor([-1, 0, 1])
    edges = torch.stack([filtered(x, slope, smooth, same=True), filtered(x, smooth, slope, same=True)], -1)
    if is_channels_last(data_format):
        edges = edges.movedim(1, 3)
    edges = edges.to(torch.promote_types(images.dtype, torch.int32)) if whole else edges
    return edges.squeeze(0) if images.ndim == 3 else edges


def bell(size: int, sigma: Any, like: torch.Tensor) -> torch.Tensor:
    """`size` weights of a Gaussian around their middle, with the sum 1, in the dtype of `like`.

    Raises:
        ArgumentError: sigma is not above 0.
    """
    if not isinstance(sigma, torch.Tensor) and not sigma > 0:
        raise ArgumentError(f"sigma cannot be {sigma!r}.", expected="a number above 0, in pixels")
    precise = torch.promote_types(like.dtype, torch.float32)
    distance = torch.arange(size, dtype=precise, device=like.device) - (size - 1) / 2
    weights = torch.exp(-0.5 * (distance / sigma) ** 2)
    return (weights / weights.sum()).to(like.dtype)


def filtered(x: torch.Tensor, down: torch.Tensor, across: torch.Tensor, same: bool) -> torch.Tensor:
    """(B, C, H, W) with `down` laid over its columns and `across` over its rows; `same` keeps the size.

    Without `same` only those pixels are left whose window lies in the picture.
    """
    n, rows, columns = x.shape[1], down.numel(), across.numel()
    before = ((rows - 1) // 2, (columns - 1) // 2) if same else (0, 0)
    if same and not (rows % 2 and columns % 2):
        x = F.pad(x, (0, 1 - columns % 2, 0, 1 - rows % 2))  # a window of even size reaches further at its end
    # As channels_last, PyTorch's kernel on CPUs takes a tenth of the time (8 x 128 x 128 x 3, windows of 7 pixels).
    x = x.contiguous(memory_format=torch.channels_last)
    x = F.conv2d(x, down.reshape(1, 1, -1, 1).expand(n, -1, -1, -1), padding=(before[0], 0), groups=n)
    return F.conv2d(x, across.reshape(1, 1, 1, -1).expand(n, -1, -1, -1), padding=(0, before[1]), groups=n)
