"""Titles above the first row of a gallery are in the file as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.visualization import plot_image_gallery


def test_titles_of_the_first_row_are_not_cut_off(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    path = tmp_path / "gallery.png"
    pictures = np.full((4, 20, 30, 3), 255, dtype="uint8")
    plot_image_gallery(pictures, y_true=[0, 1, 0, 1], label_map={0: "(Lj)", 1: "|g|"}, path=path, dpi=80)
    ink = np.asarray(image.open(path).convert("RGBA"))
    assert not ink[0, :, 3].any()  # nothing touches the upper edge
