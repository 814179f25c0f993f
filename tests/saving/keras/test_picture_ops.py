"""Functions on pictures, blocks, attention and CTC as operations of Keras': written for it, and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina

RNG = np.random.default_rng(4)
PICTURES = RNG.random((2, 8, 6, 3), dtype="float32")
LAST = {"data_format": "channels_last"}
TURN = np.array([0.8, -0.5, 1.5, 0.4, 1.1, -0.7, 0.0, 0.0], "float32")
CORNERS = np.array([[0, 0], [5, 0], [0, 7], [5, 7]], "float32")
PULLED = np.array([[0.5, 1], [5.5, -0.5], [1, 4.5], [6, 6]], "float32")

CALLS: list[Callable[[Any, Any], Any]] = [
    lambda ops, x: ops.image.resize(x, (4, 9), "bicubic", antialias=True),
    lambda ops, x: ops.image.pad_images(x, 1, 2, target_height=12, target_width=10),
    lambda ops, x: ops.image.rgb_to_grayscale(x),
    lambda ops, x: ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(x)),
    lambda ops, x: ops.image.extract_patches(x, (3, 2), 1, padding="same"),
    lambda ops, x: ops.image.extract_patches(ops.expand_dims(x, 1), (1, 2, 2)),
    lambda ops, x: ops.image.gaussian_blur(x, (3, 3), (1.0, 2.0), "channels_last"),
    lambda ops, x: ops.image.sobel_edges(x),
    lambda ops, x: ops.image.elastic_transform(x, 0.0),
    lambda ops, x: ops.image.perspective_transform(x, CORNERS, PULLED, fill_value=0.5),
    lambda ops, x: ops.image.ssim(x, x * 0.9, filter_size=5),
    lambda ops, x: ops.depth_to_space(ops.space_to_depth(x, 2), 2),
    lambda ops, x: ops.fold(ops.unfold(x, (2, 1), stride=(2, 1)), (6, 3), (2, 1), stride=(2, 1)),
    lambda ops, x: ops.psnr(x, x * 0.9, max_val=1.0),
    lambda ops, x: ops.multi_hot(ops.cast(x[:, 0, :, 0] * 4, "int32"), 5),
    lambda ops, x: ops.dot_product_attention(x, x, x, is_causal=True),
    lambda ops, x: ops.dot_product_attention(x, x, x, mask=ops.expand_dims(x[:, :6, :1, 0] > 0.3, -1), scale=0.3),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_there_and_back(number: int, tmp_path: Path) -> None:
    x = lamina.Input(PICTURES.shape[1:])
    ours = lamina.Model(x, CALLS[number](lamina.ops, x))
    expected = ours(torch.as_tensor(PICTURES))
    ours.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    torch.testing.assert_close(theirs(PICTURES), expected, rtol=1e-4, atol=1e-5)
    theirs.save(tmp_path / "theirs.keras")
    back = lamina.models.load_model(tmp_path / "theirs.keras")
    torch.testing.assert_close(back(torch.as_tensor(PICTURES)), expected)
