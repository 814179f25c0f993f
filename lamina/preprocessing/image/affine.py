"""A picture turned, shifted, sheared and zoomed: one affine map of its pixels, read as SciPy does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lamina.graph import ArgumentError, ShapeError
from lamina.tracebacks import door

Array = np.ndarray[Any, Any]
FILL_MODES = ("nearest", "constant", "reflect", "wrap")


@door
def apply_affine_transform(
    x: Any,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> Array:
    """A picture turned by `theta`, shifted, sheared and zoomed around its middle, in that order.

    Args:
        x: an array of three axes.
        theta, shear: in degrees.
        tx, ty: in columns and rows, where columns come after rows.
        zx, zy: of columns and rows; below 1 makes things larger.
        row_axis, col_axis, channel_axis: which axis of `x` is which; channels are first or last.
        fill_mode: what lies outside: "nearest" pixels; "constant", `cval`; "reflect", the picture mirrored; "wrap", the
            picture again.
        order: 0 takes the nearest pixel, 1 interpolates between four; 2 to 5, splines, need SciPy.

    Raises:
        ArgumentError: axes or a fill_mode that cannot be. ShapeError: another rank. ImportError: no SciPy.

    >>> apply_affine_transform(np.arange(9.0).reshape(1, 3, 3), tx=1)[0].tolist()
    [[1.0, 2.0, 2.0], [4.0, 5.0, 5.0], [7.0, 8.0, 8.0]]
    """
    x = np.asarray(x)
    if {row_axis, col_axis, channel_axis} != {0, 1, 2} or channel_axis == 1:
        raise ArgumentError(
            "The axes of a picture cannot be these.",
            got=f"row_axis={row_axis}, col_axis={col_axis}, channel_axis={channel_axis}",
            expected="0, 1 and 2, each once, the channels first or last",
        )
    if x.ndim != 3:
        raise ShapeError("A picture has three axes.", got=str(x.shape))
    if fill_mode not in FILL_MODES:
        raise ArgumentError(f"There is no fill_mode {fill_mode!r}.", expected=", ".join(map(repr, FILL_MODES)))
    if theta == tx == ty == shear == 0 and zx == zy == 1:
        same: Array = x
        return same
    matrix = _matrix(theta, tx, ty, shear, zx, zy, x.shape[row_axis], x.shape[col_axis])
    if col_axis > row_axis:
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    channels = np.moveaxis(x, channel_axis, 0)
    if order in (0, 1):
        made = _sampled(channels, matrix, fill_mode, cval, order)
    else:
        made = _by_splines(channels, matrix, fill_mode, cval, order)
    result: Array = np.moveaxis(made, 0, channel_axis)
    return result


def _matrix(theta: float, tx: float, ty: float, shear: float, zx: float, zy: float, height: int, width: int) -> Array:
    """Where each pixel comes from, (row, column, 1), around the middle."""
    theta, shear = math.radians(theta), math.radians(shear)
    turn = [[math.cos(theta), -math.sin(theta), 0], [math.sin(theta), math.cos(theta), 0], [0, 0, 1]]
    shift = [[1, 0, tx], [0, 1, ty], [0, 0, 1]]
    lean = [[1, -math.sin(shear), 0], [0, math.cos(shear), 0], [0, 0, 1]]
    zoom = [[zx, 0, 0], [0, zy, 0], [0, 0, 1]]
    row, column = height / 2 - 0.5, width / 2 - 0.5
    to_middle, back = [[1, 0, row], [0, 1, column], [0, 0, 1]], [[1, 0, -row], [0, 1, -column], [0, 0, 1]]
    matrix: Array = np.linalg.multi_dot([np.array(part, float) for part in (to_middle, turn, shift, lean, zoom, back)])
    return matrix


def _sampled(channels: Array, matrix: Array, fill_mode: str, cval: float, order: int) -> Array:
    """Pixels (C, A, B) read at the places that the matrix gives."""
    sizes = channels.shape[1:]
    grid = np.indices(sizes, dtype=np.float64)
    places = [matrix[i, 0] * grid[0] + matrix[i, 1] * grid[1] + matrix[i, 2] for i in (0, 1)]
    inside = np.logical_and.reduce([(p >= 0) & (p <= n - 1) for p, n in zip(places, sizes, strict=True)])
    read = [_within(p, n, fill_mode) for p, n in zip(places, sizes, strict=True)]
    if order == 0:
        at = [_index(np.floor(p + 0.5), n, fill_mode) for p, n in zip(read, sizes, strict=True)]
        values = channels[:, at[0], at[1]].astype(np.float64)
    else:
        starts = [np.floor(p) for p in read]
        values = np.zeros((len(channels), *sizes))
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            (a, b), (u, v) = starts, (p - s for p, s in zip(read, starts, strict=True))
            weight = (u if i else 1 - u) * (v if j else 1 - v)
            values += weight * channels[:, _index(a + i, sizes[0], fill_mode), _index(b + j, sizes[1], fill_mode)]
    if fill_mode == "constant":
        values = np.where(inside, values, cval)
    return values.astype(channels.dtype)


def _within(place: Array, size: int, fill_mode: str) -> Array:
    """Places outside of an axis moved to where their values are."""
    if size == 1:
        return np.zeros_like(place)
    if fill_mode == "reflect":
        place = np.mod(place + 0.5, 2 * size) - 0.5
        return np.where(place > size - 0.5, 2 * size - 1 - place, place)
    if fill_mode == "wrap":  # SciPy's: the last pixel is the first one of the next picture
        span = size - 1
        below, above = place + span * (np.trunc(-place / span) + 1), place - span * np.trunc(place / span)
        return np.where(place < 0, below, np.where(place > span, above, place))
    return np.clip(place, 0, size - 1)


def _index(place: Array, size: int, fill_mode: str) -> Array:
    """Whole numbers of pixels, at most one off the axis."""
    index = place.astype(np.int64)
    if fill_mode == "reflect" or size == 1:
        return np.clip(index, 0, size - 1)
    return np.where(index < 0, 1, np.where(index >= size, size - 2, index))


def _by_splines(channels: Array, matrix: Array, fill_mode: str, cval: float, order: int) -> Array:
    try:
        from scipy import ndimage
    except ImportError as error:
        raise ImportError(f"order={order}, splines, needs SciPy: pip install scipy; 0 and 1 do not") from error
    parts = (
        ndimage.affine_transform(channel, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval)
        for channel in channels
    )
    return np.stack(list(parts))
