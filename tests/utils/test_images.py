"""Pictures into arrays and back, against Keras."""

from __future__ import annotations

import io
import sys
import warnings

import keras
import numpy as np
import pytest
import torch
from PIL import Image

from lamina import utils
from lamina.graph import ArgumentError, ShapeError

RNG = np.random.default_rng(4)
ARRAYS = {
    "rgb": RNG.uniform(-3, 9, (5, 7, 3)),
    "rgba": RNG.uniform(0, 255, (4, 3, 4)),
    "grey": RNG.uniform(0, 1, (6, 2, 1)),
    "deep": RNG.uniform(0, 60000, (6, 2, 1)),
    "flat": np.full((2, 2, 3), 7.0),
}


def keras_img(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras names the mode, which Pillow gives up
        return keras.utils.array_to_img(*args, **kwargs)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("name", ARRAYS)
def test_array_to_img(name, scale):
    x = ARRAYS[name] if scale else np.abs(ARRAYS[name])
    ours, theirs = utils.array_to_img(x, scale=scale), keras_img(x, scale=scale)
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_array_to_img_of_tensors_and_channels_first():
    x = ARRAYS["rgb"]
    first = utils.array_to_img(torch.as_tensor(x).permute(2, 0, 1).requires_grad_(), "channels_first", dtype="float64")
    theirs = keras_img(x, dtype="float64")
    np.testing.assert_array_equal(np.asarray(first), np.asarray(theirs))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I"])
@pytest.mark.parametrize("data_format", [None, "channels_first"])
def test_img_to_array(mode, data_format):
    picture = Image.fromarray((ARRAYS["rgb"] * 20).astype("uint8")).convert(mode)
    for dtype in (None, "uint8", "float64"):
        ours, theirs = (m.img_to_array(picture, data_format, dtype) for m in (utils, keras.utils))
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "one.png"
    Image.fromarray(RNG.integers(0, 255, (21, 34, 4)).astype("uint8")).save(path)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba", "target_size": (8, 8)},
        *({"target_size": (11, 40), "interpolation": name} for name in "bilinear bicubic lanczos box hamming".split()),
        {"target_size": (10, 10), "keep_aspect_ratio": True},
        {"target_size": (40, 11), "keep_aspect_ratio": True, "interpolation": "bilinear"},
        {"target_size": (21, 34)},
    ],
)  # fmt: skip
def test_load_img(file, arguments):
    for path in (file, str(file), io.BytesIO(file.read_bytes())):
        ours = utils.load_img(path, **arguments)
        theirs = keras.utils.load_img(file, **arguments)
        assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_sixteen_bits_stay(tmp_path):
    deep = np.arange(6, dtype="uint16").reshape(2, 3) * 9000
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert utils.img_to_array(utils.load_img(tmp_path / "deep.png", "grayscale")).max() == 45000


@pytest.mark.parametrize("ending", ["png", "bmp", "jpg", "jpeg", "JPG"])
def test_save_img(tmp_path, ending):
    x = RNG.uniform(0, 255, (6, 5, 3)).astype("uint8")
    for given in (x, x.transpose(2, 0, 1)):
        data_format = "channels_last" if given is x else "channels_first"
        utils.save_img(tmp_path / f"ours.{ending}", given, data_format, scale=False)
        back = utils.img_to_array(utils.load_img(tmp_path / f"ours.{ending}"))
        assert back.shape == (6, 5, 3)
        if ending in ("png", "bmp"):
            np.testing.assert_array_equal(back, x)
    stream = io.BytesIO()
    utils.save_img(stream, x, file_format="png", scale=False, optimize=True)
    np.testing.assert_array_equal(utils.img_to_array(utils.load_img(stream)), x)


def test_a_jpeg_has_no_transparency(tmp_path):
    with pytest.warns(UserWarning, match="no transparency"):
        utils.save_img(tmp_path / "a.jpg", ARRAYS["rgba"])
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.mode == "RGB"


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda file: utils.array_to_img(np.ones((2, 2))), ShapeError, "three axes"),
        (lambda file: utils.array_to_img(np.ones((2, 2, 2))), ShapeError, "1, 3 or 4 channels"),
        (lambda file: utils.array_to_img(np.ones((2, 2, 3)), "last"), ArgumentError, "data_format 'last'"),
        (lambda file: utils.img_to_array(np.ones(3)), ShapeError, "two or three axes"),
        (lambda file: utils.load_img(file, "cmyk"), ArgumentError, "color_mode"),
        (lambda file: utils.load_img(file, target_size=(2, 2), interpolation="x"), ArgumentError, "interpolation"),
        (lambda file: utils.load_img(3), ArgumentError, "no file"),
        (lambda file: utils.load_img("gone.png"), FileNotFoundError, "gone.png"),
    ],
)
def test_refused(file, call, error, text):
    with pytest.raises(error, match=text):
        call(file)


def test_without_pillow_the_extra_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (lambda: utils.load_img(file), lambda: utils.array_to_img(ARRAYS["rgb"])):
        with pytest.raises(ImportError, match=r"lamina\[images\]"):
            call()


def test_no_format_of_pictures(tmp_path):
    with pytest.raises(ArgumentError, match="no format 'xyz'"):
        utils.save_img(tmp_path / "a.xyz", np.ones((2, 2, 3)))
    assert not (tmp_path / "a.xyz").exists()
