"""A gallery of pictures beside themselves with the true and the predicted masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.tracebacks import door
from lamina.utils.images import checked_format

from .gallery import need_matplotlib, plot_image_gallery
from .masks import draw_segmentation_masks
from .pictures import array_of, batch_of, stretched


@door
def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int | None,
    value_range: Any = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Any = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int | None = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Pictures below each other, beside each the true and the predicted masks over it. It needs matplotlib.

    Args:
        images: (B, H, W, C), or (B, C, H, W) with `data_format="channels_first"`.
        num_classes, color_mapping, blend, alpha, ignore_index: as `draw_segmentation_masks` takes them.
        value_range: of the pictures, as `plot_image_gallery` takes it.
        y_true, y_pred: masks, (B, H, W) or with an axis of one channel; fractions are cut off to whole numbers.
        data_format: `lamina.config.image_data_format()` by default.
        **kwargs: further arguments of `plot_image_gallery`, such as `path`.

    Raises:
        ImportError: matplotlib is not installed. ArgumentError, ShapeError: what the two other functions refuse.

    >>> masks = np.random.randint(0, 3, (2, 8, 8))
    >>> plot_segmentation_mask_gallery(np.random.rand(2, 8, 8, 3), 2, (0, 1), masks, path="masks.png")
    """
    need_matplotlib("plot_segmentation_mask_gallery")
    given = batch_of(images, data_format, "plot_segmentation_mask_gallery")
    columns = [stretched(given, value_range, "plot_segmentation_mask_gallery")]
    for masks in (y_true, y_pred):
        if masks is not None:
            columns.append(
                draw_segmentation_masks(
                    columns[0],
                    _whole(masks, checked_format(data_format)),
                    num_classes=num_classes,
                    color_mapping=color_mapping,
                    alpha=alpha,
                    blend=blend,
                    ignore_index=ignore_index,
                    data_format="channels_last",
                )
            )
    side_by_side = np.stack(columns, axis=1).reshape(-1, *given.shape[1:])
    plot_image_gallery(side_by_side, rows=len(given), cols=len(columns), data_format="channels_last", **kwargs)


def _whole(masks: Any, data_format: str) -> np.ndarray:
    numbers = array_of(masks, "(batch, height, width)", "plot_segmentation_mask_gallery takes a mask for each picture.")
    numbers = numbers.astype("int32") if numbers.dtype.kind == "f" else numbers
    return numbers[:, 0, ..., None] if numbers.ndim == 4 and data_format == "channels_first" else numbers
