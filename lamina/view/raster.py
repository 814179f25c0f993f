"""A scene as PNG, PDF and whatever else matplotlib writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .glyphs import families_for
from .scene import WORD_GAP, Arrow, Label, Panel, Point, Scene, Stroke

_PIXELS_PER_INCH = 96  # of the scene
_LARGEST = 30_000  # pixels along a side, beyond which the picture is written more coarsely
_POINTS = 72 / _PIXELS_PER_INCH


def endings() -> list[str]:
    """The file endings that can be written.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return sorted(f".{kind}" for kind in FigureCanvasAgg.get_supported_filetypes() if not kind.startswith("svg"))


def write_with_matplotlib(scene: Scene, file: Path, dpi: int) -> None:
    """Draw a scene on a white page and write it to a file, in the format its ending says."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dpi = min(dpi, int(_LARGEST * _PIXELS_PER_INCH / max(scene.width, scene.height)))
    figure = Figure(figsize=(scene.width / _PIXELS_PER_INCH, scene.height / _PIXELS_PER_INCH), facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, scene.width), ylim=(scene.height, 0))
    axes.set_axis_off()
    shapes = [(shape, order) for order, group in enumerate(scene.groups) for shape in group.shapes]
    fonts = families_for(word.text for shape, _ in shapes if isinstance(shape, Label) for word in shape.words)
    for shape, order in shapes:
        if isinstance(shape, Label):
            _add_words(axes, shape, order, *fonts)
        else:
            _add(axes, shape, order)
    # Flat colours: the least effort packs them to 1.2 times the size in a third of the time.
    packing: dict[str, Any] = {"pil_kwargs": {"compress_level": 1}} if file.suffix.lower() == ".png" else {}
    figure.savefig(file, dpi=dpi, **packing)


def _add(axes: Any, shape: Panel | Stroke | Arrow, order: int) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon

    patch: Any
    if isinstance(shape, Panel):
        box = f"round,pad=0,rounding_size={min(shape.radius, shape.width / 2, shape.height / 2)}"
        patch = FancyBboxPatch((shape.x, shape.y), shape.width, shape.height, boxstyle=box)
        patch.set(facecolor=to_rgba(shape.fill, shape.opacity), edgecolor=shape.stroke or "none")
        patch.set_linewidth(shape.stroke_width * _POINTS if shape.stroke else 0.0)
    elif isinstance(shape, Stroke):
        patch = PathPatch(_path(shape), facecolor="none", edgecolor=shape.color, linewidth=shape.width * _POINTS)
        patch.set_linestyle((0, (2.8, 2.1)) if shape.dashed else "solid")
        patch.set_capstyle("butt")
    else:
        patch = Polygon(shape.points, closed=True, facecolor=shape.color, linewidth=0.0)
    patch.set_zorder(order + 1)
    axes.add_artist(patch)  # `add_patch` would ask where the axes must reach, at 0.5 ms a patch


def _add_words(axes: Any, label: Label, order: int, families: list[str], others: dict[int, str]) -> None:
    x = label.x - label.width / 2 if label.centered else label.x
    for word in label.words:
        look = {"fontsize": word.size * _POINTS, "weight": "bold" if word.bold else "normal", "color": word.color}
        axes.text(
            x, label.y, word.text.translate(others), family=families, parse_math=False, zorder=order + 1.5, **look
        )
        x += word.width + WORD_GAP


def _path(stroke: Stroke) -> Any:
    from matplotlib.path import Path as Outline

    points: list[Point] = [stroke.start]
    codes = [Outline.MOVETO]
    for step in stroke.steps:
        points.extend(step)
        codes.extend([Outline.LINETO] if len(step) == 1 else [Outline.CURVE4] * 3)
    return Outline(points, codes)
