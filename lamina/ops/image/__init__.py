"""The ops on pictures: one (H, W, C) or several (B, H, W, C).

With `data_format="channels_first"` they are (C, H, W) or (B, C, H, W). Numbers of any range will do unless a function
says otherwise; whole numbers come back rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lamina.public_names import names_of

from .borders import crop_images, pad_images
from .colour import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from .filters import gaussian_blur, sobel_edges
from .patches import extract_patches, extract_patches_3d
from .resampling import scale_and_translate
from .resizing import resize
from .sampling import map_coordinates
from .similarity import ssim
from .warps import affine_transform, elastic_transform, perspective_transform

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates", "pad_images", "perspective_transform", "resize", "rgb_to_grayscale",
    "rgb_to_hsv", "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip

if not TYPE_CHECKING:  # else every name would pass for one that is there
    __getattr__, __dir__ = names_of(__name__, __all__)
