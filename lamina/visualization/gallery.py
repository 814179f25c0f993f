"""Pictures beside each other in one figure of matplotlib's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lamina.graph import ArgumentError, ShapeError
from lamina.ops import convert_to_numpy
from lamina.tracebacks import door

from .pictures import batch_of, stretched

# Inches that a title takes above its picture, and a line of the legend below all of them.
_TITLE, _LEGEND = 0.25, 0.25


@door
def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Any = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Pictures beside each other, row by row, in a file or on the screen. It needs matplotlib.

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`; C is 1, 3 or 4.
        y_true, y_pred: (B,), classes; written over each picture by their names.
        label_map: class -> name; needed with `y_true` or `y_pred`. A class that it lacks is "Unknown".
        rows, cols: of the gallery. By default about as many rows as columns, enough for all pictures; with both
            given, pictures that have no place are left out.
        value_range: the values that are shown as black and as white; what is beyond them is cut off, with a warning.
        scale: longer side of a picture in inches.
        path: of a file to write, in the format of its ending; the figure is then not shown.
        show: False leaves the figure open for `matplotlib.pyplot.gcf()`; by default it is shown where there is no path.
        transparent: no background in the file.
        dpi: pixels per inch in the file.
        legend_handles: matplotlib's artists with labels, for a legend below the pictures.
        data_format: `lamina.config.image_data_format()` by default.

    Raises:
        ImportError: matplotlib is not installed. ShapeError: pictures or classes of another shape. ArgumentError: both
        `path` and `show`; classes without a `label_map`; no such `value_range`, `rows`, `cols`.

    >>> plot_image_gallery(np.random.rand(6, 8, 8, 3), value_range=(0, 1), path="gallery.png")
    """
    figure_of = _figures(path is not None, "plot_image_gallery")
    if path is not None and show:
        raise ArgumentError("A gallery is written to a file or shown.", got="path= and show=True", hint="show=None")
    pictures = batch_of(images, data_format, "plot_image_gallery")
    titles = _titles(y_true, y_pred, label_map, len(pictures))
    rows, cols = _grid(len(pictures), rows, cols)
    shown = stretched(pictures[: rows * cols], value_range, "plot_image_gallery")
    legend = len(legend_handles or ())
    figure, axes = _laid_out(figure_of, shown[0].shape, (rows, cols), scale, bool(titles), legend)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for place in axes.flat:
        place.axis("off")
    for place, picture, title in zip(axes.flat, shown, titles or [""] * len(shown), strict=False):
        place.imshow(picture, cmap="gray", vmin=0, vmax=255)
        place.set_title(title, fontsize=8)
    _hand_over(figure, path, show is not False, transparent, dpi)


def _laid_out(
    figure_of: Any, shape: tuple[int, ...], grid: tuple[int, int], scale: float, titled: bool, legend: int
) -> tuple[Any, Any]:
    """A figure and its axes, for pictures of this shape: room for a title above each, and for the legend below all."""
    rows, cols = grid
    above, below = _TITLE * titled, _LEGEND * legend
    tall, wide = (scale * side / max(shape[:2]) for side in shape[:2])
    height = rows * (tall + above) + below
    figure = figure_of(figsize=(cols * wide, height), frameon=False)
    ends = {"left": 0, "right": 1, "bottom": below / height, "top": 1 - above / height}
    close = {"wspace": 0, "hspace": above / tall, **ends}
    return figure, figure.subplots(rows, cols, squeeze=False, sharex="row", sharey="col", gridspec_kw=close)


def _hand_over(figure: Any, path: Any, show: bool, transparent: bool, dpi: int) -> None:
    if path is not None:
        # A little room: the box that is cut out takes the letters of a title as lower than they are drawn.
        titled = any(place.get_title() for place in figure.axes)
        figure.savefig(path, pad_inches=0.06 if titled else 0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show:
        from matplotlib import pyplot

        pyplot.show()
        pyplot.close(figure)


def _figures(for_a_file: bool, wanted_by: str) -> Any:
    """What makes a figure: one that the screen knows, or for a file one that nothing else does."""
    try:
        if for_a_file:
            from matplotlib.figure import Figure

            return Figure
        from matplotlib import pyplot

        return pyplot.figure
    except ImportError as error:
        raise ImportError(f"visualization.{wanted_by} needs matplotlib: pip install 'lamina[plot]'") from error


def need_matplotlib(wanted_by: str) -> None:
    """Raise at once where matplotlib is not installed.

    Raises:
        ImportError: it is not; names the extra.
    """
    _figures(True, wanted_by)


def _grid(count: int, rows: Any, cols: Any) -> tuple[int, int]:
    for name, value in (("rows", rows), ("cols", cols)):
        if value is not None and (isinstance(value, bool) or int(value) != value or value < 1):
            raise ArgumentError(f"{name} cannot be {value!r}.", expected="a whole number from 1, or None")
    if not count:
        raise ShapeError("There is no picture to show.", got="a batch of 0")
    if rows is None:
        rows = math.ceil(math.sqrt(count)) if cols is None else math.ceil(count / cols)
    return int(rows), int(cols or math.ceil(count / rows))


def _titles(y_true: Any, y_pred: Any, label_map: Any, count: int) -> list[str]:
    """What stands over each picture; nothing at all without classes."""
    if y_true is None and y_pred is None:
        return []
    if not isinstance(label_map, Mapping):
        raise ArgumentError(
            "Classes are written by their names.",
            got=f"label_map={label_map!r}",
            expected="a dict of class numbers and names",
            hint="label_map=dict(enumerate(names))",
        )
    columns = []
    for word, name, values in (("Label", "y_true", y_true), ("Pred", "y_pred", y_pred)):
        if values is not None:
            numbers = convert_to_numpy(values)
            numbers = numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers
            if numbers.ndim != 1:
                hint = f"{name}.argmax(-1) for a score of each class" if numbers.ndim == 2 else None
                raise ShapeError(f"{name} is one class for each picture.", got=str(numbers.shape), hint=hint)
            if len(numbers) != count:
                raise ShapeError(f"{name} does not fit the pictures.", got=str(len(numbers)), expected=str(count))
            columns.append([f"{word}: {label_map.get(number, 'Unknown')}" for number in numbers.tolist()])
    return ["  ".join(parts) for parts in zip(*columns, strict=True)]
