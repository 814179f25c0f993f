"""Pictures from files into arrays, and back. Pillow reads and writes them: `pip install 'lamina[images]'`."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np
import torch

from lamina.defaults import defaults
from lamina.graph import ArgumentError, ShapeError
from lamina.graph.source import warn
from lamina.tracebacks import door

from .data_files import DataFileError, reading, refuse_large_picture

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
# Pillow's modes of one channel, which "grayscale" leaves as they are.
_GRAY = ("L", "I;16", "I")


def pillow(wanted_by: str, module: str = "utils", why: str = "") -> Any:
    """Pillow's module `Image`, for a public function of a module, and why it wants it.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{module}.{wanted_by} {why}needs Pillow: pip install 'lamina[images]'") from error
    return Image


def opened_picture(source: Any, wanted_by: str) -> Any:
    """A picture of Pillow's, opened and not decoded.

    Args:
        source: a path, or an `io.BytesIO`.

    Raises:
        DataFileError: it is much larger than its file. ImportError: Pillow is not installed.
    """
    image = pillow(wanted_by)
    picture = image.open(source)
    size = source.getbuffer().nbytes if isinstance(source, io.BytesIO) else os.stat(source).st_size
    try:
        refuse_large_picture(picture, size, getattr(picture, "filename", "") or "a picture", image.MAX_IMAGE_PIXELS)
    except DataFileError:
        picture.close()
        raise
    return picture


@door
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array as a picture of Pillow's.

    Args:
        x: (H, W, C), or (C, H, W) with `data_format="channels_first"`; C is 1, 3 or 4.
        data_format: `lamina.config.image_data_format()` by default.
        scale: stretch the values to 0..255; else they are cut off to whole numbers as they are.
        dtype: to compute in; `lamina.config.floatx()` by default.

    Raises:
        ShapeError: another shape. ImportError: Pillow is not installed.

    >>> array_to_img(np.ones((2, 3, 3))).size
    (3, 2)
    """
    image = pillow("array_to_img")
    x = x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else x
    x = np.asarray(x, dtype=dtype or defaults.floatx)
    if x.ndim != 3:
        raise ShapeError("A picture is one array of three axes.", got=str(x.shape), expected="(H, W, C)")
    x = x.transpose(1, 2, 0) if checked_format(data_format) == "channels_first" else x
    if x.shape[2] not in (1, 3, 4):
        raise ShapeError("A picture has 1, 3 or 4 channels.", got=str(x.shape), hint="data_format=")
    if scale:
        x = x - x.min()
        x = x / (x.max() or 1) * 255
    if x.shape[2] == 1:
        return image.fromarray(x[:, :, 0].astype("int32" if x.max() > 255 else "uint8"))
    return image.fromarray(x.astype("uint8"))


@door
def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A picture of Pillow's as an array: (H, W, C), or (C, H, W) with `data_format="channels_first"`.

    Args:
        img: the picture.
        data_format: `lamina.config.image_data_format()` by default.
        dtype: of the array; `lamina.config.floatx()` by default.

    >>> img_to_array(array_to_img(np.ones((2, 3, 1)))).shape
    (2, 3, 1)
    """
    array = np.asarray(img, dtype=dtype or defaults.floatx)
    if array.ndim not in (2, 3):
        raise ShapeError("A picture has two or three axes.", got=str(array.shape))
    array = array.reshape(*array.shape[:2], -1)
    return array.transpose(2, 0, 1) if checked_format(data_format) == "channels_first" else array


@door
def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read a picture as one of Pillow's.

    Args:
        path: of the file, or an `io.BytesIO`.
        color_mode: "rgb", "rgba", or "grayscale", which leaves 16 and 32 bits as they are.
        target_size: (height, width) to resize it to; None keeps its size.
        interpolation: "nearest", "bilinear", "bicubic", "hamming", "box" or "lanczos".
        keep_aspect_ratio: cut off at two sides what does not fit the new aspect ratio, instead of stretching.

    Raises:
        ArgumentError: an argument cannot be. DataFileError: a picture that is damaged, or much larger than its file.
        ImportError: Pillow is not installed.

    >>> save_img("red.png", np.array([[[255, 0, 0]]]), scale=False)
    >>> load_img("red.png", target_size=(4, 4)).getpixel((3, 3))
    (255, 0, 0)
    """
    image = pillow("load_img")
    if color_mode not in MODES:
        raise ArgumentError(f"There is no color_mode {color_mode!r}.", expected=", ".join(MODES))
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(f"There is no interpolation {interpolation!r}.", expected=", ".join(INTERPOLATIONS))
    if isinstance(path, io.BytesIO):
        with reading("io.BytesIO", "a picture"):
            picture = opened_picture(path, "load_img")
    elif isinstance(path, (str, bytes, os.PathLike)):
        with reading(path, "a picture"), open(path, "rb") as file:  # read whole, so that no open file is left behind
            picture = opened_picture(io.BytesIO(file.read()), "load_img")
    else:
        raise ArgumentError(f"{path!r} is no file.", expected="a path or an io.BytesIO")
    if not (color_mode == "grayscale" and picture.mode in _GRAY):
        with reading(path, "a picture"):
            picture = picture.convert(MODES[color_mode])
    if target_size is None or picture.size == (target_size[1], target_size[0]):
        return picture
    box = _middle(picture.size, target_size) if keep_aspect_ratio else None
    return picture.resize((target_size[1], target_size[0]), image.Resampling[interpolation.upper()], box=box)


@door
def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as a picture.

    Args:
        path: of the file, whose ending says the format, or an open file.
        x, data_format, scale: as in `array_to_img`.
        file_format: "png", "jpeg", ...; by default the ending of the path.
        kwargs: for `PIL.Image.Image.save`.

    Raises:
        ShapeError: as in `array_to_img`. ArgumentError: there is no such format. ImportError: Pillow is not installed.

    >>> save_img("grey.png", np.arange(4).reshape(2, 2, 1))
    """
    picture = array_to_img(x, data_format, scale)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(path)[1][1:]
    file_format = "jpeg" if file_format and file_format.lower() == "jpg" else file_format
    if picture.mode == "RGBA" and file_format and file_format.lower() == "jpeg":
        warn("A JPEG has no transparency: the picture is written without it.")
        picture = picture.convert("RGB")
    image = pillow("save_img")
    image.init()
    if file_format and file_format.upper() not in image.SAVE:
        raise ArgumentError(
            f"There is no format {file_format!r} of pictures.", got=f"{path}", hint="a name that ends in .png or .jpg"
        )
    picture.save(path, format=file_format, **kwargs)


def checked_format(data_format: str | None) -> str:
    """A place of the channels, the default one for None.

    Raises:
        ArgumentError: there is no such place.
    """
    data_format = data_format or defaults.image_data_format
    if data_format not in ("channels_last", "channels_first"):
        raise ArgumentError(f"There is no data_format {data_format!r}.", expected="'channels_last' or 'channels_first'")
    return data_format


def _middle(size: tuple[int, int], target_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest box (left, top, right, bottom) in the middle of a picture that has the target's aspect ratio."""
    width, height = size
    target_height, target_width = target_size
    box_height = min(height, width * target_height // target_width)
    box_width = min(width, height * target_width // target_height)
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height
