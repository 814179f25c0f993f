"""Single changes of a picture, and each with a random strength. Random numbers are NumPy's global ones, as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.graph import ArgumentError
from lamina.tracebacks import door
from lamina.utils import array_to_img, img_to_array

from .affine import Array, apply_affine_transform


@door
def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> Array:
    """`intensity` added to all values, which stay between the least and the greatest that there were.

    >>> apply_channel_shift(np.array([[[0.0, 5.0, 9.0]]]), 2.0).tolist()
    [[[2.0, 7.0, 9.0]]]
    """
    x = np.asarray(x)
    shifted: Array = np.clip(x + intensity, np.min(x), np.max(x))
    return shifted


@door
def apply_brightness_shift(x: Any, brightness: float, scale: bool = True) -> Array:
    """A picture (H, W, C) made `brightness` times as bright, by Pillow, in whole numbers from 0 to 255.

    Args:
        scale: spread the values over 0 to 255 first; those of pictures beyond that are, and are put back.

    Raises:
        ImportError: Pillow is not installed.

    >>> apply_brightness_shift(np.full((1, 1, 3), 100.0), 0.5, scale=False).tolist()
    [[[50.0, 50.0, 50.0]]]
    """
    x = np.asarray(x)
    low, high = np.min(x), np.max(x)
    beyond = bool(low < 0 or high > 255)
    picture = array_to_img(x, scale=beyond or scale)
    from PIL import ImageEnhance  # array_to_img has said what is missing

    changed = img_to_array(ImageEnhance.Brightness(picture).enhance(brightness))
    return changed / 255 * (high - low) + low if beyond and not scale else changed


@door
def random_rotation(
    x: Any,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture turned by up to `rg` degrees, see `apply_affine_transform`.

    >>> random_rotation(np.ones((3, 4, 4)), 30).shape
    (3, 4, 4)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return _moved(x, axes, theta=np.random.uniform(-rg, rg))


@door
def random_shift(
    x: Any,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture shifted by up to `wrg` of its width and `hrg` of its height, see `apply_affine_transform`.

    >>> random_shift(np.ones((3, 4, 4)), 0.2, 0.2).shape
    (3, 4, 4)
    """
    x = np.asarray(x)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    return _moved(x, axes, tx=tx, ty=np.random.uniform(-wrg, wrg) * x.shape[col_axis])


@door
def random_shear(
    x: Any,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture sheared by up to `intensity` degrees, see `apply_affine_transform`.

    >>> random_shear(np.ones((3, 4, 4)), 20).shape
    (3, 4, 4)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return _moved(x, axes, shear=np.random.uniform(-intensity, intensity))


@door
def random_zoom(
    x: Any,
    zoom_range: Any,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> Array:
    """A picture zoomed by two numbers from `zoom_range`, for rows and columns, see `apply_affine_transform`.

    Raises:
        ArgumentError: `zoom_range` is no pair.

    >>> random_zoom(np.ones((3, 4, 4)), (0.8, 1.2)).shape
    (3, 4, 4)
    """
    low, high = pair("zoom_range", zoom_range)
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    zx, zy = (1.0, 1.0) if low == high == 1 else np.random.uniform(low, high, 2)
    return _moved(x, axes, zx=zx, zy=zy)


@door
def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> Array:
    """`apply_channel_shift` by up to `intensity_range`.

    >>> random_channel_shift(np.ones((3, 4, 4)), 0.1).shape
    (3, 4, 4)
    """
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


@door
def random_brightness(x: Any, brightness_range: Any, scale: bool = True) -> Array:
    """`apply_brightness_shift` by a number from `brightness_range`.

    Raises:
        ArgumentError: `brightness_range` is no pair.

    >>> random_brightness(np.ones((4, 4, 3)), (0.5, 1.5)).shape
    (4, 4, 3)
    """
    return apply_brightness_shift(x, np.random.uniform(*pair("brightness_range", brightness_range)), scale)


@door
def pair(name: str, value: Any) -> tuple[float, float]:
    """Two numbers.

    Raises:
        ArgumentError: something else.
    """
    try:
        low, high = value
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} cannot be {value!r}.", expected="a pair of numbers") from None
    return low, high


def _moved(x: Any, axes: Any, **changes: Any) -> Array:
    row_axis, col_axis, channel_axis, fill_mode, cval, order = axes
    return apply_affine_transform(
        x, **changes, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis, fill_mode=fill_mode, cval=cval,
        order=order,
    )  # fmt: skip
