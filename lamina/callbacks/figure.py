"""A figure of matplotlib that a notebook shows by itself.

A notebook knows how to show one only after ``%matplotlib``, or once pyplot was imported; this one gives its picture.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


class Curves(Figure):
    """A `Figure` with a canvas of its own, so that no window opens and pyplot holds none of it."""

    def __init__(self, **look: Any) -> None:
        super().__init__(**look)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> bytes:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=96)
        return written.getvalue()
