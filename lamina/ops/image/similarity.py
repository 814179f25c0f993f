"""How alike pictures are: by their structure, and by their error."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ShapeError
from lamina.ops.one_node import one_node
from lamina.ops.operands import common, floating, ordered
from lamina.ops.spatial import each

from .filters import bell, filtered
from .frame import as_batch


@one_node
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Structural similarity, from -1 to 1; 1 for equal pictures.

    Over each window that lies in the picture, with Gaussian weights, means m, variances v and the covariance v12:
    `(2 m1 m2 + c1) (2 v12 + c2) / ((m1^2 + m2^2 + c1) (v1 + v2 + c2))`, averaged over windows and channels, where
    `c = (k * max_val)^2`. Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861.

    Args:
        image1, image2: (H, W, C) or (B, H, W, C), of one shape.
        max_val: the range of the values: 1 or 255.
        filter_size: extent of the window in pixels.
        filter_sigma: of its weights, in pixels.
        k1, k2: small numbers that keep dark and flat windows from dividing by nothing.
        data_format: "channels_last" (default) or "channels_first".

    Returns:
        One number, or (B,).

    Raises:
        ShapeError: two shapes, not three or four axes, or a picture smaller than the window.

    >>> ssim(torch.eye(12).unsqueeze(-1), torch.eye(12).unsqueeze(-1))
    tensor(1.)
    """
    first, second = (ordered(floating(x)) for x in common(image1, image2))
    _check_alike("image.ssim", first, second)
    x1, x2 = (as_batch("ssim", x, data_format) for x in (first, second))
    (size,) = each("filter_size", filter_size, 1)
    if size > min(x1.shape[2:]):
        raise ShapeError(
            "ops.image.ssim: the pictures are smaller than the window.",
            got=f"{x1.shape[2]} x {x1.shape[3]} pixels, filter_size={size}",
            hint=f"filter_size={min(x1.shape[2:])} or less",
        )
    window = bell(size, filter_sigma, x1)
    sums = filtered(torch.cat([x1, x2, x1 * x1, x2 * x2, x1 * x2], 1), window, window, same=False)
    m1, m2, s11, s22, s12 = sums.chunk(5, 1)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    light = (2 * m1 * m2 + c1) / (m1 * m1 + m2 * m2 + c1)
    structure = (2 * (s12 - m1 * m2) + c2) / (s11 - m1 * m1 + s22 - m2 * m2 + c2)
    result = (light * structure).mean((1, 2, 3))
    return result.squeeze(0) if first.ndim == 3 else result


@one_node
def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio in decibels: `20 log10(max_val) - 10 log10(mean((x1 - x2)^2))`; inf for equal ones.

    Args:
        x1, x2: of one shape.
        max_val: the range of the values: 1 or 255.

    Raises:
        ShapeError: two shapes.

    >>> psnr(torch.zeros(2, 2), torch.full((2, 2), 0.1), 1.0)
    tensor(20.)
    """
    first, second = (floating(x) for x in common(x1, x2))
    _check_alike("psnr", first, second)
    largest = torch.as_tensor(max_val, dtype=first.dtype, device=first.device)
    return 20 * largest.log10() - 10 * (first - second).square().mean().log10()


def _check_alike(name: str, first: torch.Tensor, second: torch.Tensor) -> None:
    if first.shape != second.shape:
        raise ShapeError(
            f"ops.{name} compares pictures of one shape.", got=f"{tuple(first.shape)} and {tuple(second.shape)}"
        )
