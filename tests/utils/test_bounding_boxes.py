"""`lamina.utils.bounding_boxes`, against Keras on torch."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.graph import ArgumentError, ShapeError
from lamina.ops.box_formats import FORMATS
from lamina.utils import bounding_boxes as ours

theirs = keras.utils.bounding_boxes
RNG = np.random.default_rng(5)


def corners(*shape, size=(40.0, 60.0)):
    """Boxes within a picture of this height and width, as xyxy."""
    xs, ys = (np.sort(RNG.uniform(0, most, (*shape, 2)), -1) for most in size[::-1])
    return np.stack([xs[..., 0], ys[..., 0], xs[..., 1], ys[..., 1]], -1).astype("float32")


def close(a, b, tolerance=1e-4):
    np.testing.assert_allclose(
        np.asarray(a), np.asarray(b.detach() if hasattr(b, "detach") else b), tolerance, tolerance
    )


def test_names_and_signatures_are_those_of_keras():
    assert set(ours.__all__) == {name for name in dir(theirs) if not name.startswith("_")}
    for name in ours.__all__:
        signatures = [inspect.signature(getattr(m, name)).parameters.values() for m in (ours, theirs)]
        assert [(p.name, p.default) for p in signatures[0]] == [(p.name, p.default) for p in signatures[1]], name


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_convert_format(source, target):
    given = np.asarray(theirs.convert_format(corners(3, 5), "xyxy", source, 40, 60))
    close(
        ours.convert_format(given, source, target.upper(), 40, 60), theirs.convert_format(given, source, target, 40, 60)
    )
    back = ours.convert_format(ours.convert_format(given, source, target, 40, 60), target, source, 40, 60)
    close(back, given)


def test_convert_format_of_other_things():
    boxes = corners(4)
    given = {"boxes": boxes, "labels": np.arange(4)}
    made = ours.convert_format(given, "xyxy", "xywh")
    assert given["boxes"] is boxes  # Keras changes the dict that it is given
    close(made["boxes"], theirs.convert_format(boxes, "xyxy", "xywh"))
    assert made["labels"] is given["labels"]
    assert ours.convert_format(boxes, "xyxy", "xywh", dtype="float64").dtype == torch.float64
    x = lamina.Input((5, 4))
    made = ours.convert_format(x, "xyxy", "rel_center_xywh", 40, 60)
    assert made.shape == (None, 5, 4)
    batch = corners(2, 5)
    close(
        lamina.Model(x, made)(torch.from_numpy(batch)), theirs.convert_format(batch, "xyxy", "rel_center_xywh", 40, 60)
    )
    # From one relative format to another no size is needed.
    close(ours.convert_format(boxes / 60, "rel_xyxy", "rel_yxyx"), boxes[:, [1, 0, 3, 2]] / 60)


def test_clip_to_image_size():
    boxes = corners(2, 6) * 2 - 20
    boxes[0, 0] = [70, 0, 80, 10]
    labels = RNG.integers(0, 9, (2, 6))
    for name, factor, size in (("xyxy", 1, {"height": 40, "width": 60}), ("rel_xyxy", 0.02, {})):
        given = {"boxes": torch.from_numpy(boxes * np.float32(factor)), "labels": torch.from_numpy(labels), "x": 1}
        a, b = (m.clip_to_image_size(given, **size, bounding_box_format=name) for m in (ours, theirs))
        close(a["boxes"], b["boxes"])
        assert a["labels"].tolist() == b["labels"].tolist()
        assert a["labels"][0, 0] == -1
        assert a["x"] == 1
    only = ours.clip_to_image_size({"boxes": boxes}, 40, 60)
    assert set(only) == {"boxes"}


def test_crop_and_pad():
    boxes = corners(3, 5)
    close(ours.crop(boxes, 5, 10, 20, 30), theirs.crop(torch.from_numpy(boxes), 5, 10, 20, 30))
    close(ours.pad(boxes, 5, 10), theirs.pad(torch.from_numpy(boxes), 5, 10))


@pytest.mark.parametrize("centre", [{}, {"center_x": 0.2, "center_y": 0.7}])
def test_affine_transform(centre):
    boxes = torch.from_numpy(corners(4, 6))
    values = {
        "angle": [0, 30, -75, 180], "translate_x": [0, 0.1, -0.2, 0.3], "translate_y": [0, -0.3, 0.1, 0],
        "scale": [1, 0.5, 2, 1.5], "shear_x": [0, 10, -5, 20], "shear_y": [0, -15, 8, 0],
    }  # fmt: skip
    values = {name: torch.tensor(value, dtype=torch.float32) for name, value in values.items()}
    made, expected = (m.affine_transform(boxes, **values, height=40, width=60, **centre) for m in (ours, theirs))
    close(made, expected, 2e-4)
    close(made[0], boxes[0])


@pytest.mark.parametrize("shapes", [((5, 4), (3, 4)), ((2, 5, 4), (2, 3, 4)), ((2, 5, 4), (3, 4)), ((5, 4), (2, 3, 4))])
@pytest.mark.parametrize("name", ["xyxy", "center_xywh", "rel_yxyx"])
def test_compute_iou(shapes, name):
    image = (40, 60, 3)
    pair = [np.asarray(theirs.convert_format(corners(*shape[:-1]), "xyxy", name, 40, 60)) for shape in shapes]
    close(ours.compute_iou(*pair, name, image_shape=image), theirs.compute_iou(*pair, name, image_shape=image))


def test_compute_iou_with_masks():
    first, second = corners(2, 5), corners(2, 3)
    first[0, 1] = second[1, 2] = -1
    a, b = (m.compute_iou(first, second, "xyxy", use_masking=True, mask_val=-2) for m in (ours, theirs))
    close(a, b)
    assert (a[0, 1] == -2).all()
    assert (a[1, :, 2] == -2).all()
    # Sets of different ranks, where Keras fails.
    mixed = ours.compute_iou(first, second[1], "xyxy", use_masking=True)
    assert mixed.shape == (2, 5, 3)
    assert (mixed[..., 2] == -1).all()


def test_compute_ciou():
    first, second = corners(50), corners(50)
    close(ours.compute_ciou(first, second, "xyxy"), theirs.compute_ciou(first, second, "xyxy"))
    relative = [ours.convert_format(boxes, "xyxy", "rel_xywh", 40, 60) for boxes in (first, second)]
    # Keras refuses relative formats even where it is given the size.
    close(ours.compute_ciou(*relative, "rel_xywh", (40, 60, 3)), ours.compute_ciou(first, second, "xyxy"))
    given = torch.from_numpy(first).requires_grad_()
    ours.compute_ciou(given, second, "xyxy").sum().backward()
    reference = torch.from_numpy(first).requires_grad_()
    theirs.compute_ciou(reference, second, "xyxy").sum().backward()
    close(given.grad, reference.grad)


@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("shape", [(6,), (2, 6)])
def test_deltas(shape, encoding, variance):
    anchors, boxes = corners(6), corners(*shape)
    relative = np.asarray(theirs.convert_format(boxes, "xyxy", "rel_xywh", 40, 60))
    arguments = (anchors, relative, "xyxy", "rel_xywh", encoding, variance, (40, 60, 3))
    deltas = ours.encode_box_to_deltas(*arguments)
    close(deltas, theirs.encode_box_to_deltas(*arguments), 1e-3)
    arguments = (anchors, deltas, "xyxy", "rel_xywh", encoding, variance, (40, 60, 3))
    back = ours.decode_deltas_to_boxes(*arguments)
    close(back, theirs.decode_deltas_to_boxes(*arguments))
    close(back, relative)


def test_deltas_level_by_level():
    anchors = {"p3": corners(4), "p4": corners(2)}
    deltas = {name: RNG.normal(size=(3, *level.shape)).astype("float32") for name, level in anchors.items()}
    a = ours.decode_deltas_to_boxes(anchors, deltas, "xyxy", "yxyx")
    tensors = {name: torch.from_numpy(level) for name, level in deltas.items()}
    b = theirs.decode_deltas_to_boxes(anchors, tensors, "xyxy", "yxyx")
    assert set(a) == set(anchors)
    for name in anchors:
        close(a[name], b[name])


BOX = np.array([[1.0, 2.0, 3.0, 4.0]])


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: ours.convert_format(BOX, "xxyy", "xyxy"), ArgumentError, "'xxyy'"),
        (lambda: ours.convert_format(BOX, "xyxy", "rel_xyxy"), ArgumentError, "size of the picture"),
        (lambda: ours.convert_format(BOX[:, :3], "xyxy", "xywh"), ShapeError, "four numbers"),
        (lambda: ours.clip_to_image_size({"boxes": BOX}, 3), ArgumentError, "size of the picture"),
        (lambda: ours.clip_to_image_size({"boxes": BOX}, 3, 3, "xywh"), ArgumentError, "'xywh'"),
        (lambda: ours.crop(BOX, 0, 0, 1, 1, "xywh"), ArgumentError, "'xywh'"),
        (lambda: ours.compute_iou(BOX[0], BOX, "xyxy"), ShapeError, "sets of boxes"),
        (lambda: ours.compute_iou(BOX, BOX, "rel_xyxy"), ArgumentError, "image_shape"),
        (lambda: ours.encode_box_to_deltas(BOX, BOX, "xyxy", "xyxy", "xyxy"), ArgumentError, "'xyxy'"),
        (lambda: ours.encode_box_to_deltas(BOX, BOX, "xyxy", "xyxy", variance=[1, 2]), ArgumentError, "variance"),
    ],
)
def test_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()
