"""Pictures in folders as a data set."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from lamina import ops
from lamina.graph import ArgumentError
from lamina.tracebacks import door
from lamina.utils.data_files import reading
from lamina.utils.images import MODES, checked_format, opened_picture, pillow

from .dataset import dataset_from_directory

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


@door
def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Any = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Pictures of one size, with a class for each subfolder: what `fit` takes.

    Args:
        directory: the folder.
        labels: "inferred": the subfolders are the classes, by name; None for none; or a class number for each file, in
            the order of the paths of all files.
        label_mode: "int": int32 (B,); "binary": float32 (B, 1) of 0 and 1; "categorical": float32 (B, classes); None.
        class_names: the subfolders that count, in this order.
        color_mode: "rgb", "rgba" or "grayscale": 3, 4 or 1 channels.
        batch_size: pictures in a batch; None for a data set of single ones.
        image_size, data_format: (height, width), and where the channels are, "channels_last" unless configured.
        shuffle, seed: the files in a random order, a new one at each pass; else in that of their paths.
        validation_split: which fraction of the files, the last ones, is for validation.
        subset: "training", "validation", or "both" for a list of the two; together with `validation_split`.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        follow_links: also into folders, and to files, behind symbolic links that lead out of the folder.
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut off or fill up, instead of stretching.
        format, verbose: only the default, since it is always PyTorch's; say how many files there are.

    Returns:
        A `torch.utils.data.DataLoader` of (images, labels), or images alone: float32 (B, H, W, C) from 0 to 255; with
        ``batch_size=None`` a `Dataset`. It has `class_names` and `file_paths`.
        It has the words of Keras' guides: ``map``, ``take``, ``batch``, ``shuffle``, ``cache``, ``prefetch``, ...

    Raises:
        ArgumentError: an argument cannot be, or there are no files; what is called like a picture is no file, or a link
            out of the folder. ImportError: Pillow is not installed.

    >>> lamina.utils.save_img("one.png", np.ones((5, 4, 3)))
    >>> next(iter(image_dataset_from_directory(".", labels=None, image_size=(8, 8), verbose=False))).shape
    torch.Size([1, 8, 8, 3])
    """
    read = _reader(color_mode, image_size, interpolation, data_format)
    read = partial(read, crop_to_aspect_ratio=crop_to_aspect_ratio, pad_to_aspect_ratio=pad_to_aspect_ratio)
    return dataset_from_directory(
        directory, read, torch.stack, ENDINGS, labels=labels, label_mode=label_mode, class_names=class_names,
        batch_size=batch_size, shuffle=shuffle, seed=seed, validation_split=validation_split, subset=subset,
        follow_links=follow_links, format=format, verbose=verbose,
    )  # fmt: skip


def _reader(color_mode: str, image_size: Any, interpolation: str, data_format: str | None) -> Any:
    if color_mode not in MODES:
        raise ArgumentError(f"There is no color_mode {color_mode!r}.", expected=", ".join(MODES))
    if str(interpolation).lower() not in INTERPOLATIONS:
        raise ArgumentError(f"There is no interpolation {interpolation!r}.", expected=", ".join(INTERPOLATIONS))
    pillow("image_dataset_from_directory")
    return partial(
        read_image,
        color_mode=color_mode,
        size=_size(image_size),
        channels_first=checked_format(data_format) == "channels_first",
        interpolation=interpolation.lower(),
    )


def read_image(path: str, color_mode: str, size: tuple[int, int], channels_first: bool, **options: Any) -> torch.Tensor:
    """A picture as float32 (H, W, C), values 0 to 255.

    Raises:
        DataFileError: no picture, a damaged one, or one that is much larger than its file.
    """
    with reading(path, "a picture"), opened_picture(path, "image_dataset_from_directory") as picture:
        pixels = _bytes_of(picture) if picture.mode.startswith("I") else None
        array = np.asarray(picture.convert(MODES[color_mode]))
    if pixels is not None:
        array = pixels if color_mode == "grayscale" else _coloured(pixels, len(MODES[color_mode]))
    x = torch.from_numpy(array.reshape(*array.shape[:2], -1).astype("float32"))
    x = ops.image.resize(x, size, data_format="channels_last", **options)
    result: torch.Tensor = x.permute(2, 0, 1).contiguous() if channels_first else x
    return result


def _bytes_of(picture: Any) -> np.ndarray:
    """16 bits of grey as 8, which Pillow would cut off at 255."""
    return (np.asarray(picture).astype("int64") >> 8).clip(0, 255).astype("uint8")


def _coloured(pixels: np.ndarray, channels: int) -> np.ndarray:
    colours = np.repeat(pixels[:, :, None], channels, -1)
    if channels == 4:
        colours[:, :, 3] = 255
    return colours


def _size(image_size: Any) -> tuple[int, int]:
    sizes = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(sizes, (list, tuple)) or len(sizes) != 2 or any(type(n) is not int or n < 1 for n in sizes):
        raise ArgumentError(f"image_size cannot be {image_size!r}.", expected="(height, width)")
    return sizes[0], sizes[1]
