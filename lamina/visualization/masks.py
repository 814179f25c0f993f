"""Segmentation masks, laid over pictures in colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from lamina.tracebacks import door
from lamina.utils.images import checked_format

from .pictures import array_of, batch_of, numbers_of

_STEPS = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])  # from one class to the next in red, green, blue, modulo 255
_MOST = 2**16  # classes; a picture with more of them is none that was segmented


@door
def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Any = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int | None = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Pictures with masks laid over them: image * (1 - alpha) + colour of the class * alpha.

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; C is 1, 3 or 4. Fractions of which
            none is above 1 are taken to go from 0 to 1, other numbers from 0 to 255.
        segmentation_masks: whole numbers, the class of each pixel: (B, H, W), (B, H, W, 1), or (B, 1, H, W) with
            `data_format="channels_first"`. Below 0 there is no class.
        num_classes: the largest class; by default that of the masks.
        color_mapping: class -> (red, green, blue) from 0 to 255. Without it class k is k times a fixed step, 0 black.
            Where the mapping has no 0, the background stays as it is.
        alpha: how much the colours cover, from 0 to 1.
        blend: False paints the colours over the pictures, as alpha=1 does.
        ignore_index: a class that is not drawn, such as 0 for the background.
        data_format: `lamina.config.image_data_format()` by default.

    Returns:
        uint8, (B, H, W, C): the channels are last whatever `data_format` is, as in Keras, since that is what is shown.

    Raises:
        ShapeError: pictures or masks of another shape. DtypeError: masks are no whole numbers. ArgumentError: a class
        above `num_classes` or without a colour; alpha is not from 0 to 1.

    >>> masks = np.array([[[0, 1, 2, -1]]])
    >>> draw_segmentation_masks(np.full((1, 1, 4, 3), 100.0), masks, alpha=0.5, ignore_index=0)[0, 0].tolist()
    [[100, 100, 100], [50, 113, 65], [51, 177, 81], [100, 100, 100]]
    """
    pictures = _in_255(batch_of(images, data_format, "draw_segmentation_masks"))
    masks = _checked_masks(segmentation_masks, pictures, checked_format(data_format))
    if not 0 <= alpha <= 1:
        raise ArgumentError(f"alpha cannot be {alpha!r}.", expected="a number from 0 to 1")
    cover, rest = np.float32(alpha if blend else 1), np.float32(1 - alpha if blend else 0)
    present = np.unique(masks)
    shown = [int(one) for one in present if one >= 0 and one != ignore_index]
    _refuse_unknown(shown, num_classes)
    drawn = pictures.copy()
    for one in shown:
        paint = _color(one, color_mapping, pictures.shape[-1])
        if paint is not None:
            here = masks == one
            drawn[here] = pictures[here] * rest + paint * cover
    whole: np.ndarray = np.clip(drawn, 0, 255).astype("uint8")
    return whole


def _in_255(batch: np.ndarray) -> np.ndarray:
    """float32 from 0 to 255."""
    fractions = batch.dtype.kind == "f" and batch.size and np.nanmax(batch) <= 1
    numbers: np.ndarray = np.nan_to_num(batch.astype("float32"))
    return numbers * 255 if fractions else numbers


def _checked_masks(masks: Any, pictures: np.ndarray, data_format: str) -> np.ndarray:
    """Masks as (B, H, W)."""
    given = array_of(masks, "(batch, height, width)", "segmentation_masks do not fit the pictures.")
    channel = 1 if data_format == "channels_first" else -1
    plain = given.squeeze(channel) if given.ndim == 4 and given.shape[channel] == 1 else given
    if plain.shape != pictures.shape[:3]:
        one = (len(pictures), 1, *pictures.shape[1:3]) if channel == 1 else (*pictures.shape[:3], 1)
        raise ShapeError(
            "segmentation_masks do not fit the pictures.",
            got=str(given.shape),
            expected=f"{pictures.shape[:3]} or {one}",
            hint="masks.argmax(-1) for a score of each class" if given.ndim == 4 else None,
        )
    if plain.dtype.kind not in "iub":
        raise DtypeError(
            "segmentation_masks are the numbers of classes.",
            got=str(plain.dtype),
            expected="whole numbers",
            hint='masks.astype("int32")',
        )
    return plain.astype("int64")


def _refuse_unknown(shown: list[int], num_classes: int | None) -> None:
    if shown and num_classes is not None and shown[-1] > num_classes:
        raise ArgumentError(
            "segmentation_masks have a class that there is not.",
            got=f"class {shown[-1]} with num_classes={num_classes}",
            expected=f"0 to {num_classes}, or ignore_index",
            hint=f"ignore_index={shown[-1]}, or num_classes={shown[-1]}",
        )
    if len(shown) > _MOST:
        raise ArgumentError("segmentation_masks have too many classes.", got=str(len(shown)), expected=f"up to {_MOST}")


def _color(number: int, mapping: Any, channels: int) -> np.ndarray | None:
    """The colour of a class for the channels of a picture; None for the background without one."""
    if mapping is None:
        told: Any = number * _STEPS % 255
    elif not isinstance(mapping, Mapping):
        raise ArgumentTypeError(
            "color_mapping cannot be this.", got=type(mapping).__name__, expected="a dict of classes and colours"
        )
    elif number in mapping:
        told = mapping[number]
    elif number == 0:
        return None
    else:
        raise ArgumentError(
            f"color_mapping has no colour for class {number}.",
            got=f"colours for {', '.join(map(str, mapping))}",
            hint=f"color_mapping[{number}] = (red, green, blue), or ignore_index={number}",
        )
    paint = numbers_of(told)
    if paint.size != 3 or not np.isfinite(paint).all():
        raise ArgumentError(f"The colour of class {number} cannot be {told!r}.", expected="(red, green, blue)")
    return np.append(paint, np.float32(255))[:channels]
