"""Masks over pictures, beside Keras on its torch backend; where Keras fails there, by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.visualization import draw_segmentation_masks

GREY = np.full((1, 1, 4, 3), 100.0)
RED, GREEN = (200, 0, 0), (0, 200, 0)


def random_case(seed, dtype, channels_first=False):
    rng = np.random.default_rng(seed)
    images = rng.uniform(0, 255, (2, 5, 6, 3)).astype(dtype)
    masks = rng.integers(-1, 4, (2, 5, 6, 1))
    if channels_first:
        return images.transpose(0, 3, 1, 2), masks.transpose(0, 3, 1, 2)
    return images, masks


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64"])
@pytest.mark.parametrize("options", [{}, {"alpha": 0.3}, {"ignore_index": 2}, {"ignore_index": 0, "alpha": 1.0}])
@pytest.mark.parametrize("colors", [None, {0: (9, 8, 7), 1: RED, 2: GREEN, 3: (1, 2, 3), 4: (0, 0, 255)}])
def test_as_keras(data_format, dtype, options, colors):
    images, masks = random_case(3, dtype, data_format == "channels_first")
    given = {"num_classes": 5, "color_mapping": colors, "data_format": data_format, **options}
    theirs = keras.visualization.draw_segmentation_masks(images, masks, **given)
    ours = draw_segmentation_masks(images, masks, **given)
    assert ours.dtype == theirs.dtype == np.uint8
    np.testing.assert_array_equal(ours, theirs)


def test_without_blending_as_keras_but_for_what_is_ignored():
    images, masks = random_case(4, "float32")
    theirs = keras.visualization.draw_segmentation_masks(images, masks, num_classes=5, blend=False)
    ours = draw_segmentation_masks(images, masks, num_classes=5, blend=False)
    np.testing.assert_array_equal(ours, np.asarray(theirs).astype("uint8"))
    plain = draw_segmentation_masks(images, masks, blend=False, ignore_index=2)
    np.testing.assert_array_equal(plain[masks[..., 0] == 2], images.astype("uint8")[masks[..., 0] == 2])


def test_without_a_number_of_classes_all_are_drawn():
    """Keras on torch refuses this, its own default."""
    images, masks = random_case(5, "uint8")
    np.testing.assert_array_equal(
        draw_segmentation_masks(images, masks), draw_segmentation_masks(images, masks, num_classes=9)
    )


def test_masks_of_three_axes_tensors_and_small_whole_numbers():
    images, masks = random_case(6, "uint8")
    expected = draw_segmentation_masks(images, masks)
    for same in (masks[..., 0], torch.as_tensor(masks), masks.astype("int8"), masks.tolist()):
        np.testing.assert_array_equal(draw_segmentation_masks(torch.as_tensor(images), same), expected)
    first = images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(draw_segmentation_masks(first, masks[..., 0], data_format="channels_first"), expected)
    flags = masks == 1
    np.testing.assert_array_equal(draw_segmentation_masks(images, flags), draw_segmentation_masks(images, flags * 1))


def test_fractions_are_scaled_and_the_picture_given_stays():
    half = np.full((1, 2, 2, 1), 0.5, "float32")
    drawn = draw_segmentation_masks(half, np.array([[[0, 1], [1, -1]]]), color_mapping={1: RED}, alpha=0.5)
    assert drawn[0, :, :, 0].tolist() == [[127, 163], [163, 127]]
    assert (half == 0.5).all()


def test_the_background_without_a_colour_stays():
    masks = np.array([[[0, 1, 2, 1]]])
    drawn = draw_segmentation_masks(GREY, masks, 2, {1: RED, 2: GREEN}, alpha=1)
    assert drawn[0, 0].tolist() == [[100] * 3, list(RED), list(GREEN), list(RED)]


WRONG = {
    "one picture": ({"images": GREY[0]}, lamina.ShapeError, "batch of pictures"),
    "another size": ({"segmentation_masks": np.zeros((1, 1, 5), int)}, lamina.ShapeError, r"\(1, 1, 4\) or"),
    "scores": ({"segmentation_masks": np.zeros((1, 1, 4, 7), int)}, lamina.ShapeError, r"argmax\(-1\)"),
    "fractions": ({"segmentation_masks": np.zeros((1, 1, 4))}, lamina.DtypeError, "whole numbers"),
    "unknown class": ({"num_classes": 2}, lamina.ArgumentError, "class 3 with num_classes=2(.|\n)*ignore_index=3"),
    "no colour": ({"color_mapping": {1: RED}}, lamina.ArgumentError, "no colour for class 2"),
    "colours in a list": ({"color_mapping": [RED]}, lamina.ArgumentTypeError, "color_mapping cannot be this"),
    "half a colour": ({"color_mapping": dict.fromkeys(range(4), (1, 2))}, lamina.ArgumentError, "colour of class 0"),
    "alpha": ({"alpha": 80}, lamina.ArgumentError, "alpha cannot be 80"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case):
    changed, kind, text = WRONG[case]
    given = {"images": GREY, "segmentation_masks": np.array([[[0, 1, 2, 3]]])} | changed
    with pytest.raises(kind, match=text):
        draw_segmentation_masks(**given)
