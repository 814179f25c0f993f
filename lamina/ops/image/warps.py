"""Pictures whose pixels come from elsewhere: moved, turned, sheared, seen from aside, or kneaded."""

from __future__ import annotations

from typing import Any

import torch

from lamina.graph import ArgumentError, ShapeError
from lamina.ops.one_node import one_node
from lamina.ops.operands import placed, tensor

from .filters import bell, filtered
from .frame import as_batch, as_given, computable
from .sampling import check_fill_mode, interpolation_order, sample


@one_node
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Each pixel (x, y) of the result is that of the input at `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`.

    `k = c0 x + c1 y + 1`, so with c0 = c1 = 0 the map is affine. x counts columns, y rows, both from 0.

    Args:
        images: (H, W, C) or (B, H, W, C).
        transform: (8,): a0, a1, a2, b0, b1, b2, c0, c1; or (B, 8), one for each picture.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies beyond the picture: "constant", "nearest", "wrap", "mirror" or "reflect"; see
            `map_coordinates`.
        fill_value: for "constant".
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: there is no such word. ShapeError: the axes do not fit.

    >>> shift = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    >>> affine_transform(torch.arange(4.0).reshape(1, 4, 1), shift).flatten()
    tensor([1., 2., 3., 0.])
    """
    images, transform = placed(images, transform)
    if transform.ndim not in (1, 2) or transform.shape[-1] != 8:
        raise ShapeError(
            "ops.image.affine_transform takes eight numbers.",
            got=str(tuple(transform.shape)),
            expected="(8,) or (B, 8)",
        )
    return _mapped("affine_transform", images, transform, interpolation, fill_mode, fill_value, data_format)


@one_node
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Pictures moved so that four points come to four others, straight lines staying straight.

    Args:
        images: (H, W, C) or (B, H, W, C).
        start_points: where the points are, as (x, y) in pixels: (4, 2), or (B, 4, 2) with four for each picture.
        end_points: where they go, of the same shape; no three on one line.
        interpolation: "nearest" or "bilinear".
        fill_value: the colour of what lies beyond the picture.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: there is no such interpolation. ShapeError: the axes do not fit.

    >>> corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0]])
    >>> picture = torch.arange(16.0).reshape(4, 4, 1)
    >>> torch.allclose(perspective_transform(picture, corners, corners), picture, atol=1e-4)
    True
    """
    images, start, end = placed(images, start_points, end_points)
    if start.shape != end.shape or start.ndim not in (2, 3) or start.shape[-2:] != (4, 2):
        raise ShapeError(
            "ops.image.perspective_transform takes four points and where they go.",
            got=f"start_points {tuple(start.shape)}, end_points {tuple(end.shape)}",
            expected="(4, 2) or (B, 4, 2)",
        )
    transform = homography(*(computable(points, halves=False) for points in (start, end)))
    return _mapped("perspective_transform", images, transform, interpolation, "constant", fill_value, data_format)


@one_node
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Pictures kneaded: each pixel comes from a random place nearby, neighbours from neighbouring places.

    The displacement along each axis is normal noise of standard deviation `sigma`, blurred by a Gaussian of the same
    sigma (over 6 sigma pixels), times `alpha`; all channels move alike. Simard et al. 2003.

    Args:
        images: (H, W, C) or (B, H, W, C).
        alpha: strength of the displacements.
        sigma: how far neighbours move together, in pixels.
        interpolation: "nearest" or "bilinear".
        fill_mode: what lies beyond the picture; see `map_coordinates`.
        fill_value: for "constant".
        seed: the same integer draws the same displacements; None, or `torch.compile`, draws from PyTorch's global
            generator.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be. ShapeError: not three or four axes.

    >>> picture = torch.rand(8, 8, 3)
    >>> torch.equal(elastic_transform(picture, seed=1), elastic_transform(picture, seed=1))
    True
    """
    order = interpolation_order("elastic_transform", interpolation)
    check_fill_mode("elastic_transform", fill_mode)
    images = tensor(images)
    x = as_batch("elastic_transform", images, data_format)
    count, _, height, width = x.shape
    precise = computable(x, halves=False).dtype
    noise = torch.randn((count, 2, height, width), generator=_source(seed, x), dtype=precise, device=x.device)
    weights = bell(int(6 * sigma) | 1, sigma, noise)
    moves = alpha * filtered(sigma * noise, weights, weights, same=True)
    return _taken(images, x, _grid(moves).unsqueeze(0) + moves, order, fill_mode, fill_value, data_format)


def _source(seed: Any, like: torch.Tensor) -> torch.Generator | None:
    """A generator at its beginning; None, the global one, without a seed and where `torch.compile` cannot carry one."""
    if seed is None:
        return None
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ArgumentError(f"ops.image.elastic_transform: {seed!r} is no seed.", expected="an integer, or None")
    if torch.compiler.is_compiling() or like.device.type == "meta":
        return None
    return torch.Generator(like.device).manual_seed(seed)


def _mapped(
    name: str,
    images: torch.Tensor,
    transform: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> torch.Tensor:
    """The pictures under eight numbers, (8,) or (B, 8), in the order of `affine_transform`."""
    order = interpolation_order(name, interpolation)
    check_fill_mode(name, fill_mode)
    x = as_batch(name, images, data_format)
    transform = computable(transform, halves=False)
    if transform.ndim == 2 and transform.shape[0] not in (1, x.shape[0]):
        raise ShapeError(
            f"ops.image.{name} takes one transform, or one for each picture.",
            got=f"{transform.shape[0]} transforms, {x.shape[0]} pictures",
        )
    a0, a1, a2, b0, b1, b2, c0, c1 = transform.reshape(-1, 8, 1, 1).unbind(1)
    row, column = _grid(x.new_empty((1, 1, *x.shape[2:]), dtype=transform.dtype))
    k = c0 * column + c1 * row + 1
    positions = torch.stack([(b0 * column + b1 * row + b2) / k, (a0 * column + a1 * row + a2) / k], 1)
    positions = positions.expand(x.shape[0], *positions.shape[1:])
    return _taken(images, x, positions, order, fill_mode, fill_value, data_format)


def _taken(
    images: torch.Tensor,
    x: torch.Tensor,
    positions: torch.Tensor,
    order: int,
    fill_mode: str,
    fill_value: float,
    data_format: str | None,
) -> torch.Tensor:
    """The pictures (B, C, H, W) at positions (B, 2, H, W), as the pictures came."""
    return as_given(sample(x, positions, order, fill_mode, fill_value), images.ndim, data_format)


def _grid(like: torch.Tensor) -> torch.Tensor:
    """(2, H, W): row and column of each position of (..., H, W)."""
    ends = (torch.arange(n, dtype=like.dtype, device=like.device) for n in like.shape[-2:])
    return torch.stack(torch.meshgrid(*ends, indexing="ij"))


def homography(start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """The eight numbers, (..., 8), that say for each point of the result where it was: `end` at `start`."""
    start, end = (points.to(torch.promote_types(start.dtype, end.dtype)) for points in (start, end))
    (u, v), (x, y) = start.unbind(-1), end.unbind(-1)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    # u (c0 x + c1 y + 1) = a0 x + a1 y + a2, and so for v: two rows for each point.
    for_u = torch.stack([x, y, one, none, none, none, -u * x, -u * y], -1)
    for_v = torch.stack([none, none, none, x, y, one, -v * x, -v * y], -1)
    result: torch.Tensor = torch.linalg.solve(
        torch.cat([for_u, for_v], -2), torch.cat([u, v], -1).unsqueeze(-1)
    ).squeeze(-1)
    return result
