"""Pictures in the one order that the functions of this package compute in, and back into the order they came in."""

from __future__ import annotations

import torch

from lamina.graph import DtypeError, ShapeError
from lamina.ops.spatial import is_channels_last


def as_batch(name: str, images: torch.Tensor, data_format: str | None) -> torch.Tensor:
    """(B, C, H, W) of one picture or several; `name` is for the message.

    Raises:
        ArgumentError: there is no such `data_format`. ShapeError: not three or four axes.
    """
    last = is_channels_last(data_format)
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"ops.image.{name} takes pictures.", got=f"shape {tuple(images.shape)}", expected="3 or 4 axes"
        )
    x = images.unsqueeze(0) if images.ndim == 3 else images
    return x.permute(0, 3, 1, 2) if last else x


def as_given(x: torch.Tensor, rank: int, data_format: str | None) -> torch.Tensor:
    """(B, C, H, W) in the order of `data_format`; of three axes if one picture came."""
    x = x.permute(0, 2, 3, 1) if is_channels_last(data_format) else x
    return x.squeeze(0) if rank == 3 else x


def computable(x: torch.Tensor, halves: bool = True) -> torch.Tensor:
    """Floats as they are, others as float32; without `halves`, 16-bit floats too, which not every kernel knows."""
    if x.dtype in (torch.float32, torch.float64) or (halves and x.dtype.is_floating_point):
        return x
    return x.float()


def in_dtype(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Floats as this dtype: whole numbers are rounded and kept within its limits."""
    if not dtype.is_floating_point and dtype != torch.bool:
        limits = torch.iinfo(dtype)
        x = x.round().clamp(limits.min, limits.max)
    return x.to(dtype)


def check_floats(name: str, images: torch.Tensor) -> None:
    if not images.dtype.is_floating_point:
        raise DtypeError(
            f"ops.image.{name} takes pictures of floats from 0 to 1.", got=str(images.dtype), hint="images / 255"
        )


def check_channels(name: str, images: torch.Tensor, x: torch.Tensor, counts: tuple[int, ...]) -> None:
    """ShapeError unless the pictures, (B, C, H, W) in `x`, have one of these numbers of channels."""
    if x.shape[1] not in counts:
        expected = " or ".join(map(str, counts))
        raise ShapeError(
            f"ops.image.{name} takes pictures of {expected} channels.",
            got=f"shape {tuple(images.shape)}, {x.shape[1]} channels",
        )
