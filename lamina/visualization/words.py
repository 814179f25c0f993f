"""A line of text in an array, in the font that Pillow brings along, or for other letters in matplotlib's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lamina.utils.images import pillow

_SIZE = 30  # of the font in pixels at the scale 1: capital letters of some 21 pixels, as OpenCV's


class Writer:
    """Writes text of one size into pictures.

    Args:
        scale: of the font; at 1, capital letters are some 21 pixels high.
        thickness: of the strokes: 1 as the font has them, above it bolder.

    Raises:
        ImportError: Pillow is not installed.
    """

    def __init__(self, scale: float, thickness: int) -> None:
        self._image = pillow("draw_bounding_boxes", "visualization", "for the names of classes ")
        from PIL import ImageDraw

        self._draw = ImageDraw.Draw
        self._size = max(1.0, _SIZE * scale)
        self._bolder = thickness // 2

    def write(self, picture: np.ndarray, text: str, x: int, y: int, color: np.ndarray) -> None:
        """Write into a picture (H, W, C), in place, with the lower left end of the line at (x, y)."""
        height, width = picture.shape[:2]
        if not (abs(x) < 2 * width + 10**4 and abs(y) < 2 * height + 10**4):
            return
        mask: Any = self._image.new("L", (width, height))
        self._draw(mask).text(
            (x, y), text, fill=255, font=_font(self._size, text.isascii()), anchor="ls", stroke_width=self._bolder
        )
        cover = np.asarray(mask, "float32")[:, :, None] / 255
        rows = np.flatnonzero(cover.any(axis=(1, 2)))
        if rows.size:
            part = slice(rows[0], rows[-1] + 1)
            mixed = picture[part] * (1 - cover[part]) + color * cover[part]
            picture[part] = np.rint(mixed)


def _font(size: float, plain: bool) -> Any:
    """Pillow's own font, which has plain letters only; for others DejaVu Sans, which comes with matplotlib."""
    from PIL import ImageFont

    matplotlib = None if plain else find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin:
        file = Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default(size=size)
