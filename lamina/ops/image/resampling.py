"""Arrays of another size, axis by axis: each new value is a weighted sum of the old ones near its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from lamina.graph import ArgumentError
from lamina.ops.one_node import one_node_of
from lamina.ops.operands import ordered, placed, plain_axes, tensor

from .frame import computable

_TINY = 1000 * torch.finfo(torch.float32).eps  # weights whose sum is below come to nothing


def _triangle(distance: torch.Tensor) -> torch.Tensor:
    return (1 - distance).clamp(min=0)


def _cubic(distance: torch.Tensor) -> torch.Tensor:
    """Keys' kernel with a = -1/2, exact for parabolas."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


def _lanczos(radius: int) -> Callable[[torch.Tensor], torch.Tensor]:
    def kernel(distance: torch.Tensor) -> torch.Tensor:
        return torch.where(distance <= radius, torch.sinc(distance) * torch.sinc(distance / radius), 0.0)

    return kernel


# The weight of a value by its distance from the place, in positions.
KERNELS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear", "triangle"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3),
    "lanczos5": _lanczos(5),
}


@one_node_of(numbers=("output_shape", "spatial_dims"))
def scale_and_translate(
    images: Any,
    output_shape: Any,
    scale: Any,
    translation: Any,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> Any:
    """Arrays stretched and moved: what was at x comes to `x * scale + translation`, along each of the axes named.

    Value i of an axis lies at i + 1/2. What would come from outside the array is 0.

    Args:
        images: any array.
        output_shape: its shape afterwards; read at `spatial_dims`.
        scale: (K,), a factor for each of the axes.
        translation: (K,), in positions of the result.
        spatial_dims: the K axes.
        method: "linear" (or "bilinear", "trilinear", "triangle"), "cubic" (or "bicubic", "tricubic"; Keys' kernel),
            "lanczos3" or "lanczos5".
        antialias: whether shrinking takes all values into account: the kernel is as wide as a step of the result.

    Returns:
        `output_shape`; whole numbers are rounded, and stay between the least and the largest of the input.

    Raises:
        ArgumentError: there is no such method or axis.

    >>> scale_and_translate(torch.arange(3.0), (5,), [2.0], [-0.5], (0,), "linear")
    tensor([0.0000, 0.5000, 1.0000, 1.5000, 2.0000])
    """
    if method not in KERNELS:
        raise ArgumentError(f"ops.image.scale_and_translate has no method {method!r}.", expected=", ".join(KERNELS))
    images, scale, translation = placed(images, scale, translation)
    images = ordered(images)
    axes = plain_axes(images, tuple(spatial_dims)) if len(tuple(spatial_dims)) else ()
    factors, shifts = (computable(tensor(x), halves=False).unbind() for x in (scale, translation))
    if not len(axes) == len(factors) == len(shifts):
        raise ArgumentError(
            "ops.image.scale_and_translate takes a scale and a translation for each of the axes.",
            got=f"{len(axes)} axes, {len(factors)} scales, {len(shifts)} translations",
        )
    x = computable(images)
    for axis, factor, shift in zip(axes, factors, shifts, strict=True):
        x = resampled(x, axis, output_shape[axis], factor, shift, method, antialias)
    if images.dtype.is_floating_point or not axes:
        return x.to(images.dtype)
    return x.round().clamp(images.min(), images.max()).to(images.dtype)


def resampled(
    x: torch.Tensor, axis: int, size: int, scale: Any, translation: Any, method: str, antialias: bool
) -> torch.Tensor:
    """One axis of `x` at `size` places, value j taken from around (j + 1/2 - translation) / scale."""
    n = x.shape[axis]
    dtype = scale.dtype if isinstance(scale, torch.Tensor) else torch.promote_types(x.dtype, torch.float32)
    scale, translation = (torch.as_tensor(v, dtype=dtype, device=x.device) for v in (scale, translation))
    place = (torch.arange(size, dtype=dtype, device=x.device) + 0.5 - translation) / scale - 0.5
    distance = (place - torch.arange(n, dtype=dtype, device=x.device).unsqueeze(1)).abs()  # (n, size)
    weights = KERNELS[method](distance / (1 / scale).clamp(min=1) if antialias else distance)
    total = weights.sum(0)
    serves = (total.abs() > _TINY) & (place >= -0.5) & (place <= n - 0.5)
    weights = torch.where(serves, weights / torch.where(total == 0, 1.0, total), 0.0)
    result: torch.Tensor = torch.tensordot(x, weights.to(x.dtype), dims=([axis], [0])).movedim(-1, axis)
    return result
