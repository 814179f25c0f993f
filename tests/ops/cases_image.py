"""Calls of the functions on pictures."""

from __future__ import annotations

import numpy as np

from tests.ops.case import B, Case, W, case, each, exactly, stepwise

IMAGE = B(2, 6, 7, 3)
FIRST = {"data_format": "channels_first"}
BYTES = B(2, 6, 7, 3, dtype="uint8", low=0, high=255)

SIZES: list[Case] = [
    case("image.resize", IMAGE, (9, 5)),
    case("image.resize", IMAGE, (9, 5), "nearest"),
    case("image.resize", IMAGE, [3, 4], interpolation="bilinear", antialias=True),
    case("image.resize", IMAGE, (3, 4), "bicubic", True),
    case("image.resize", IMAGE, (3, 4), "nearest", antialias=True),
    case("image.resize", IMAGE, (9, 5), interpolation="bicubic"),
    case("image.resize", IMAGE, (6, 3), crop_to_aspect_ratio=True),
    case("image.resize", IMAGE, (3, 9), crop_to_aspect_ratio=True),
    case("image.resize", IMAGE, (3, 6), pad_to_aspect_ratio=True, fill_mode="constant", fill_value=2.0),
    case("image.resize", IMAGE, (9, 4), pad_to_aspect_ratio=True, fill_value=-1),
    case("image.resize", B(2, 3, 6, 7), (4, 9), **FIRST),
    case("image.resize", B(2, 3, 6, 7), (4, 9), crop_to_aspect_ratio=True, **FIRST),
    case("image.resize", W(6, 7, 3, dtype="uint8", low=0, high=255), (9, 5)),
    case("image.resize", BYTES, (9, 5), "bicubic"),
    case("image.resize", BYTES, (3, 9), pad_to_aspect_ratio=True, fill_value=7),
    case("image.resize", B(2, 6, 7, 3, dtype="int32", low=-99, high=99), (3, 5), antialias=True),
    case("image.resize", B(2, 6, 7, 3, dtype="float16"), (3, 5)),
    case("image.crop_images", IMAGE, 1, 2, 2, 1),
    case("image.crop_images", IMAGE, top_cropping=1, right_cropping=0, target_height=3, target_width=4),
    case("image.crop_images", B(2, 3, 6, 7), 1, 2, target_height=2, target_width=2, **FIRST),
    case("image.crop_images", W(6, 7, 3), bottom_cropping=1, left_cropping=1, target_height=2, target_width=2),
    case("image.crop_images", BYTES, 0, 0, 0, 0),
    case("image.pad_images", IMAGE, 1, 2, 2, 1),
    case("image.pad_images", IMAGE, bottom_padding=1, right_padding=0, target_height=9, target_width=9),
    case("image.pad_images", W(3, 6, 7), 1, 2, target_height=9, target_width=10, **FIRST),
    case("image.pad_images", IMAGE, top_padding=2, left_padding=0, target_height=9, target_width=9),
    case("image.pad_images", BYTES, 0, 0, 0, 1),
]

COLOURS: list[Case] = [
    case("image.rgb_to_grayscale", IMAGE),
    case("image.rgb_to_grayscale", BYTES),
    case("image.rgb_to_grayscale", W(3, 6, 7), **FIRST),
    case("image.rgb_to_grayscale", W(6, 7, 1)),
    *each("image.rgb_to_hsv image.hsv_to_rgb", B(2, 6, 7, 3, low=0, high=1)),
    *each("image.rgb_to_hsv image.hsv_to_rgb", W(6, 7, 3, low=-1, high=2)),
    *each("image.rgb_to_hsv image.hsv_to_rgb", B(2, 3, 6, 7, low=0, high=1), **FIRST),
    stepwise("image.rgb_to_hsv", exactly([[[[0, 0, 0], [1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 1e-9]]]])),
]

# Positions of a (5, 6) array, some of them far outside.
PLACES = W(2, 40, low=-12, high=17)
WHOLE_PLACES = W(2, 40, dtype="int32", low=-12, high=17)
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")

SAMPLES: list[Case] = [
    *(case("image.map_coordinates", W(5, 6), PLACES, order, mode) for order in (0, 1) for mode in MODES),
    *(case("image.map_coordinates", W(5, 6), WHOLE_PLACES, 1, mode) for mode in MODES),
    case("image.map_coordinates", W(5, 6), WHOLE_PLACES, 0, "mirror"),
    case("image.map_coordinates", W(5, 6), W(2, 3, 4, 2, low=-2, high=7), order=1, fill_mode="constant", fill_value=7),
    case("image.map_coordinates", W(5, 6, dtype="uint8", low=0, high=99), W(2, 9, low=-2, high=7), 1, fill_value=3.5),
    case("image.map_coordinates", W(5, 6, dtype="int32"), W(2, 9, low=-2, high=7), 0),
    case("image.map_coordinates", W(3, 4, 5), [W(7, low=-1, high=4), W(7, low=-1, high=5), W(7, low=-1, high=6)], 1),
    case("image.map_coordinates", W(9), W(1, 5, low=-3, high=12), 1, "reflect"),
    case("image.map_coordinates", W(5, 6), np.array([[0.5, 1.5, 2.5], [0.5, 2.5, 9.0]], "float32"), 0),
]

TURN = exactly([0.8, -0.5, 1.5, 0.4, 1.1, -0.7, 0.0, 0.0], batched=False)
TURNS = exactly([[0.8, -0.5, 1.5, 0.4, 1.1, -0.7, 0, 0], [1.3, 0.2, -2, 0.1, 0.7, 1.2, 0, 0]])
CORNERS = exactly([[0, 0], [6, 0], [0, 5], [6, 5]], batched=False)
PULLED = exactly([[0.5, 1], [5.5, -0.5], [1, 4.5], [6, 6]], batched=False)
TWO_CORNERS = exactly([[[0, 0], [6, 0], [0, 5], [6, 5]], [[1, 0], [5, 1], [0, 4], [6, 6]]])
TWO_PULLED = exactly([[[0.5, 1], [5.5, -0.5], [1, 4.5], [6, 6]], [[0, 0], [6, 0], [0, 5], [6, 5]]])

# Keras writes into the transform it is given, so its gradient is an error there.
WARPS: list[Case] = [
    *(
        stepwise("image.affine_transform", IMAGE, TURNS, interpolation, mode)
        for interpolation in ("nearest", "bilinear")
        for mode in MODES
    ),
    stepwise("image.affine_transform", W(6, 7, 3), TURN, fill_value=0.5),
    stepwise("image.affine_transform", B(2, 3, 6, 7), TURNS, fill_mode="reflect", **FIRST),
    stepwise("image.affine_transform", BYTES, TURNS, fill_value=9),
    case("image.perspective_transform", W(6, 7, 3), CORNERS, PULLED),
    case("image.perspective_transform", W(6, 7, 3), CORNERS, PULLED, "nearest"),
    case("image.perspective_transform", IMAGE, CORNERS, PULLED, "bilinear", 0.5),
    case("image.perspective_transform", IMAGE, TWO_CORNERS, TWO_PULLED, fill_value=2),
    case("image.perspective_transform", B(2, 3, 6, 7), PULLED, CORNERS, **FIRST),
    # Without strength nothing moves; what random moves do is in test_image.py.
    *(case("image.elastic_transform", IMAGE, 0.0, 2.0, "nearest", mode, 1.0) for mode in MODES),
    case("image.elastic_transform", W(6, 7, 3), alpha=0.0),
    case("image.elastic_transform", B(2, 3, 6, 7), alpha=0.0, sigma=1.0, fill_mode="wrap", seed=None, **FIRST),
]

METHODS = "linear bilinear trilinear cubic bicubic tricubic lanczos3 lanczos5".split()
SCALE, SHIFT = exactly([1.7, 0.4], batched=False), exactly([-0.63, 1.33], batched=False)

RESAMPLES: list[Case] = [
    *(case("image.scale_and_translate", IMAGE, (2, 9, 4, 3), SCALE, SHIFT, (1, 2), method) for method in METHODS),
    *(
        case("image.scale_and_translate", IMAGE, (2, 9, 4, 3), SCALE, SHIFT, (1, -2), method, False)
        for method in ("linear", "cubic", "lanczos3")
    ),
    case("image.scale_and_translate", W(6, 7), (9, 4), SCALE, SHIFT, (0, 1), method="cubic", antialias=True),
    case("image.scale_and_translate", W(6, 7, dtype="uint8", low=0, high=99), (9, 4), SCALE, SHIFT, (0, 1), "cubic"),
    case("image.scale_and_translate", W(6, 7), (6, 7), W(0), W(0), (), "linear"),
]

FILTERS: list[Case] = [
    # Keras takes channels to be first where no `data_format` is given.
    case("image.gaussian_blur", IMAGE, data_format="channels_last"),
    case("image.gaussian_blur", IMAGE, (5, 5), (1.0, 2.5), "channels_last"),
    case("image.gaussian_blur", W(6, 7, 3), kernel_size=(7, 7), sigma=(0.7, 0.7), data_format="channels_last"),
    case("image.gaussian_blur", B(2, 3, 6, 7), (3, 3), sigma=(2.0, 1.0), **FIRST),
    case("image.sobel_edges", IMAGE),
    case("image.sobel_edges", B(2, 3, 6, 7), **FIRST),
    case("image.ssim", B(2, 13, 12, 3, low=0, high=1), B(2, 13, 12, 3, low=0.0, high=0.9)),
    case("image.ssim", W(13, 12, 3, low=0, high=255), W(13, 12, 3, low=0, high=200), 255.0, 7, 1.0, 0.02, 0.05),
    case("image.ssim", B(2, 3, 9, 8), B(2, 3, 9, 8, low=-2), max_val=6, filter_size=5, filter_sigma=0.8, **FIRST),
    case("image.ssim", IMAGE, IMAGE, filter_size=3, k1=0.1, k2=0.2),
]

VOLUME = B(2, 4, 5, 6, 2)

PATCHES: list[Case] = [
    case("image.extract_patches", IMAGE, 2),
    case("image.extract_patches", IMAGE, (2, 3), 1),
    case("image.extract_patches", IMAGE, [3, 2], strides=(2, 1), padding="same"),
    case("image.extract_patches", IMAGE, (2, 3), strides=1, dilation_rate=2, padding="valid"),
    case("image.extract_patches", IMAGE, 3, 1, (2, 1), "same"),
    case("image.extract_patches", W(6, 7, 3), 3),
    case("image.extract_patches", B(2, 3, 6, 7), 2, **FIRST),
    case("image.extract_patches", VOLUME, (2, 2, 3)),
    case("image.extract_patches_3d", VOLUME, 2),
    case("image.extract_patches_3d", VOLUME, (2, 1, 3), (1, 2, 2), padding="same"),
    case("image.extract_patches_3d", VOLUME, 2, strides=1, dilation_rate=2),
    case("image.extract_patches_3d", W(4, 5, 6, 2), 2),
    case("image.extract_patches_3d", B(2, 2, 4, 5, 6), 2, **FIRST),
]

IMAGE_CASES = [*SIZES, *COLOURS, *SAMPLES, *WARPS, *RESAMPLES, *FILTERS, *PATCHES]
