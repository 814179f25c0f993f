"""Batches of pictures as whole numbers from 0 to 255 with the channels last, which is what is drawn on."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ShapeError
from lamina.graph.source import warn
from lamina.ops import convert_to_numpy
from lamina.utils.images import checked_format

_SLACK = 0.01  # of the range: what resizing and augmentation overshoot it by


def batch_of(images: Any, data_format: str | None, wanted_by: str) -> np.ndarray:
    """Pictures as an array of our own, (B, H, W, C).

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`.
        data_format: `lamina.config.image_data_format()` by default.
        wanted_by: the name of the public function, for errors.

    Raises:
        ShapeError: another shape. ArgumentError: values that are no numbers; no such `data_format`.
    """
    first = checked_format(data_format) == "channels_first"
    order = "(batch, channels, height, width)" if first else "(batch, height, width, channels)"
    batch = array_of(images, order, f"visualization.{wanted_by} takes a batch of pictures.")
    if batch.ndim != 4:
        hint = "images[None] for a single picture" if batch.ndim == 3 else None
        raise ShapeError(
            f"visualization.{wanted_by} takes a batch of pictures.", got=str(batch.shape), expected=order, hint=hint
        )
    if batch.dtype.kind not in "buif":
        raise ArgumentError(f"visualization.{wanted_by} takes pictures of numbers.", got=str(batch.dtype))
    batch = batch.transpose(0, 2, 3, 1) if first else batch
    if batch.shape[-1] not in (1, 3, 4):
        other = "channels_last" if first else "channels_first"
        raise ShapeError(
            f"visualization.{wanted_by}: a picture has 1, 3 or 4 channels.",
            got=f"{batch.shape[-1]} channels in pictures of the shape {order}",
            hint=f'data_format="{other}"' if batch.shape[1 if not first else 2] in (1, 3, 4) else None,
        )
    return batch.astype("uint8") * 255 if batch.dtype.kind == "b" else batch


def array_of(values: Any, order: str, wanted: str) -> np.ndarray:
    """What is given as an array of numbers.

    Args:
        order: of its axes.
        wanted: who wants what, for errors.

    Raises:
        ArgumentError: a data set, or something else that is no array.
    """
    listed = isinstance(values, (list, tuple))
    if not listed and not hasattr(values, "shape") and not hasattr(values, "__array__"):
        in_batches = hasattr(values, "__iter__") or hasattr(values, "__getitem__")
        hint = "a batch of it: images, labels = next(iter(data))" if in_batches and type(values) is not str else None
        raise _no_array(values, order, wanted, hint)
    try:
        return convert_to_numpy(values)
    except (TypeError, ValueError) as error:  # lists of several shapes, or of something else
        raise _no_array(values, order, wanted, "those of one size alone, in one array") from error


def _no_array(values: Any, order: str, wanted: str, hint: str | None) -> ArgumentError:
    got = type(values).__name__ if not isinstance(values, str) else repr(values)[:80]
    if isinstance(values, (list, tuple)):
        got += f" of {', '.join(str(tuple(getattr(part, 'shape', ()))) for part in values[:4])}"
    return ArgumentError(wanted, got=got, expected=f"an array {order}", hint=hint)


def in_bytes(batch: np.ndarray) -> np.ndarray:
    """A new uint8 array; fractions that do not go beyond 1 are taken to go from 0 to 1, other numbers from 0 to 255."""
    if batch.dtype.kind == "f" and batch.size and np.nanmax(batch) <= 1:
        batch = batch * 255
    return _cut_off(batch)


def stretched(batch: np.ndarray, value_range: Any, wanted_by: str) -> np.ndarray:
    """A new uint8 array, `value_range` going to 0..255; a warning where the pictures do not fit it.

    Raises:
        ArgumentError: `value_range` is not two numbers, the lower one first.
    """
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low, high = 0.0, 0.0
    if not low < high < float("inf"):
        raise ArgumentError(
            f"visualization.{wanted_by}: no value_range.",
            got=repr(value_range),
            expected="(lowest, highest), as (0, 1)",
        )
    if batch.size:
        _warn_of_range(batch, low, high, wanted_by)
    scaled = (batch.astype("float32") - low) * (255 / (high - low))
    return _cut_off(scaled)


def _cut_off(batch: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.clip(np.nan_to_num(batch), 0, 255).astype("uint8")
    return whole


def _warn_of_range(batch: np.ndarray, low: float, high: float, wanted_by: str) -> None:
    least, most = float(np.nanmin(batch)), float(np.nanmax(batch))
    slack = _SLACK * (high - low)
    if least < low - slack or most > high + slack:
        fits = "(0, 255)" if least >= 0 and most > 1 else "(-1, 1)" if least >= -1 and most <= 1 else None
        told = f"pictures with values from {least:.4g} to {most:.4g} do not fit value_range=({low:g}, {high:g})"
        advice = f": value_range={fits}?" if fits else ""
        warn(f"visualization.{wanted_by}: {told}; what is beyond it is cut off{advice}")
    elif (low, high) == (0, 255) and batch.dtype.kind == "f" and 0 < most <= 1:
        told = f"pictures with values up to {most:.4g} are black in value_range=(0, 255)"
        warn(f"visualization.{wanted_by}: {told}: value_range=(0, 1)?")


def numbers_of(color: Any) -> np.ndarray:
    """A colour as numbers; none of what is no colour, such as its name."""
    try:
        return np.asarray(color, dtype="float32").reshape(-1)
    except (TypeError, ValueError):
        return np.empty(0, "float32")
