"""A gallery of pictures with the true and the predicted boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.graph import ArgumentError
from lamina.tracebacks import door

from .boxes import draw_bounding_boxes
from .gallery import need_matplotlib, plot_image_gallery
from .pictures import batch_of, stretched


@door
def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Any = None,
    y_pred: Any = None,
    value_range: Any = (0, 255),
    true_color: Any = (0, 188, 212),
    pred_color: Any = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Any = None,
    ground_truth_mapping: Any = None,
    prediction_mapping: Any = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Pictures beside each other with boxes drawn on them. It needs matplotlib.

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`.
        bounding_box_format: what the four numbers of a box say; see `utils.bounding_boxes.convert_format`.
        y_true, y_pred: the boxes, as `draw_bounding_boxes` takes them; the predicted ones are drawn last.
        value_range: of the pictures, as `plot_image_gallery` takes it.
        true_color, pred_color: (red, green, blue) from 0 to 255.
        line_thickness, font_scale, text_thickness: as `draw_bounding_boxes` takes them.
        class_mapping: class -> name, for both; `ground_truth_mapping` and `prediction_mapping` go before it.
        legend: which colour is which, below the pictures.
        legend_handles: a legend of your own instead.
        rows, cols: as `plot_image_gallery` takes them.
        data_format: `lamina.config.image_data_format()` by default.
        **kwargs: further arguments of `plot_image_gallery`, such as `path`.

    Raises:
        ImportError: matplotlib is not installed. ArgumentError: both `legend` and `legend_handles`; what the two other
        functions refuse. ShapeError: as theirs.

    >>> boxes = {"boxes": [[[0.1, 0.1, 0.5, 0.8]]], "labels": [[3]]}
    >>> plot_bounding_box_gallery(np.random.rand(1, 32, 32, 3), "rel_xyxy", boxes, value_range=(0, 1), path="a.png")
    """
    need_matplotlib("plot_bounding_box_gallery")
    if legend and legend_handles:
        raise ArgumentError("A gallery has one legend.", got="legend=True and legend_handles", hint="one of them")
    given = batch_of(images, data_format, "plot_bounding_box_gallery")
    pictures = stretched(given, value_range, "plot_bounding_box_gallery")
    look = (line_thickness, text_thickness, font_scale, "channels_last")
    for told, color, names in (
        (y_true, true_color, ground_truth_mapping or class_mapping),
        (y_pred, pred_color, prediction_mapping or class_mapping),
    ):
        if told is not None:
            pictures = draw_bounding_boxes(pictures, told, bounding_box_format, names, color, *look)
    handles = _legend(true_color, pred_color) if legend else legend_handles
    plot_image_gallery(pictures, rows=rows, cols=cols, legend_handles=handles, data_format="channels_last", **kwargs)


def _legend(true_color: Any, pred_color: Any) -> list[Any]:
    from matplotlib.patches import Patch

    told = ((true_color, "Ground Truth"), (pred_color, "Prediction"))
    return [Patch(color=tuple(np.asarray(color) / 255), label=label) for color, label in told]
