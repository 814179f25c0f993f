"""The arguments that all applications have: what they do, and what is refused."""

from __future__ import annotations

import functools
import inspect

import keras
import numpy as np
import pytest
import torch
from keras.src.utils import file_utils

import lamina
from lamina import applications, layers
from lamina.applications.frame import Frame
from lamina.applications.published import DownloadError, Published, kernels
from lamina.applications.variants import application
from lamina.saving import LoadingError
from lamina.utils import files

MODULES = [name for name in applications.__all__ if inspect.ismodule(getattr(applications, name))]
NAMES = [name for name in applications.__all__ if name not in MODULES]


def tiny(frame: Frame):
    """A network of one convolution."""
    return frame.averaged_predictions(layers.Conv2D(4, 3, padding="same", name="conv")(frame.image))


PUBLISHED = kernels("tiny", "tiny", ("0" * 32, "1" * 32))
Tiny = application("Tiny", "One convolution.", tiny, PUBLISHED, "it is tiny", module=__name__, sizes=(48, 64), least=32)


def given_shape(model):
    return tuple(model.inputs[0].shape)


@pytest.fixture
def data_format():
    """Sets the data format, and puts back what it was."""
    before = lamina.config.image_data_format()
    yield lamina.config.set_image_data_format
    lamina.config.set_image_data_format(before)


# ---- names


@pytest.mark.parametrize("name", MODULES)
def test_modules_have_keras_names(name):
    ours, theirs = getattr(applications, name), getattr(keras.applications, name)
    assert {public for public in dir(theirs) if public[0] != "_"} <= {*ours.__all__}
    assert set(dir(ours)) == {*ours.__all__}
    for public in ("preprocess_input", "decode_predictions"):
        assert [*inspect.signature(getattr(ours, public)).parameters] == [
            *inspect.signature(getattr(theirs, public)).parameters
        ]


@pytest.mark.parametrize("name", NAMES)
def test_functions_have_keras_arguments(name):
    ours, theirs = getattr(applications, name), getattr(keras.applications, name)
    assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    assert ours.__name__ == ours.__qualname__ == name
    assert getattr(__import__(ours.__module__, fromlist=[name]), name) is ours
    assert "Args:" in ours.__doc__


# ---- which pictures come in


@pytest.mark.parametrize(
    "arguments, shape, result",
    [
        ({}, (None, 48, 48, 3), (None, 1000)),
        ({"classes": 5}, (None, 48, 48, 3), (None, 5)),
        ({"input_shape": (40, 33, 1)}, (None, 40, 33, 1), (None, 1000)),
        ({"include_top": False}, (None, None, None, 3), (None, None, None, 4)),
        ({"include_top": False, "input_shape": [32, None, 7]}, (None, 32, None, 7), (None, 32, None, 4)),
        ({"include_top": False, "pooling": "avg"}, (None, None, None, 3), (None, 4)),
        ({"include_top": False, "pooling": "max", "input_shape": (32, 32, 3)}, (None, 32, 32, 3), (None, 4)),
    ],
)
def test_shapes(arguments, shape, result):
    model = Tiny(weights=None, **arguments)
    assert (given_shape(model), tuple(model.outputs[0].shape)) == (shape, result)


def test_channels_first(data_format):
    data_format("channels_first")
    model = Tiny(weights=None, include_top=False)
    assert given_shape(model) == (None, 3, None, None)
    assert given_shape(Tiny(weights=None)) == (None, 3, 48, 48)
    with pytest.raises(ValueError, match=r"too small(.|\n)*\(C, H, W\)(.|\n)*set_image_data_format"):
        Tiny(weights=None, input_shape=(48, 48, 3))


def test_symbolic_pictures():
    pictures, unused = layers.Input((40, 40, 6), name="pictures"), layers.Input((2,), name="unused")
    model = Tiny(weights=None, input_tensor=layers.Conv2D(3, 1)(pictures), input_shape=(40, 40, 3), name="within")
    assert [layer.name for layer in model.layers] == ["pictures", "conv2d", "conv", "avg_pool", "predictions"]
    assert model.name == "within"
    assert model.predict(np.zeros((2, 40, 40, 6), "float32"), verbose=0).shape == (2, 1000)
    both = Tiny(weights=None, input_tensor=layers.Reshape((40, 40, 1))(layers.Dense(1600)(unused)) * pictures)
    assert {tensor.name for tensor in both.inputs} == {"pictures", "unused"}


@pytest.mark.parametrize("activation, last", [("softmax", torch.softmax), (None, None), (torch.sigmoid, torch.sigmoid)])
def test_the_activation_of_the_head(activation, last):
    model = Tiny(weights=None, classes=3, classifier_activation=activation)
    x = np.random.default_rng(0).random((2, 48, 48, 3), "float32")
    logits = lamina.Model(model.inputs[0], model.layers[-2].output).predict(x, verbose=0)
    due = torch.as_tensor(logits) @ model.layers[-1].kernel.detach()
    due = due if last is None else last(due, -1) if activation == "softmax" else last(due)
    np.testing.assert_allclose(model.predict(x, verbose=0), due.numpy(), atol=1e-6)


# ---- what is refused


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"weights": "imagenet21k"}, "no such weights(.|\n)*'imagenet21k'(.|\n)*path of a file"),
        ({"weights": 3}, "no such weights(.|\n)*weights=3"),
        ({"weights": True}, "no such weights(.|\n)*weights=True"),
        ({"pooling": "average"}, "no such pooling(.|\n)*'average'"),
        ({"classes": 0}, "how many there are(.|\n)*classes=0"),
        ({"classes": 2.5}, "how many there are(.|\n)*classes=2.5"),
        ({"weights": "imagenet", "classes": 10}, "1000 classes(.|\n)*include_top=False"),
        ({"weights": "imagenet", "classifier_activation": "relu"}, "softmax, or logits(.|\n)*'relu'"),
        ({"weights": "imagenet", "input_shape": (50, 50, 3)}, r"trained on(.|\n)*\(48, 48, 3\) or \(64, 64, 3\)"),
        ({"weights": "imagenet", "input_shape": (48, 64, 3)}, r"trained on(.|\n)*\(48, 64, 3\)"),
        ({"weights": "imagenet", "include_top": False, "input_shape": (50, 50, 1)}, "of 3 channels(.|\n)*50, 50, 1"),
        ({"input_shape": (31, 48, 3)}, r"too small(.|\n)*below 32 × 32(.|\n)*\(31, 48, 3\)"),
        ({"input_shape": (3, 48, 48)}, r"too small(.|\n)*\(H, W, C\)(.|\n)*set_image_data_format"),
        ({"input_shape": (48, 48)}, r"one picture(.|\n)*\(H, W, C\)"),
        ({"input_shape": 48}, "one picture(.|\n)*input_shape=48"),
        ({"input_shape": (48.0, 48, 3)}, "one picture"),
        ({"input_shape": (48, None, 3)}, "pictures of one size(.|\n)*include_top=False"),
        ({"input_shape": (48, 48, None), "include_top": False}, "channels must be known"),
        ({"input_tensor": np.zeros((1, 48, 48, 3))}, "symbolic tensor(.|\n)*ndarray"),
        ({"input_tensor": layers.Input((48, 48))}, r"batch of pictures(.|\n)*\(None, 48, 48\)"),
        ({"input_tensor": layers.Input((48, 48, 3)), "input_shape": (50, 48, 3)}, "not that of input_tensor"),
        ({"input_tensor": layers.Input((48, 48, 4)), "weights": "imagenet"}, "of 3 channels"),
    ],
)
def test_refusals(arguments, text):
    with pytest.raises(ValueError, match=text):
        Tiny(**{"weights": None, **arguments})


# ---- weights


def test_weights_of_a_path(tmp_path):
    model = Tiny(weights=None, input_shape=(32, 32, 3))
    for name in ("w.weights.h5", "w.h5", "w.lamina", "w.keras", "w.safetensors"):
        model.save_weights(tmp_path / name)
        again = Tiny(weights=tmp_path / name, classifier_activation="sigmoid")
        assert all(torch.equal(a, b) for a, b in zip(model.weights, again.weights, strict=True)), name
    with pytest.raises(ValueError, match="predictions"):
        Tiny(weights=tmp_path / "w.weights.h5", classes=3)


@pytest.mark.parametrize("top, file", [(True, PUBLISHED.top), (False, PUBLISHED.bare)], ids=("head", "features"))
def test_published_weights_come_from_the_cache(top, file, tmp_path, monkeypatch):
    asked = []
    drawn = Tiny(weights=None, include_top=top)
    drawn.save_weights(tmp_path / "w.h5")
    monkeypatch.setattr(Published, "fetch", lambda self, instead: asked.append(self) or str(tmp_path / "w.h5"))
    model = Tiny(include_top=top)
    assert asked == [file]
    assert all(torch.equal(a, b) for a, b in zip(model.weights, drawn.weights, strict=True))


def test_without_a_network_the_error_says_where_the_file_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMINA_HOME", str(tmp_path))

    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(files.urllib.request, "urlopen", offline)
    with pytest.raises(DownloadError) as caught:
        Tiny()
    place = tmp_path / "models" / "tiny_weights_tf_dim_ordering_tf_kernels.h5"
    for text in (str(place), PUBLISHED.top.url, "no network", "weights='path", __file__.rpartition("/")[2]):
        assert text in str(caught.value)
    assert not list(place.parent.glob("*"))  # nothing half written
    place.write_bytes(b"another file")
    with pytest.raises(DownloadError, match="holds something else"):
        Tiny()
    assert place.read_bytes() == b"another file"


# ---- what Keras has published


def published_by_keras(name, monkeypatch, **arguments):
    """(name in the cache, URL, hash) of what Keras would download."""
    asked = []

    def get_file(fname, origin, cache_subdir=None, file_hash=None):
        asked.append((origin, fname, file_hash))
        raise ZeroDivisionError

    monkeypatch.setattr(file_utils, "get_file", get_file)
    with pytest.raises(ZeroDivisionError):
        getattr(keras.applications, name)(**arguments)
    return asked[0]


def published_by_us(name, monkeypatch, **arguments):
    asked = []

    def fetch(self, instead):
        asked.append(tuple(self))
        raise ZeroDivisionError

    monkeypatch.setattr(Published, "fetch", fetch)
    with pytest.raises(ZeroDivisionError):
        getattr(applications, name)(**arguments)
    return asked[0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")  # Keras says so of its own defaults
@pytest.mark.parametrize("top", (True, False), ids=("head", "features"))
@pytest.mark.parametrize("name", NAMES)
def test_the_published_files_are_keras_own(name, top, monkeypatch):
    if name == "NASNetMobile":  # which Keras refuses on PyTorch, and only there
        monkeypatch.setattr(keras.src.applications.nasnet.backend, "backend", lambda: "jax")
    assert published_by_us(name, monkeypatch, include_top=top) == published_by_keras(name, monkeypatch, include_top=top)


MOBILE = [
    ("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}),
    ("MobileNet", {"alpha": 0.75, "include_top": False}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)}),
    ("MobileNetV2", {"alpha": 1.4, "include_top": False, "input_shape": (192, 192, 3)}),
    ("MobileNetV3Small", {"minimalistic": True}),
    ("MobileNetV3Large", {"alpha": 0.75, "include_top": False}),
]


@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("name, arguments", MOBILE, ids=[f"{name}-{k}" for k, (name, _) in enumerate(MOBILE)])
def test_factors_and_sizes_choose_the_published_file(name, arguments, monkeypatch):
    assert published_by_us(name, monkeypatch, **arguments) == published_by_keras(name, monkeypatch, **arguments)


def test_a_size_that_was_not_published_is_told_of(monkeypatch):
    with pytest.warns(UserWarning, match="pictures of 100 × 100: those for 224 × 224 are taken"):
        _, file, _ = published_by_us("MobileNetV2", monkeypatch, input_shape=(100, 100, 3), include_top=False)
    assert file.endswith("1.0_224_no_top.h5")


@pytest.mark.parametrize(
    "name, arguments, text",
    [
        ("MobileNet", {"alpha": 0.3}, "alpha=0.3(.|\n)*0.75"),
        ("MobileNet", {"depth_multiplier": 2}, "depth_multiplier=2"),
        ("MobileNetV2", {"alpha": 0.25}, "alpha=0.25(.|\n)*1.4"),
        ("MobileNetV3Small", {"alpha": 0.5}, "alpha=0.5"),
        ("MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}, "minimalistic=True"),
    ],
)
def test_factors_that_were_not_published_are_refused(name, arguments, text):
    with pytest.raises(ValueError, match=f"no published weights(.|\n)*{text}"):
        getattr(applications, name)(**arguments)


@pytest.mark.parametrize(
    "written, read, hint",
    (
        ({"include_top": False}, {}, "include_top=False"),
        ({"classes": 7}, {"include_top": False}, "include_top=True"),
        ({"classes": 7}, {"classes": 9}, "classes="),
        ({"classes": 7, "alpha": 0.5}, {"classes": 7}, "the same arguments"),
    ),
)
def test_weights_of_another_head_are_told_by_it(written, read, hint, tmp_path):
    make = functools.partial(lamina.applications.MobileNet, alpha=0.25, input_shape=(32, 32, 3))
    make(**{"weights": None, **written}).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(LoadingError, match=rf"(?s)try +.*{hint}"):
        make(weights=tmp_path / "m.weights.h5", **read)
