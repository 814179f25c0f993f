"""Galleries: the picture that is written, compared with a kept one; grids, titles, ranges, and what is refused.

After a wanted change: `python -m tests.visualization.test_galleries` writes the kept pictures anew; look at them.
"""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from PIL import Image

import lamina
from lamina.graph import ArgumentError
from lamina.visualization import plot_bounding_box_gallery, plot_image_gallery, plot_segmentation_mask_gallery

KEPT = Path(__file__).parent / "kept"


def ramps(count=5, height=40, width=40, channels=3):
    """Ramps of grey, each as bright as its number."""
    ramp = np.linspace(0, 1, width)[None, None, :, None] * np.linspace(0.4, 1, count)[:, None, None, None]
    return np.broadcast_to(ramp, (count, height, width, channels)) * 255


BOXES = {"boxes": np.array([[[4, 6, 20, 30], [10, 10, 36, 34]]] * 4), "labels": np.array([[0, 1]] * 4)}
GUESSED = {"boxes": np.array([[[6, 9, 22, 28], [0, 0, 0, 0]]] * 4), "labels": np.array([[0, -1]] * 4)}
MASKS = np.arange(16).reshape(1, 4, 4).repeat(2, 0).repeat(10, 1).repeat(10, 2) % 4
NAMES = {0: "cat", 1: "dog", 2: "cow", 3: "pig", 4: "hen"}


def plain(path):
    plot_image_gallery(ramps(), y_true=range(5), y_pred=[0, 1, 2, 3, 9], label_map=NAMES, path=path, scale=1.5)


def boxes(path):
    plot_bounding_box_gallery(ramps(4), "xyxy", BOXES, GUESSED, class_mapping=NAMES, font_scale=0.4, legend=True,
                              text_thickness=1, line_thickness=1, path=path)  # fmt: skip


def masks(path):
    plot_segmentation_mask_gallery(ramps(2), 3, y_true=MASKS, y_pred=MASKS[:, ::-1], ignore_index=0, path=path)


DRAWN = {"plain": plain, "boxes": boxes, "masks": masks}


@pytest.mark.parametrize("name", DRAWN)
def test_as_the_kept_picture(name, tmp_path):
    """Within what fonts and another matplotlib move: the pictures, made small, differ little."""
    file = tmp_path / "drawn.png"
    assert DRAWN[name](file) is None
    assert picture_distance(file, KEPT / f"{name}.png") < 4
    assert pyplot.get_fignums() == []  # none is left open


def test_the_distance_between_pictures_sees_what_is_missing(tmp_path):
    assert picture_distance(KEPT / "boxes.png", KEPT / "plain.png") > 8
    plot_bounding_box_gallery(ramps(4), "xyxy", BOXES, None, legend=True, line_thickness=1, path=tmp_path / "a.png")
    assert picture_distance(tmp_path / "a.png", KEPT / "boxes.png") > 4


def picture_distance(one, other):
    """The mean difference of two pictures on white, brought to one small size, from 0 to 255."""
    small = []
    for path in (one, other):
        picture = Image.open(path).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        small.append(np.asarray(Image.alpha_composite(white, picture).convert("RGB").resize((64, 64)), "float32"))
    return float(np.abs(small[0] - small[1]).mean())


# ---- what is in the figure -----------------------------------------------------------------------------------------


def shown(function, *args, **kwargs):
    """Pictures in the figure that is left open, row by row; None where a place is empty. And their titles."""
    function(*args, show=False, **kwargs)
    figure = pyplot.gcf()
    places = list(figure.axes)
    pictures = [np.asarray(place.images[0].get_array()) if place.images else None for place in places]
    titles = [place.get_title() for place in places]
    spec = places[0].get_subplotspec().get_gridspec()
    pyplot.close(figure)
    return pictures, titles, (spec.nrows, spec.ncols)


@pytest.mark.parametrize(
    "count, rows, cols, grid",
    [(1, None, None, (1, 1)), (4, None, None, (2, 2)), (5, None, None, (3, 2)), (7, None, None, (3, 3)),
     (5, 2, None, (2, 3)), (5, None, 2, (3, 2)), (5, 1, 3, (1, 3)), (2, 3, 3, (3, 3)), (6, 6, None, (6, 1))],
)  # fmt: skip
def test_all_pictures_have_a_place(count, rows, cols, grid):
    pictures, _, found = shown(plot_image_gallery, ramps(count), rows=rows, cols=cols)
    assert found == grid
    places = grid[0] * grid[1]
    assert [picture is not None for picture in pictures] == [k < count for k in range(places)]
    for picture, expected in zip(pictures, ramps(count).astype("uint8"), strict=False):
        if picture is not None:
            np.testing.assert_allclose(picture.astype(int), expected, atol=1)


@pytest.mark.parametrize("value_range, scale, offset", [((0, 1), 255, 0), ((-1, 1), 127.5, 127.5), ((0, 255), 1, 0)])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("first", [False, True])
def test_value_ranges_and_places_of_channels(value_range, scale, offset, kind, first):
    images = ((ramps(3, 6, 8) - offset) / scale).astype("float32")
    expected = np.clip((images - value_range[0]) * (255 / (value_range[1] - value_range[0])), 0, 255).astype("uint8")
    given = images.transpose(0, 3, 1, 2) if first else images
    given = torch.as_tensor(given) if kind == "torch" else given
    data_format = "channels_first" if first else "channels_last"
    pictures, _, _ = shown(plot_image_gallery, given, value_range=value_range, data_format=data_format, rows=1)
    for picture, one in zip(pictures, expected, strict=True):
        np.testing.assert_allclose(picture.astype(int), one, atol=1)


def test_the_default_place_of_channels_is_the_configs():
    before = lamina.config.image_data_format()
    lamina.config.set_image_data_format("channels_first")
    try:
        pictures, _, _ = shown(plot_image_gallery, ramps(2, 5, 7).transpose(0, 3, 1, 2))
    finally:
        lamina.config.set_image_data_format(before)
    assert pictures[0].shape == (5, 7, 3)


def test_boxes_and_masks_are_drawn_on_the_range_stretched():
    ones = ramps(2, 20, 20) / 255
    told = {"boxes": [[[0.2, 0.2, 0.6, 0.6]]] * 2, "labels": [[0]] * 2}
    pictures, _, _ = shown(plot_bounding_box_gallery, ones, "rel_xyxy", told, value_range=(0, 1), line_thickness=1)
    assert pictures[0][4, 4].tolist() == [0, 188, 212]
    assert abs(int(pictures[1][19, 19, 0]) - 255) <= 1
    first = ones.transpose(0, 3, 1, 2)
    again, _, _ = shown(plot_bounding_box_gallery, first, "rel_xyxy", told, value_range=(0, 1), line_thickness=1,
                        data_format="channels_first")  # fmt: skip
    np.testing.assert_array_equal(again, pictures)
    masks = np.zeros((2, 1, 20, 20), int)
    masks[:, :, :5] = 1
    options = {"value_range": (0, 1), "color_mapping": {1: (255, 0, 0)}, "data_format": "channels_first", "alpha": 1.0}
    pictures, _, grid = shown(plot_segmentation_mask_gallery, first, 1, y_true=masks, y_pred=masks * 1.0, **options)
    assert grid == (2, 3)
    assert pictures[1][0, 0].tolist() == [255, 0, 0]
    np.testing.assert_array_equal(pictures[1], pictures[2])
    np.testing.assert_array_equal(pictures[1][5:], pictures[0][5:])


def test_titles():
    _, titles, _ = shown(plot_image_gallery, ramps(3), y_true=np.array([[0], [1], [7]]), label_map=NAMES, rows=1)
    assert titles == ["Label: cat", "Label: dog", "Label: Unknown"]
    _, titles, _ = shown(plot_image_gallery, ramps(2), [0, 1], torch.tensor([2, 2]), NAMES, rows=1)
    assert titles == ["Label: cat  Pred: cow", "Label: dog  Pred: cow"]


def test_it_is_shown_by_default_and_closed_then(monkeypatch):
    calls = []
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: calls.append(1))
    plot_image_gallery(ramps(1))
    assert calls == [1]
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize(
    "images, value_range, text",
    [(ramps(2), (0, 1), r"from 0 to 255 do not fit value_range=\(0, 1\).*\(0, 255\)\?"),
     (ramps(2) / 127.5 - 1, (0, 1), r"from -1 to 1 do not fit.*\(-1, 1\)\?"),
     (ramps(2) / 255, (0, 255), r"up to 1 are black in value_range=\(0, 255\): value_range=\(0, 1\)\?")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["plain", "boxes", "masks"])
def test_a_range_that_does_not_fit_warns_once(images, value_range, text, kind, tmp_path):
    given = {"value_range": value_range, "path": tmp_path / "a.png"}
    draw = {
        "plain": lambda: plot_image_gallery(images, **given),
        "boxes": lambda: plot_bounding_box_gallery(images, "xyxy", **given),
        "masks": lambda: plot_segmentation_mask_gallery(images, 1, **given),
    }[kind]
    with pytest.warns(UserWarning, match=text) as caught:
        draw()
    assert len(caught) == 1
    assert caught[0].filename == __file__


WRONG = {
    "path and show": ({"path": "a.png", "show": True}, lamina.ArgumentError, "file or shown"),
    "no names": ({"y_true": [0, 1]}, lamina.ArgumentError, r"dict\(enumerate\(names\)\)"),
    "scores": ({"y_pred": np.ones((2, 3)), "label_map": NAMES}, lamina.ShapeError, r"y_pred\.argmax\(-1\)"),
    "too few": ({"y_pred": [1], "label_map": NAMES}, lamina.ShapeError, "y_pred does not fit"),
    "rows": ({"rows": 0}, lamina.ArgumentError, "rows cannot be 0"),
    "cols": ({"cols": 1.5}, lamina.ArgumentError, "cols cannot be 1.5"),
    "range": ({"value_range": (1, 0)}, lamina.ArgumentError, "no value_range"),
    "half a range": ({"value_range": 255}, lamina.ArgumentError, "no value_range"),
    "no pictures": ({"images": ramps(2)[:0]}, lamina.ShapeError, "no picture to show"),
    "one picture": ({"images": ramps(2)[0]}, lamina.ShapeError, r"images\[None\]"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    changed, kind, text = WRONG[case]
    with pytest.raises(kind, match=text):
        plot_image_gallery(**{"images": ramps(2), "show": False if "path" not in changed else None} | changed)
    assert pyplot.get_fignums() == []
    assert not list(tmp_path.iterdir())


def test_one_legend():
    with pytest.raises(lamina.ArgumentError, match="one legend"):
        plot_bounding_box_gallery(ramps(1), "xyxy", legend=True, legend_handles=[object()])


@pytest.mark.parametrize("name", DRAWN)
def test_without_matplotlib_the_error_names_the_extra(name, monkeypatch, tmp_path):
    for module in [module for module in sys.modules if module.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"visualization\.plot_\w+ needs matplotlib: pip install 'lamina\[plot\]'"):
        DRAWN[name](tmp_path / "a.png")


@pytest.mark.parametrize("given", ("a data set", "a file", "two sizes", "masks"))
def test_what_is_no_batch_is_named(given):
    pictures = np.zeros((4, 8, 8, 3), "uint8")
    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.from_numpy(pictures)), batch_size=2)
    images, got = {
        "a data set": (data, r"got +DataLoader.*next\(iter"),
        "a file": ("a.png", r"got +'a\.png'"),
        "two sizes": ([pictures[0], pictures[0, 1:]], r"got +list of \(8, 8, 3\), \(7, 8, 3\)"),
        "masks": (pictures, r"masks.*got +DataLoader"),
    }[given]
    call = lamina.visualization.plot_image_gallery
    if given == "masks":
        call = partial(lamina.visualization.draw_segmentation_masks, segmentation_masks=data, num_classes=2)
    with pytest.raises(ArgumentError, match=rf"(?s){got}") as caught:
        call(images)
    assert re.search(r"where +.*test_galleries\.py:\d+", str(caught.value))


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        draw(KEPT / f"{name}.png")
