"""Pixels as the weights expect them, and names of ImageNet's classes, beside Keras'."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import torch
from keras.src.applications import imagenet_utils as theirs

import lamina
from lamina.applications import imagenet_utils, published

SHAPES = {"channels_last": [(2, 5, 4, 3), (5, 4, 3)], "channels_first": [(2, 3, 5, 4), (3, 5, 4)]}
CASES = [
    (form, shape, mode) for form, shapes in SHAPES.items() for shape in shapes for mode in ("caffe", "tf", "torch")
]


def pixels(shape, dtype="float32"):
    return np.random.default_rng(0).uniform(0, 255, shape).astype(dtype)


@pytest.mark.parametrize("form, shape, mode", CASES)
@pytest.mark.parametrize("dtype", ("float32", "float64", "uint8", "int64"))
def test_arrays(form, shape, mode, dtype):
    x = pixels(shape, dtype)
    expected = theirs.preprocess_input(x.copy(), form, mode)
    found = imagenet_utils.preprocess_input(x.copy(), form, mode)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("form, shape, mode", CASES)
def test_tensors_and_symbolic_tensors(form, shape, mode):
    x = pixels(shape)
    expected = theirs.preprocess_input(x.copy(), form, mode)
    tensor = torch.as_tensor(x)
    found = imagenet_utils.preprocess_input(tensor, form, mode)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(tensor.numpy(), x)  # not written over
    inputs = lamina.Input(shape[-3:])
    model = lamina.Model(inputs, imagenet_utils.preprocess_input(inputs, form, mode))
    batch, due = (x, expected) if len(shape) == 4 else (x[None], expected[None])
    np.testing.assert_allclose(model.predict(batch, verbose=0), due, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ("caffe", "tf", "torch"))
def test_a_model_that_begins_with_it_is_saved(mode, tmp_path):
    inputs = lamina.Input((4, 4, 3), dtype="uint8")
    model = lamina.Model(inputs, lamina.layers.Flatten()(imagenet_utils.preprocess_input(inputs, mode=mode)))
    x = pixels((2, 4, 4, 3), "uint8")
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(expected, theirs.preprocess_input(x, mode=mode).reshape(2, -1), rtol=1e-5, atol=1e-5)
    for name in ("m.lamina", "m.keras"):
        model.save(tmp_path / name)
        again = lamina.models.load_model(tmp_path / name)
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
    there = keras.models.load_model(tmp_path / "m.keras")
    with torch.no_grad():
        np.testing.assert_allclose(there(torch.as_tensor(x)).numpy(), expected, rtol=1e-5, atol=1e-5)


def test_arrays_of_floats_are_written_over_as_in_keras_unless_they_may_not_be():
    x = pixels((1, 2, 2, 3))
    result = imagenet_utils.preprocess_input(x, mode="tf")
    assert result is x
    kept = pixels((1, 2, 2, 3))
    kept.flags.writeable = False
    np.testing.assert_array_equal(imagenet_utils.preprocess_input(kept, mode="tf"), result)
    assert kept.max() > 1


@pytest.mark.parametrize("data_format", ("channels_first", "channels_last"))
def test_the_data_format_of_the_config_is_the_default(data_format):
    x = pixels((2, 3, 3, 3))
    before = lamina.config.image_data_format()
    try:
        lamina.config.set_image_data_format(data_format)
        found = imagenet_utils.preprocess_input(x.copy())
    finally:
        lamina.config.set_image_data_format(before)
    np.testing.assert_allclose(found, theirs.preprocess_input(x.copy(), data_format))


@pytest.mark.parametrize(
    "x, arguments, text",
    [
        (np.zeros((2, 2, 2, 3)), {"mode": "pytorch"}, "no such mode(.|\n)*'pytorch'(.|\n)*'caffe', 'tf', 'torch'"),
        (np.zeros((2, 2, 2, 3)), {"data_format": "last"}, "no such data format(.|\n)*'last'"),
        (np.zeros((2, 2)), {}, r"takes pictures(.|\n)*\(2, 2\)"),
        (np.zeros((2, 2, 2, 1)), {}, r"three channels(.|\n)*\(2, 2, 2, 1\)"),
        (torch.zeros(2, 3, 2, 2), {"mode": "torch"}, "channels_first"),
    ],
)
def test_refusals(x, arguments, text):
    with pytest.raises(ValueError, match=text):
        imagenet_utils.preprocess_input(x, **arguments)


# ---- names of classes


@pytest.fixture
def names(tmp_path, monkeypatch):
    """A file of names in the cache, as if it had been downloaded."""
    path = tmp_path / "models" / "imagenet_class_index.json"
    path.parent.mkdir()
    path.write_text(json.dumps({str(k): [f"n{k:08d}", f"thing_{k}"] for k in range(1000)}))
    monkeypatch.setenv("LAMINA_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet_utils, "CLASSES", published.CLASSES._replace(hash=None))


@pytest.mark.parametrize("as_given", (np.asarray, torch.as_tensor), ids=("array", "tensor"))
def test_predictions_are_decoded(names, as_given):
    scores = np.random.default_rng(0).random((3, 1000), "float32")
    found = imagenet_utils.decode_predictions(as_given(scores), top=4)
    for row, told in zip(scores, found, strict=True):
        places = np.argsort(-row)[:4]
        assert told == [(f"n{k:08d}", f"thing_{k}", row[k]) for k in places]
    assert [len(row) for row in imagenet_utils.decode_predictions(scores)] == [5, 5, 5]
    assert len(imagenet_utils.decode_predictions(scores, top=2000)[0]) == 1000


def test_the_published_names_are_known_by_place_and_hash(monkeypatch):
    asked = []
    monkeypatch.setattr(theirs.file_utils, "get_file", lambda *args, **named: asked.append((args, named)) or 1 / 0)
    monkeypatch.setattr(theirs, "CLASS_INDEX", None)
    with pytest.raises(ZeroDivisionError):
        theirs.decode_predictions(np.zeros((1, 1000)))
    (name, url), named = asked[0]
    assert (url, name, named["file_hash"]) == published.CLASSES


@pytest.mark.parametrize(
    "preds, top, text",
    [
        (np.zeros((1000,)), 5, r"1000 classes(.|\n)*\(1000,\)"),
        (np.zeros((2, 10)), 5, r"1000 classes(.|\n)*\(2, 10\)(.|\n)*include_top"),
        (np.zeros((2, 1000)), 0, "how many classes(.|\n)*top=0"),
        (np.zeros((2, 1000)), "all", "how many classes(.|\n)*top='all'"),
    ],
)
def test_what_is_no_prediction_is_refused(preds, top, text):
    with pytest.raises(ValueError, match=text):
        imagenet_utils.decode_predictions(preds, top)
