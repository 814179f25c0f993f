"""The three pictures of an example: the model, the curve of its training, what it has learned. Each stays small."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .about import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lamina import Model

LIMIT = 80_000
"""Bytes of a picture."""
_COARSER = (120, 100, 85, 70, 60, 50, 40)
"""Dots per inch that are tried, one after the other."""


def draw(name: str, result: Result, folder: Path) -> list[str]:
    """Write the pictures into a folder: NAME.png, NAME_model.svg (a large one .png), NAME_curve.png -> names."""
    folder.mkdir(parents=True, exist_ok=True)
    save_small(result.figure, folder / f"{name}.png")
    files = [f"{name}.png", _draw_model(result.model, folder / f"{name}_model.svg").name]
    if result.history is not None:
        from lamina import view

        files.append(f"{name}_curve.png")
        save_small(view.plot_history(result.history), folder / files[-1])
    return files


def save_small(figure: Figure, file: Path) -> None:
    """A PNG of at most `LIMIT` bytes: fewer colours, then coarser."""
    for dpi in _COARSER:
        whole = io.BytesIO()
        figure.savefig(whole, format="png", dpi=dpi, bbox_inches="tight")
        if _write_small(whole, file):
            return


def _write_small(picture: io.BytesIO | Path, file: Path) -> bool:
    """Write a PNG with 128 colours -> whether it is small enough."""
    from PIL import Image

    Image.open(picture).convert("RGB").quantize(128).save(file, format="PNG", optimize=True)
    return file.stat().st_size <= LIMIT


def _draw_model(model: Model, file: Path) -> Path:
    """The graph: with shapes; a large one without them, repeated blocks drawn once; a huge one as a PNG."""
    from lamina import view

    ways: list[dict[str, Any]] = [
        {"show_shapes": True, "show_layer_names": True},
        {"show_shapes": True},
        {"expand": False},
    ]
    for options in ways:
        svg = view.plot_model(model, None, **options).svg
        file.write_text(svg if len(svg.encode()) <= LIMIT else _rounded(svg))
        if file.stat().st_size <= LIMIT:
            return file
    file.unlink()
    picture = file.with_suffix(".png")
    for dpi in _COARSER:
        view.plot_model(model, picture, expand=False, dpi=dpi)
        if _write_small(picture, picture):
            break
    return picture


def _rounded(svg: str) -> str:
    """The lines of a picture in whole units: exact enough where it is a thousand wide, for fewer bytes."""
    return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\d)\.\d+", r"\1", path[0]), svg)
