"""Writes `keras_boxes.npz`: what Keras draws with OpenCV. Needs `pip install opencv-python-headless==4.11.0.86`.

Run: KERAS_BACKEND=torch python -m tests.visualization.make_table
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
THICKNESSES = (-1, 1, 2, 3, 4, 5, 8, 13)


def main() -> None:
    rng = np.random.default_rng(14)
    table: dict[str, np.ndarray] = {}
    for number in range(48):
        fmt, thickness = FORMATS[number % len(FORMATS)], THICKNESSES[number % len(THICKNESSES)]
        height, width = rng.integers(5, 13, 2)
        images = (
            rng.integers(0, 4, (2, height, width, (1, 3)[number % 2])).astype(("uint8", "float32")[number % 3 > 0]) * 60
        )
        images = images / np.float32(255) if number % 3 == 2 else images
        boxes = rng.uniform(-0.3, 1.3, (2, 3, 4)).astype("float32")
        boxes = boxes if fmt.startswith("rel") else boxes * max(height, width)
        labels = rng.integers(-1, 3, (2, 3))
        told = {"boxes": boxes, "labels": labels}
        drawn = keras.visualization.draw_bounding_boxes(
            images.copy(), told, fmt, color=(10, 200, 30), line_thickness=thickness, data_format="channels_last"
        )
        key = f"{number}|{fmt}|{thickness}"
        table |= {f"{key}|images": images, f"{key}|boxes": boxes, f"{key}|labels": labels, f"{key}|drawn": drawn}
    np.savez_compressed(Path(__file__).with_name("keras_boxes.npz"), **table)


if __name__ == "__main__":
    main()
