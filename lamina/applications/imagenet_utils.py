"""What every application trained on ImageNet needs: pixels as it was trained on, and the names of its 1,000 classes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lamina import ops
from lamina.config import floatx, image_data_format
from lamina.graph import ArgumentError, ShapeError, SymbolicTensor
from lamina.public_names import names_of
from lamina.tracebacks import door

from .published import CLASSES

__all__ = ["decode_predictions", "preprocess_input"]

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)

_FORMATS = ("channels_last", "channels_first")
# Of the pixels of ImageNet, RGB in 0..1; and BGR in 0..255 as the first networks of Caffe had them.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)
_MODES = ("caffe", "tf", "torch")
_COUNT = 1000


@door
def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels from 0 to 255 as the weights of an application expect them.

    Args:
        x: RGB pictures, (B, H, W, C) or (H, W, C), in "channels_first" (B, C, H, W) or (C, H, W); an array, a tensor or
            a symbolic tensor. A NumPy array of floats is written over, as in Keras; a tensor never is.
        data_format: "channels_last" or "channels_first"; by default `lamina.config.image_data_format()`.
        mode: "tf": ``x / 127.5 - 1``, from -1 to 1. "torch": ``(x / 255 - mean) / deviation`` of ImageNet's channels.
            "caffe": BGR in place of RGB, less the mean of ImageNet's channels, not scaled.

    Returns:
        The same shape; floats stay in their dtype, other numbers become `lamina.config.floatx()`.

    Raises:
        ArgumentError: another mode or data format. ShapeError: no pictures, or no three channels.

    >>> preprocess_input(np.full((1, 2, 2, 3), 255.0), mode="tf").max()
    np.float64(1.0)
    >>> preprocess_input(torch.zeros(1, 2, 2, 3))[0, 0, 0]
    tensor([-103.9390, -116.7790, -123.6800])
    """
    if mode not in _MODES:
        raise ArgumentError("There is no such mode.", got=f"mode={mode!r}", expected=", ".join(map(repr, _MODES)))
    data_format = image_data_format() if data_format is None else data_format
    if data_format not in _FORMATS:
        expected = " or ".join(map(repr, _FORMATS))
        raise ArgumentError("There is no such data format.", got=f"data_format={data_format!r}", expected=expected)
    if not isinstance(x, (np.ndarray, torch.Tensor, SymbolicTensor)):
        x = np.asarray(x)
    axis = _channels(x, -1 if data_format == "channels_last" else -3, mode)
    return _of_array(x, axis, mode) if isinstance(x, np.ndarray) else _of_tensor(x, axis, mode)


def _channels(x: Any, axis: int, mode: str) -> int:
    shape = tuple(x.shape)
    if len(shape) < 3:
        expected = "(B, H, W, C) or (H, W, C)" if axis == -1 else "(B, C, H, W) or (C, H, W)"
        raise ShapeError("preprocess_input takes pictures.", got=f"shape {shape}", expected=expected)
    if mode != "tf" and shape[axis] not in (3, None):
        raise ShapeError(
            f"preprocess_input in mode {mode!r} takes pictures of three channels.",
            got=f"shape {shape}",
            expected=f"3 on axis {axis}",
            hint="np.repeat(x, 3, -1) for grey pictures; data_format='channels_first' if the channels come first",
        )
    return axis


def _of_array(x: Any, axis: int, mode: str) -> Any:
    """What is computed of a NumPy array, in its place where it is one of floats."""
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(floatx())
    elif not x.flags.writeable:
        x = x.copy()
    if mode == "tf":
        x /= 127.5
        x -= 1.0
    elif mode == "torch":
        x /= 255.0
        x -= _along(_MEAN, axis, x.dtype)
        x /= _along(_DEVIATION, axis, x.dtype)
    else:
        x = np.flip(x, axis)
        x -= _along(_CAFFE_MEAN, axis, x.dtype)
    return x


def _of_tensor(x: Any, axis: int, mode: str) -> Any:
    if not x.dtype.is_floating_point:
        x = ops.cast(x, floatx())
    if mode == "tf":
        return x / 127.5 - 1.0

    def along(values: Sequence[float]) -> torch.Tensor:
        device = x.device if isinstance(x, torch.Tensor) else None
        return torch.as_tensor(_along(values, axis, np.float64), dtype=x.dtype, device=device)

    if mode == "torch":
        return (x / 255.0 - along(_MEAN)) / along(_DEVIATION)
    return ops.flip(x, len(x.shape) + axis) - along(_CAFFE_MEAN)


def _along(values: Sequence[float], axis: int, dtype: Any) -> Any:
    """One value a channel, in a shape that stretches over the pictures."""
    return np.asarray(values, dtype).reshape((-1,) + (1,) * (-axis - 1))


@door
def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, Any]]]:
    """The likeliest classes of ImageNet, the likeliest first.

    Args:
        preds: (B, 1000), what an application with its head predicts; an array or a tensor.
        top: how many.

    Returns:
        For each picture a list of (WordNet's number, English name, score). The names are in a file of 35 KB that is
        downloaded by the first call, and kept.

    Raises:
        ShapeError: another shape. DownloadError: the file is not in the cache and cannot be downloaded.

    >>> decode_predictions(np.zeros((1, 10)))
    Traceback (most recent call last):
    ...
    lamina.ShapeError: decode_predictions takes the predictions of ImageNet's 1000 classes.
      got       shape (1, 10)
      expected  (B, 1000)
      ...
    """
    shape = tuple(np.shape(preds))
    if len(shape) != 2 or shape[1] != _COUNT:
        raise ShapeError(
            "decode_predictions takes the predictions of ImageNet's 1000 classes.",
            got=f"shape {shape}",
            expected=f"(B, {_COUNT})",
            hint="a model with include_top=True, classes=1000; for classes of your own, your own names",
        )
    if isinstance(top, bool) or not isinstance(top, (int, np.integer)) or top < 1:
        raise ArgumentError("top is how many classes to tell.", got=f"top={top!r}", expected="1 to 1000")
    names = _names(CLASSES.fetch("names of your own, by np.argsort(predictions)"))
    rows = ops.convert_to_numpy(preds)
    return [[(*names[k], row[k]) for k in np.argsort(row)[: -top - 1 : -1]] for row in rows]


@lru_cache(maxsize=1)
def _names(path: str) -> list[tuple[str, str]]:
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    return [(number, name) for number, name in (table[str(k)] for k in range(_COUNT))]
