"""Outlines of boxes in an array, pixel by pixel where OpenCV has them."""

from __future__ import annotations

import numpy as np


def outline(picture: np.ndarray, corners: tuple[int, int, int, int], color: np.ndarray, thickness: int) -> None:
    """Draw the outline of a box into a picture, in place.

    Args:
        picture: (H, W, C).
        corners: left, top, right, bottom; the last row and column belong to the box. They may lie outside.
        color: C numbers.
        thickness: of the line; below 0 the box is filled. A line of one pixel is that; thicker ones reach
            (thickness + 1) // 2 pixels to each side, around the corners in an arc.
    """
    left, right = sorted(corners[0::2])
    top, bottom = sorted(corners[1::2])
    reach = 0 if thickness <= 1 else (thickness + 1) // 2
    height, width = picture.shape[:2]
    x = np.arange(max(0, left - reach), min(width, right + reach + 1))
    y = np.arange(max(0, top - reach), min(height, bottom + reach + 1))[:, None]
    if not x.size or not y.size:
        return
    beside = np.maximum(np.maximum(left - x, x - right), 0)  # how far outside of the box
    above = np.maximum(np.maximum(top - y, y - bottom), 0)
    painted = beside**2 + above**2 <= reach**2
    if thickness >= 0:
        inside = np.minimum(np.minimum(x - left, right - x), np.minimum(y - top, bottom - y))
        painted &= inside <= reach
    picture[y[0, 0] : y[-1, 0] + 1, x[0] : x[-1] + 1][painted] = color
