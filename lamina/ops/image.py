"""Pictures: one (H, W, C) or several (B, H, W, C); with `data_format="channels_first"` (C, H, W) or (B, C, H, W)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError, ShapeError

from .one_node import one_node
from .operands import tensor

__all__ = ["crop_images", "pad_images", "resize", "rgb_to_grayscale"]

_MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}
_LUMA = (0.2989, 0.587, 0.114)  # how bright red, green and blue look: ITU-R BT.601


@one_node
def resize(
    images: Any,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Pictures of another size, with pixels taken as squares whose corners stay where they are.

    Args:
        images: (H, W, C) or (B, H, W, C).
        size: (height, width) of the result.
        interpolation: "nearest", "bilinear" or "bicubic".
        antialias: whether a smaller picture takes all pixels into account (not for "nearest").
        crop_to_aspect_ratio: cut off what does not fit the new aspect ratio, instead of stretching.
        pad_to_aspect_ratio: fill up with `fill_value` instead of stretching.
        fill_mode: only "constant".
        fill_value: the colour that fills up.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: an argument cannot be. ShapeError: not three or four axes.

    >>> resize(torch.ones(1, 4, 4, 3), (8, 6)).shape
    torch.Size([1, 8, 6, 3])
    """
    if interpolation not in _MODES:
        raise ArgumentError(f"ops.image.resize has no interpolation {interpolation!r}.", expected=", ".join(_MODES))
    if fill_mode != "constant":
        raise ArgumentError(f"ops.image.resize has no fill_mode {fill_mode!r}.", expected="'constant'")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("ops.image.resize can crop or pad to the aspect ratio, not both.")
    height, width = (int(n) for n in size)
    images = tensor(images)
    x = _as_batch("resize", images, data_format)
    x = x if x.dtype in (torch.float32, torch.float64) else x.float()
    if crop_to_aspect_ratio:
        x = _cropped(x, height, width)
    elif pad_to_aspect_ratio:
        x = _filled_up(x, height, width, fill_value)
    smooth = interpolation != "nearest"
    x = F.interpolate(
        x,
        size=(height, width),
        mode=_MODES[interpolation],
        align_corners=False if smooth else None,
        antialias=antialias and smooth,
    )
    if not images.dtype.is_floating_point:
        limits = torch.iinfo(images.dtype)
        x = x.round().clamp(limits.min, limits.max)
    return _as_given(x.to(images.dtype), images.ndim, data_format)


@one_node
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """A part of the pictures. Of top, bottom and target height two are given, of left, right and target width as well.

    Args:
        images: (H, W, C) or (B, H, W, C).
        top_cropping, left_cropping, bottom_cropping, right_cropping: pixels to cut off.
        target_height, target_width: of the result.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: not two of three are given, or they are larger than the picture.

    >>> crop_images(torch.ones(5, 6, 3), top_cropping=1, left_cropping=2, target_height=2, target_width=3).shape
    torch.Size([2, 3, 3])
    """
    images = tensor(images)
    x = _as_batch("crop_images", images, data_format)
    sizes = x.shape[2:]
    rows = _ends("height", sizes[0], top_cropping, bottom_cropping, target_height, -1)
    columns = _ends("width", sizes[1], left_cropping, right_cropping, target_width, -1)
    x = x[:, :, rows[0] : sizes[0] - rows[1], columns[0] : sizes[1] - columns[1]]
    return _as_given(x, images.ndim, data_format)


@one_node
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """The pictures in a border of zeros. Of top, bottom and target height two are given, of the width's three as well.

    Args:
        images: (H, W, C) or (B, H, W, C).
        top_padding, left_padding, bottom_padding, right_padding: pixels to add.
        target_height, target_width: of the result.
        data_format: "channels_last" (default) or "channels_first".

    Raises:
        ArgumentError: not two of three are given, or the picture is larger than the target.

    >>> pad_images(torch.ones(5, 6, 3), top_padding=1, left_padding=2, target_height=8, target_width=9).shape
    torch.Size([8, 9, 3])
    """
    images = tensor(images)
    x = _as_batch("pad_images", images, data_format)
    rows = _ends("height", x.shape[2], top_padding, bottom_padding, target_height, 1)
    columns = _ends("width", x.shape[3], left_padding, right_padding, target_width, 1)
    return _as_given(F.pad(x, (*columns, *rows)), images.ndim, data_format)


@one_node
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """How bright each pixel looks: `0.2989 R + 0.587 G + 0.114 B`, as one channel.

    Args:
        images: with three channels; with one, they are grey already.
        data_format: "channels_last" (default) or "channels_first".

    >>> rgb_to_grayscale(torch.ones(2, 2, 3)).shape
    torch.Size([2, 2, 1])
    """
    images = tensor(images)
    x = _as_batch("rgb_to_grayscale", images, data_format)
    if x.shape[1] not in (1, 3):
        raise ShapeError("ops.image.rgb_to_grayscale takes three channels.", got=f"shape {tuple(images.shape)}")
    if x.shape[1] == 3:
        red, green, blue = x.unbind(1)
        x = (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).to(images.dtype).unsqueeze(1)
    return _as_given(x, images.ndim, data_format)


def _as_batch(name: str, images: torch.Tensor, data_format: str | None) -> torch.Tensor:
    """(B, C, H, W) of what was given."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ArgumentError(f"There is no data_format {data_format!r}.", expected="'channels_last' or 'channels_first'")
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"ops.image.{name} takes pictures.", got=f"shape {tuple(images.shape)}", expected="3 or 4 axes"
        )
    x = images.unsqueeze(0) if images.ndim == 3 else images
    return x if data_format == "channels_first" else x.permute(0, 3, 1, 2)


def _as_given(x: torch.Tensor, rank: int, data_format: str | None) -> torch.Tensor:
    x = x if data_format == "channels_first" else x.permute(0, 2, 3, 1)
    return x.squeeze(0) if rank == 3 else x


def _cropped(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The largest part in the middle that has the aspect ratio of height and width."""
    h, w = x.shape[2:]
    rows = max(min(h, w * height // width), 1)
    columns = max(min(w, h * width // height), 1)
    return x[:, :, (h - rows) // 2 :, (w - columns) // 2 :][:, :, :rows, :columns]


def _filled_up(x: torch.Tensor, height: int, width: int, value: float) -> torch.Tensor:
    """With a border at both ends alike, so that it has about the aspect ratio of height and width."""
    h, w = x.shape[2:]
    above = (max(h, w * height // width) - h) // 2
    beside = (max(w, h * width // height) - w) // 2
    return F.pad(x, (beside, beside, above, above), value=value)


def _ends(
    what: str, size: int, before: int | None, after: int | None, target: int | None, sign: int
) -> tuple[int, int]:
    """How many pixels go off (sign -1) or come on (1) at both ends, from two of the three numbers."""
    if [before, after, target].count(None) != 1:
        raise ArgumentError(
            f"Two of three numbers make the {what}.",
            got=f"before {before}, after {after}, target {target}",
            hint="both ends, or one end and the target",
        )
    total = (before or 0) + (after or 0) if target is None else sign * (target - size)
    ends = (total - (after or 0) if before is None else before, total - (before or 0) if after is None else after)
    if min(ends) < 0 or (sign < 0 and sum(ends) >= size):
        raise ArgumentError(f"The pictures' {what} is {size}.", got=f"before {before}, after {after}, target {target}")
    return ends
