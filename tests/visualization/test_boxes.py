"""Boxes drawn on pictures: pixel by pixel as Keras draws them with OpenCV, and what is refused."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina.visualization import draw_bounding_boxes
from lamina.visualization.strokes import outline

TABLE = np.load(Path(__file__).with_name("keras_boxes.npz"))
CASES = sorted({key.rpartition("|")[0] for key in TABLE.files}, key=lambda case: int(case.partition("|")[0]))
ONE = {"boxes": np.array([[[2, 3, 9, 8]]]), "labels": np.array([[1]])}
BLACK = np.zeros((1, 12, 14, 3), "uint8")


@pytest.fixture(autouse=True)
def _turned_boxes_are_told_of_elsewhere(request):
    if "turned" in request.node.name:
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "visualization: box . of picture . ends before it begins")
        yield


@pytest.mark.parametrize("case", CASES)
def test_as_keras_draws_with_opencv(case):
    _, fmt, thickness = case.split("|")
    images, boxes, labels, drawn = (TABLE[f"{case}|{part}"] for part in ("images", "boxes", "labels", "drawn"))
    told = {"boxes": boxes, "labels": labels}
    options = {"color": (10, 200, 30), "line_thickness": int(thickness)}
    before = images.copy()
    np.testing.assert_array_equal(draw_bounding_boxes(images, told, fmt, **options), drawn)
    np.testing.assert_array_equal(images, before)
    first = draw_bounding_boxes(images.transpose(0, 3, 1, 2), told, fmt, data_format="channels_first", **options)
    np.testing.assert_array_equal(first, drawn.transpose(0, 3, 1, 2))


def test_the_table_covers_formats_and_thicknesses():
    assert {case.split("|")[1] for case in CASES} == {
        "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"
    }  # fmt: skip
    assert len({case.split("|")[2] for case in CASES}) == 8
    assert len(CASES) == 48


@pytest.mark.parametrize("thickness", [-1, 1, 2, 5])
def test_an_outline_is_what_lies_near_enough_to_the_edge(thickness):
    """By the distance of every pixel to every pixel of the edge."""
    reach = 0 if thickness <= 1 else (thickness + 1) // 2
    picture = np.zeros((30, 30, 1), "uint8")
    outline(picture, (9, 8, 21, 19), np.array([7], "uint8"), thickness)
    edge = [(y, x) for y in range(8, 20) for x in range(9, 22) if thickness < 0 or y in (8, 19) or x in (9, 21)]
    grid = np.stack(np.indices((30, 30)), -1)
    near = np.min([((grid - np.array(one)) ** 2).sum(-1) for one in edge], 0) <= reach**2
    np.testing.assert_array_equal(picture[..., 0] == 7, near)


def test_boxes_far_outside_cost_nothing():
    told = {"boxes": [[[-1e12, -1e12, 1e12, 1e12], [1e12, 1e12, 2e12, 2e12]]], "labels": [[0, 0]]}
    assert not draw_bounding_boxes(BLACK, told, "xyxy").any()
    assert draw_bounding_boxes(BLACK, told, "xyxy", line_thickness=-1, color=(5, 6, 7)).reshape(-1, 3).tolist() == [
        [5, 6, 7]
    ] * (12 * 14)


def test_torch_tensors_and_whole_numbers_and_lists():
    expected = draw_bounding_boxes(BLACK, ONE, "xyxy")
    tensors = {key: torch.as_tensor(value) for key, value in ONE.items()}
    lists = {key: value.tolist() for key, value in ONE.items()}
    for told in (tensors, lists, {**ONE, "labels": ONE["labels"][..., None]}, {**ONE, "labels": [[1.0]]}):
        np.testing.assert_array_equal(draw_bounding_boxes(torch.as_tensor(BLACK), told, "xyxy"), expected)


def test_transparency_stays_full_and_grey_takes_the_first_number():
    clear = draw_bounding_boxes(np.zeros((1, 12, 14, 4)), ONE, "xyxy", color=(1, 2, 3), line_thickness=1)
    assert clear[0, 3, 2].tolist() == [1, 2, 3, 255]
    assert clear[0, 0, 0].tolist() == [0, 0, 0, 0]
    grey = draw_bounding_boxes(np.zeros((1, 12, 14, 1)), ONE, "xyxy", color=(1, 2, 3), line_thickness=1)
    assert grey[0, 3, 2].tolist() == [1]


# ---- names of classes ----------------------------------------------------------------------------------------------


def written(name="dog", picture=(60, 200), **options):
    told = {"boxes": [[[20, 40, 90, 55]]], "labels": [[1]]} | options.pop("told", {})
    black = np.zeros((1, *picture, 3), "uint8")
    bare = draw_bounding_boxes(black, told, "xyxy", color=(250, 250, 250))
    full = draw_bounding_boxes(black, told, "xyxy", {1: name}, color=(250, 250, 250), **options)
    rows, cols = np.nonzero((full != bare)[0].any(-1))
    return rows.min(), rows.max(), cols.min(), cols.max(), len(rows)


def test_a_name_stands_above_its_box_with_letters_of_21_pixels():
    top, bottom, left, right, _ = written("HI")
    assert bottom in (31, 32)
    assert 18 <= bottom - top + 1 <= 24
    assert 20 <= left <= 24
    assert right < 70


def test_a_name_without_room_above_stands_in_the_box():
    assert written(told={"boxes": [[[20, 4, 90, 55]]]})[0] > 6


def test_scale_thickness_and_confidence_change_the_text():
    small, large = written(font_scale=0.5), written(font_scale=1.0)
    assert large[1] - large[0] > 1.5 * (small[1] - small[0])
    assert written(text_thickness=4)[4] > large[4]
    assert written(told={"confidences": [[0.931]]})[3] > large[3] + 40


def test_letters_beyond_ascii_are_no_boxes():
    assert written("ß")[4] != written("ü")[4]


def test_a_name_may_leave_the_picture():
    assert written("a long name that does not fit", picture=(60, 100))[3] == 99


def test_a_class_without_a_name_is_told_of_once():
    told = {"boxes": np.tile(ONE["boxes"], (1, 3, 1)), "labels": [[1, 5, 7]]}
    with pytest.warns(UserWarning, match="class_mapping has no name for 5, 7") as caught:
        drawn = draw_bounding_boxes(BLACK, told, "xyxy", {1: ""})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert drawn.any()


def test_without_pillow_boxes_are_drawn_and_names_are_an_error(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "PIL"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert draw_bounding_boxes(BLACK, ONE, "xyxy").any()
    with pytest.raises(
        ImportError, match=r"visualization\.draw_bounding_boxes .*Pillow: pip install 'lamina\[images\]'"
    ):
        draw_bounding_boxes(BLACK, ONE, "xyxy", {1: "dog"})


# ---- what is refused -----------------------------------------------------------------------------------------------

NAN = np.array([[[2, 3, np.nan, 8]]])
WRONG = {
    "one picture": ({"images": BLACK[0]}, lamina.ShapeError, r"batch of pictures(.|\n)*images\[None\]"),
    "channels elsewhere": ({"images": np.zeros((1, 3, 12, 14))}, lamina.ShapeError, "channels_first"),
    "pictures of text": ({"images": np.full((1, 2, 2, 3), "a")}, lamina.ArgumentError, "pictures of numbers"),
    "no dict": ({"bounding_boxes": [[1, 2, 3, 4]]}, lamina.ArgumentTypeError, '"boxes" and "labels"'),
    "no boxes": ({"bounding_boxes": {"labels": [[1]]}}, lamina.ArgumentError, "no 'boxes'"),
    "no labels": ({"bounding_boxes": {"boxes": [[[1, 2, 3, 4]]]}}, lamina.ArgumentError, "no 'labels'"),
    "three numbers": ({"bounding_boxes": {**ONE, "boxes": [[[1, 2, 3]]]}}, lamina.ShapeError, "four numbers"),
    "no batch": ({"bounding_boxes": {**ONE, "boxes": [[1, 2, 3, 4]]}}, lamina.ShapeError, r"\(1, N, 4\)"),
    "too many": ({"bounding_boxes": {"boxes": np.ones((2, 1, 4)), "labels": [[1], [1]]}}, lamina.ShapeError, "fit"),
    "labels": ({"bounding_boxes": {**ONE, "labels": [[1, 2]]}}, lamina.ShapeError, "labels do not fit"),
    "confidences": ({"bounding_boxes": {**ONE, "confidences": [1.0]}}, lamina.ShapeError, "confidences do not fit"),
    "NaN": ({"bounding_boxes": {**ONE, "boxes": NAN}}, lamina.ArgumentError, "Box 0 of picture 0 is none"),
    "half a class": ({"bounding_boxes": {**ONE, "labels": [[0.5]]}}, lamina.ArgumentError, "number of a class"),
    "a named class": ({"bounding_boxes": {**ONE, "labels": np.array([["a"]])}}, lamina.ArgumentError, "number of a"),
    "format": ({"bounding_box_format": "corners"}, lamina.ArgumentError, "'corners' is not one for boxes"),
    "mapping": ({"class_mapping": ["a", "b"]}, lamina.ArgumentTypeError, r"dict\(enumerate\(names\)\)"),
    "color": ({"color": (1, 2)}, lamina.ArgumentError, "color cannot be"),
    "thickness": ({"line_thickness": 0}, lamina.ArgumentError, "line_thickness cannot be 0"),
    "scale": ({"font_scale": 0, "class_mapping": {1: "a"}}, lamina.ArgumentError, "font_scale cannot be 0"),
    "data format": ({"data_format": "last"}, lamina.ArgumentError, "data_format 'last'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case):
    changed, kind, text = WRONG[case]
    given = {"images": BLACK, "bounding_boxes": ONE, "bounding_box_format": "xyxy"} | changed
    with pytest.raises(kind, match=text):
        draw_bounding_boxes(**given)


def test_a_place_without_a_box_may_hold_anything():
    told = {"boxes": np.concatenate([ONE["boxes"], NAN], 1), "labels": [[1, -1]]}
    np.testing.assert_array_equal(draw_bounding_boxes(BLACK, told, "xyxy"), draw_bounding_boxes(BLACK, ONE, "xyxy"))


def test_turned_boxes_of_another_format_are_told_of():
    with pytest.warns(UserWarning, match='box 0 of picture 0 ends before it begins.*another format than "xyxy"'):
        draw_bounding_boxes(BLACK, {"boxes": [[[9, 8, 2, 3]]], "labels": [[0]]}, "xyxy")


def test_arguments_are_kerass():
    from tests.keras_names import assert_same_functions

    assert_same_functions(lamina.visualization, keras.visualization)


def test_boxes_in_lists_of_different_lengths() -> None:
    pictures = np.zeros((3, 20, 20, 3), "uint8")
    rows: list[Any] = [[[1, 1, 8, 8]], [], [[2, 2, 9, 9], [5, 5, 15, 15]]]
    told: dict[str, Any] = {"boxes": rows, "labels": [[0], [], [1, 0]], "confidences": [[0.5], [], [0.25, 0.75]]}
    drawn = draw_bounding_boxes(pictures, told, "xyxy", class_mapping={0: "a", 1: "b"})
    assert not drawn[1].any()
    filled = {
        "boxes": np.array([[*row, *[[0, 0, 0, 0]] * (2 - len(row))] for row in rows]),
        "labels": np.array([[0, -1], [-1, -1], [1, 0]]),
        "confidences": np.array([[0.5, 0], [0, 0], [0.25, 0.75]]),
    }
    assert (drawn == draw_bounding_boxes(pictures, filled, "xyxy", class_mapping={0: "a", 1: "b"})).all()
    assert not draw_bounding_boxes(pictures[:1], {"boxes": [[]], "labels": [[]]}, "xyxy").any()
    with pytest.raises(lamina.ShapeError, match="do not fit"):
        draw_bounding_boxes(pictures, told | {"labels": [[0], [], [1]]}, "xyxy")
    with pytest.raises(lamina.ArgumentError, match="color cannot be 'red'"):
        draw_bounding_boxes(pictures, told, "xyxy", color="red")
