"""Layers that change pictures at random, with ranges of one value, so that nothing is left to chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.layers.cases.form import F32, FIRST, INFERENCE, Case, case
from tests.layers.cases.wrong import bad_argument, bad_input

FOUR, ONE, TURNED = (4, 6, 7, 3), (6, 7, 3), (4, 3, 6, 7)


def pictures(layer: str, shape: tuple[int, ...], high: float = 255.0, /, **arguments: Any) -> Case:
    """A case on pictures of values from 0 to `high`."""
    values = np.random.default_rng(3).uniform(0, high, size=shape)
    return case(layer, shape, test_inputs=values.astype("float32"), **arguments)


def same(value: float) -> tuple[float, float]:
    return value, value


# Keras computes some maps in float32 whatever the layer's dtype; its RandomBrightness changes its input in place, so
# its training mode is compared without gradients, in test_augmentation.py.
CASES = [
    pictures("RandomFlip", FOUR, **INFERENCE),
    pictures("RandomFlip", ONE, mode="horizontal", **INFERENCE),
    pictures("RandomFlip", TURNED, mode="vertical", seed=3, **FIRST, **INFERENCE),
    case("RandomFlip", FOUR, seed=3, test_input_dtype="uint8", **INFERENCE),
    pictures("RandomRotation", FOUR, factor=same(0.1)),
    pictures("RandomRotation", ONE, factor=same(-0.3), fill_mode="constant", fill_value=9.0),
    pictures("RandomRotation", TURNED, factor=same(0.2), fill_mode="wrap", seed=1, **FIRST),
    pictures("RandomRotation", FOUR, factor=same(0.13), fill_mode="nearest"),
    pictures("RandomRotation", FOUR, factor=same(0.07), interpolation="nearest"),
    pictures("RandomRotation", (2, 5, 1, 1), factor=same(0.3)),
    pictures("RandomZoom", FOUR, height_factor=same(0.3), **F32),
    pictures("RandomZoom", FOUR, height_factor=same(-0.4), width_factor=same(0.25), **F32),
    pictures("RandomZoom", ONE, height_factor=same(0.9), fill_mode="constant", fill_value=-4.0, **F32),
    pictures("RandomZoom", TURNED, height_factor=same(0.8), fill_mode="wrap", seed=1, **FIRST, **F32),
    pictures("RandomZoom", FOUR, height_factor=same(0.33), interpolation="nearest", fill_mode="nearest", **F32),
    pictures("RandomTranslation", FOUR, height_factor=same(0.3), width_factor=same(-0.2), **F32),
    pictures(
        "RandomTranslation", ONE, height_factor=0.0, width_factor=same(0.9), fill_mode="constant", fill_value=5.0, **F32
    ),
    pictures(
        "RandomTranslation", TURNED, height_factor=same(-0.7), width_factor=0, fill_mode="wrap", seed=1, **FIRST, **F32
    ),
    pictures(
        "RandomTranslation", FOUR, height_factor=same(0.31), width_factor=same(0.4), interpolation="nearest", **F32
    ),
    pictures("RandomTranslation", FOUR, height_factor=same(1.0), width_factor=same(0.5), fill_mode="nearest", **F32),
    pictures("RandomCrop", FOUR, height=6, width=7, seed=7, **INFERENCE),
    pictures("RandomCrop", ONE, height=6, width=7, seed=1, **INFERENCE),
    pictures("RandomCrop", TURNED, height=6, width=7, seed=7, **FIRST, **INFERENCE),
    pictures("RandomCrop", (4, 7, 6, 3), height=7, width=6, seed=7, **INFERENCE),
    pictures("RandomContrast", FOUR, factor=same(0.0)),
    pictures("RandomContrast", FOUR, factor=(0.0, 0.0), value_range=(20, 200)),
    pictures("RandomContrast", ONE, factor=0.4, seed=3, **INFERENCE),
    pictures("RandomContrast", TURNED, 1.0, factor=0.0, value_range=(0, 1), **FIRST),
    pictures("RandomBrightness", FOUR, factor=same(0.25), **INFERENCE),
    pictures("RandomBrightness", ONE, 1.0, factor=same(-0.5), value_range=(0, 1), seed=3, **INFERENCE),
    pictures("RandomBrightness", TURNED, factor=same(1.0), **FIRST, **INFERENCE),
    pictures("RandomBrightness", FOUR, factor=0.2, **INFERENCE),
    pictures("RandomShear", FOUR),
    pictures("RandomShear", ONE, x_factor=0.5, y_factor=0.2, seed=3, fill_value=3.0, fill_mode="constant", **INFERENCE),
    pictures("RandomShear", TURNED, x_factor=(0, 0), interpolation="nearest", **FIRST),
    pictures("RandomShear", FOUR, x_factor=(0.1, 0.4), **INFERENCE),
    pictures("RandomPerspective", FOUR, factor=same(0.0)),
    pictures("RandomPerspective", ONE, factor=0.0, scale=0.5, seed=3, fill_value=3.0),
    pictures("RandomPerspective", TURNED, interpolation="nearest", **FIRST, **INFERENCE),
    pictures("RandomPerspective", FOUR, factor=(0.5, 1.0), **INFERENCE),
    pictures("RandomElasticTransform", FOUR, factor=0.0),
    pictures("RandomElasticTransform", ONE, 1.0, value_range=(0, 1), scale=0.5, fill_value=3.0, seed=3, **INFERENCE),
    pictures("RandomElasticTransform", TURNED, interpolation="nearest", **FIRST, **INFERENCE),
    pictures("RandomElasticTransform", FOUR, factor=(0.5, 1.0), fill_mode="mirror", **INFERENCE),
    pictures("RandomColorDegeneration", FOUR, factor=same(0.4)),
    pictures("RandomColorDegeneration", ONE, factor=same(-0.7), seed=3),
    pictures("RandomColorDegeneration", TURNED, 1.0, factor=same(1.0), value_range=(0, 1), **FIRST),
    pictures("RandomColorDegeneration", FOUR, factor=0.5, **INFERENCE),
    pictures("RandomGrayscale", FOUR, factor=1.0),
    pictures("RandomGrayscale", FOUR, factor=0.0),
    pictures("RandomGrayscale", TURNED, factor=1, **FIRST),
    pictures("RandomGrayscale", ONE, seed=3, **INFERENCE),
    pictures("RandomHue", FOUR, factor=same(0.0), **F32),
    pictures("RandomHue", ONE, 1.0, factor=same(1.0), value_range=(0, 1), seed=3, **F32),
    pictures("RandomHue", TURNED, factor=same(1.0), **FIRST, **F32),
    pictures("RandomHue", FOUR, factor=0.3, **INFERENCE),
    pictures("RandomSaturation", FOUR, factor=same(0.3)),
    pictures("RandomSaturation", FOUR, factor=same(0.8)),
    pictures("RandomSaturation", TURNED, 1.0, factor=same(0.7), value_range=(0, 1), **FIRST),
    pictures("RandomSaturation", FOUR, factor=0.3, seed=3, **INFERENCE),
    pictures(
        "RandomColorJitter", FOUR, contrast_factor=same(0.0), saturation_factor=same(0.4), hue_factor=same(0.0), **F32
    ),
    pictures(
        "RandomColorJitter", FOUR, 1.0, value_range=(0, 1), saturation_factor=same(0.6), hue_factor=same(1.0), **F32
    ),
    pictures("RandomColorJitter", ONE, brightness_factor=0.2, seed=3, **INFERENCE),
    pictures("RandomColorJitter", TURNED, contrast_factor=0.0, **FIRST, **F32),
    pictures("RandomInvert", FOUR, factor=same(1.0)),
    pictures("RandomInvert", FOUR, factor=0.0),
    pictures("RandomInvert", TURNED, 1.0, factor=same(1.0), value_range=(0, 1), seed=3, **FIRST),
    pictures("RandomInvert", ONE, **INFERENCE),
    pictures("RandomPosterization", FOUR, factor=same(3)),
    pictures("RandomPosterization", ONE, factor=same(8), seed=3),
    pictures("RandomPosterization", TURNED, 1.0, factor=same(1), value_range=(0, 1), **FIRST),
    pictures("RandomPosterization", FOUR, factor=4, **INFERENCE),
    pictures("Solarization", FOUR),
    pictures("Solarization", FOUR, 1.0, value_range=(0, 1)),
    pictures("Solarization", TURNED, addition_factor=0.0, threshold_factor=0, seed=3, **FIRST),
    pictures("Solarization", ONE, addition_factor=0.2, threshold_factor=(0.1, 0.5), **INFERENCE),
    pictures("AutoContrast", FOUR),
    pictures("AutoContrast", FOUR, 1.0, value_range=(0, 1)),
    pictures("AutoContrast", ONE, 100.0),
    pictures("AutoContrast", (2, 4, 5, 1), 100.0, value_range=(-10, 300)),
    pictures("Equalization", FOUR),
    pictures("Equalization", FOUR, 1.0, value_range=(0, 1), bins=16),
    pictures("Equalization", TURNED, 60.0, **FIRST),
    pictures("Equalization", ONE, bins=7),
    pictures("ContrastLimitedAdaptiveHistogramEqualization", (2, 16, 24, 3), **F32),
    pictures(
        "ContrastLimitedAdaptiveHistogramEqualization", (2, 17, 21, 1), clip_limit=0.0, tile_grid_size=(2, 3), **F32
    ),
    pictures(
        "ContrastLimitedAdaptiveHistogramEqualization", (19, 16, 3), 1.0, value_range=(0, 1), clip_limit=1.5, **F32
    ),
    pictures("ContrastLimitedAdaptiveHistogramEqualization", (2, 3, 16, 18), **FIRST, **F32),
    pictures("RandomSharpness", FOUR, factor=same(0.0)),
    pictures("RandomSharpness", ONE, factor=same(0.9), seed=3),
    pictures("RandomSharpness", TURNED, 1.0, factor=same(0.3), value_range=(0, 1), **FIRST),
    pictures("RandomSharpness", FOUR, factor=0.7, **INFERENCE),
    pictures("RandomGaussianBlur", FOUR, factor=same(1.0), sigma=same(0.8)),
    pictures("RandomGaussianBlur", TURNED, factor=same(1.0), sigma=same(1.0), kernel_size=(5, 5), seed=3, **FIRST),
    pictures("RandomGaussianBlur", FOUR, 1.0, factor=0.0, value_range=(0, 1)),
    pictures("RandomGaussianBlur", ONE, kernel_size=5, **INFERENCE),
    pictures("RandomErasing", FOUR, factor=0.0),
    pictures("RandomErasing", FOUR, factor=same(1.0), scale=same(1.0), fill_value=7.0),
    pictures("RandomErasing", FOUR, factor=same(1.0), scale=same(1.0), fill_value=(9.0, 8.0, 300.0), seed=3),
    pictures("RandomErasing", TURNED, 1.0, value_range=(0, 1), scale=0.3, **FIRST, **INFERENCE),
    pictures("MixUp", ONE),
    pictures("MixUp", FOUR, alpha=0.5, seed=3, **INFERENCE),
    pictures("MixUp", TURNED, **FIRST, **INFERENCE),
    pictures("MixUp", (1, 6, 7, 3)),
    pictures("CutMix", ONE),
    pictures("CutMix", FOUR, factor=0.5, seed=3, **INFERENCE),
    pictures("CutMix", TURNED, **FIRST, **INFERENCE),
    pictures("CutMix", (1, 6, 7, 3)),
    pictures("RandAugment", FOUR, num_ops=0),
    pictures("RandAugment", ONE, 1.0, value_range=(0, 1), factor=0.2, seed=3, **INFERENCE),
    pictures("RandAugment", TURNED, **FIRST, **INFERENCE),
    pictures("RandAugment", FOUR, interpolation="nearest", **INFERENCE),
    pictures("AugMix", FOUR, num_chains=2, chain_depth=1, alpha=0.5, **INFERENCE),
    pictures("AugMix", ONE, 1.0, value_range=(0, 1), factor=0.2, all_ops=False, seed=3, **INFERENCE),
    pictures("AugMix", TURNED, **FIRST, **INFERENCE),
    pictures("AugMix", FOUR, interpolation="nearest", **INFERENCE),
]

ERRORS = [
    bad_argument("RandomFlip", "mode cannot be 'sideways'.*'horizontal_and_vertical'", mode="sideways"),
    bad_argument("RandomFlip", "seed cannot be 1.5", seed=1.5),
    bad_argument("RandomFlip", "format 'xxyy' is not one for boxes", bounding_box_format="xxyy"),
    bad_input("rank", "RandomFlip", (None, 8), "3 or 4 axes, not 2"),
    bad_input("rank", "RandomFlip", (None, 2, 8, 8, 3), "3 or 4 axes, not 5"),
    bad_argument("RandomRotation", "factor cannot be 2", factor=2),
    bad_argument("RandomRotation", "fill_mode cannot be 'zeros'.*'wrap'", factor=0.1, fill_mode="zeros"),
    bad_argument("RandomRotation", "interpolation cannot be 'cubic'", factor=0.1, interpolation="cubic"),
    bad_argument("RandomRotation", "fill_value cannot be 'black'", factor=0.1, fill_value="black"),
    bad_argument("RandomZoom", "height_factor cannot be -1.*not itself", height_factor=-1.0),
    bad_argument("RandomZoom", "width_factor cannot be 'wide'", height_factor=0.1, width_factor="wide"),
    bad_argument("RandomTranslation", "width_factor cannot be .1, 2, 3.", height_factor=0.1, width_factor=(1, 2, 3)),
    bad_argument("RandomCrop", "height cannot be 0", height=0, width=3),
    bad_argument("RandomContrast", "factor cannot be -0.1.*from 0 to 1", factor=-0.1),
    bad_argument("RandomContrast", "value_range cannot be 255.*two numbers", factor=0.1, value_range=255),
    bad_argument("RandomBrightness", "factor cannot be True", factor=True),
    bad_argument("RandomBrightness", "value_range cannot be .1, 1.", factor=0.1, value_range=(1, 1)),
    bad_argument("RandomShear", "x_factor cannot be -0.1.*from 0 to 1", x_factor=-0.1),
    bad_argument("RandomPerspective", "scale cannot be 1.5", scale=1.5),
    bad_argument("RandomElasticTransform", "fill_mode cannot be 'zeros'.*'mirror'", fill_mode="zeros"),
    bad_argument("RandomElasticTransform", "scale cannot be 2", scale=2),
    bad_argument("RandomGaussianBlur", "kernel_size cannot be 4.*odd", kernel_size=4),
    bad_argument("RandomGaussianBlur", "sigma cannot be 1.5", sigma=1.5),
    bad_argument("RandomSharpness", "factor cannot be 'sharp'", factor="sharp"),
    bad_argument("RandomGrayscale", "factor cannot be 2", factor=2),
    bad_input("width", "RandomGrayscale", (None, 8, 8, 4), "1 or 3 channels"),
    bad_argument("RandomColorDegeneration", "factor cannot be -2", factor=-2),
    bad_input("width", "RandomColorDegeneration", (None, 8, 8, 1), "3 channels", factor=0.5),
    bad_argument("RandomHue", "factor cannot be 1.5", factor=1.5),
    bad_input("width", "RandomHue", (None, 8, 8, 4), "3 channels", factor=0.5),
    bad_argument("RandomSaturation", "value_range cannot be 'bytes'", factor=0.5, value_range="bytes"),
    bad_input("width", "RandomSaturation", (None, 4, 8, 8), "3 channels", factor=0.5, **FIRST),
    bad_argument("RandomColorJitter", "factor cannot be 7", hue_factor=7),
    bad_argument("RandomInvert", "factor cannot be -1", factor=-1),
    bad_argument("RandomPosterization", "factor cannot be 9.*from 1 to 8", factor=9),
    bad_argument("Solarization", "threshold_factor cannot be 3", threshold_factor=3),
    bad_argument("AutoContrast", "value_range cannot be 255", value_range=255),
    bad_argument("Equalization", "bins cannot be 0", bins=0),
    bad_argument("ContrastLimitedAdaptiveHistogramEqualization", "tile_grid_size cannot be 0", tile_grid_size=0),
    bad_argument("ContrastLimitedAdaptiveHistogramEqualization", "clip_limit cannot be -1", clip_limit=-1),
    bad_argument("RandomErasing", "fill_value cannot be .1, 2..*or three", fill_value=(1, 2)),
    bad_argument("RandomErasing", "fill_value cannot be 'red'", fill_value="red"),
    bad_argument("MixUp", "alpha cannot be 0", alpha=0),
    bad_argument("CutMix", "factor cannot be 2", factor=2),
    bad_argument("RandAugment", "num_ops cannot be -1", num_ops=-1),
    bad_input("width", "RandAugment", (None, 8, 8, 1), "3 channels"),
    bad_argument("AugMix", "num_chains cannot be 0", num_chains=0),
    bad_argument("AugMix", "all_ops cannot be 'no'", all_ops="no"),
    bad_argument("MaxNumBoundingBoxes", "max_number cannot be 0", max_number=0),
]
