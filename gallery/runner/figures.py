"""The three pictures of an example: the model, the curve of its training, what it has learned. Each stays small."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .about import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMIT = 80_000
"""Bytes of a picture."""


def draw(name: str, result: Result, folder: Path) -> list[str]:
    """Write the pictures into a folder, as NAME.png, NAME_curve.png and NAME_model.svg -> the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [f"{name}.png", f"{name}_model.svg"]
    save_small(result.figure, folder / files[0])
    _draw_model(result.model, folder / files[1])
    if result.history is not None:
        from lamina import view

        files.append(f"{name}_curve.png")
        save_small(view.plot_history(result.history), folder / files[2])
    return files


def save_small(figure: Figure, file: Path) -> None:
    """A PNG of at most `LIMIT` bytes: fewer colours, then coarser."""
    from PIL import Image

    small = b""
    for dpi in (120, 100, 85, 70, 60, 50, 40):
        whole, packed = io.BytesIO(), io.BytesIO()
        figure.savefig(whole, format="png", dpi=dpi, bbox_inches="tight")
        Image.open(whole).convert("RGB").quantize(128).save(packed, format="PNG", optimize=True)
        small = packed.getvalue()
        if len(small) <= LIMIT:
            break
    file.write_bytes(small)


def _draw_model(model: Any, file: Path) -> None:
    """The graph: with shapes; a large one without them, repeated blocks drawn once."""
    from lamina import view

    ways: list[dict[str, Any]] = [
        {"show_shapes": True, "show_layer_names": True},
        {"show_shapes": True},
        {"expand": False},
    ]
    for options in ways:
        view.plot_model(model, file, **options)
        if file.stat().st_size <= LIMIT:
            return
