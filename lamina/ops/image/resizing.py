"""Pictures of another size."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.graph import ArgumentError
from lamina.ops.one_node import one_node_of
from lamina.ops.operands import larger, smaller, tensor
from lamina.ops.spatial import each

from .frame import as_batch, as_given, computable, in_dtype
from .resampling import resampled

_MODES = {"nearest": "nearest-exact", "bilinear": "bilinear", "bicubic": "bicubic"}
INTERPOLATIONS = (*_MODES, "lanczos3", "lanczos5")


@one_node_of(numbers=("size",))
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
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
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
    check_resizing("ops.image.resize", interpolation, fill_mode, crop_to_aspect_ratio, pad_to_aspect_ratio)
    height, width = each("size", size, 2)
    images = tensor(images)
    x = computable(as_batch("resize", images, data_format), halves=False)
    if crop_to_aspect_ratio:
        x = _cropped(x, height, width)
    elif pad_to_aspect_ratio:
        x = _filled_up(x, height, width, fill_value)
    if interpolation in _MODES:
        smooth = interpolation != "nearest"
        x = F.interpolate(
            x,
            size=(height, width),
            mode=_MODES[interpolation],
            align_corners=False if smooth else None,
            antialias=antialias and smooth,
        )
    else:
        for axis, n in ((2, height), (3, width)):
            x = resampled(x, axis, n, n / x.shape[axis], 0.0, interpolation, antialias)
    return as_given(in_dtype(x, images.dtype), images.ndim, data_format)


def check_resizing(name: str, interpolation: str, fill_mode: str, crop: bool, pad: bool) -> None:
    """Raise ArgumentError for words that `resize` does not know, or that exclude each other; `name` is who asks."""
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(f"{name} has no interpolation {interpolation!r}.", expected=", ".join(INTERPOLATIONS))
    if fill_mode != "constant":
        raise ArgumentError(f"{name} has no fill_mode {fill_mode!r}.", expected="'constant'")
    if crop and pad:
        raise ArgumentError(f"{name} can crop or pad to the aspect ratio, not both.")


def _cropped(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The largest part in the middle that has the aspect ratio of height and width."""
    h, w = x.shape[2:]
    rows = larger(smaller(h, w * height // width), 1)
    columns = larger(smaller(w, h * width // height), 1)
    return x[:, :, (h - rows) // 2 :, (w - columns) // 2 :][:, :, :rows, :columns]


def _filled_up(x: torch.Tensor, height: int, width: int, value: float) -> torch.Tensor:
    """With a border at both ends alike, so that it has about the aspect ratio of height and width."""
    h, w = x.shape[2:]
    above = (larger(h, w * height // width) - h) // 2
    beside = (larger(w, h * width // height) - w) // 2
    return F.pad(x, (beside, beside, above, above), value=value)
