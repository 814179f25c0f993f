"""Every architecture beside Keras' own: a small case of each family here, all forty among the slow tests."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras.src.applications import convnext as keras_convnext
from keras.src.applications import densenet as keras_densenet
from keras.src.applications import efficientnet as keras_efficientnet
from keras.src.applications import efficientnet_v2 as keras_efficientnet_v2
from keras.src.applications import nasnet as keras_nasnet
from keras.src.applications import resnet as keras_resnet

import lamina
from lamina.applications import convnext, densenet, efficientnet, efficientnet_v2, nasnet, published, resnet, resnet_v2
from lamina.applications.variants import application
from tests.applications.compared import assert_same_architecture, check

NO_FILES = published.weights("none", (None, None))


def small(draw: Any, **settings: Any) -> Any:
    """An application of ours with fewer blocks than any that is public, called as Keras' own function is."""
    return application("Small", "For tests.", partial(draw, **settings), NO_FILES, "", module=__name__)


def keras_resnet_of(stack: Any, blocks: tuple[int, ...], preact: bool) -> Any:
    def stacks(x: Any) -> Any:
        for k, count in enumerate(blocks):
            last = k == (0 if not preact else len(blocks) - 1)
            x = stack(x, 64 << k, count, stride1=1 if last else 2, name=f"conv{k + 2}")
        return x

    return partial(keras_resnet.ResNet, stacks, preact, True, name="small")


ROWS = [dict(args, repeats=1) for args in keras_efficientnet.DEFAULT_BLOCKS_ARGS[:3]]
ROWS_V2 = [dict(args, num_repeat=2) for args in keras_efficientnet_v2.DEFAULT_BLOCKS_ARGS["efficientnetv2-b0"][:5]]
# What keras.applications.NASNetMobile would be called with, if it did not refuse PyTorch.
KERAS_NASNET_MOBILE = partial(
    keras_nasnet.NASNet,
    penultimate_filters=1056,
    num_blocks=4,
    stem_block_filters=32,
    skip_reduction=False,
    default_size=224,
    name="nasnet_mobile",
)
# Family -> (ours, Keras' own), where even the smallest of the public ones takes long.
SMALL = {
    "ResNet": (
        small(resnet.resnet, blocks=(1, 2, 1, 1)),
        keras_resnet_of(keras_resnet.stack_residual_blocks_v1, (1, 2, 1, 1), False),
    ),
    "ResNetV2": (
        small(resnet_v2.resnet_v2, blocks=(2, 3, 2, 2)),
        keras_resnet_of(keras_resnet.stack_residual_blocks_v2, (2, 3, 2, 2), True),
    ),
    "DenseNet": (
        small(densenet.densenet, layers=(1, 2, 1, 1)),
        partial(keras_densenet.DenseNet, [1, 2, 1, 1], name="small"),
    ),
    "EfficientNet": (
        small(
            efficientnet.efficientnet,
            scale=efficientnet.Scale(0.6, 1.6, 224, 0.2),
            stages=[stage._replace(blocks=1) for stage in efficientnet.STAGES[:3]],
        ),
        partial(keras_efficientnet.EfficientNet, 0.6, 1.6, 224, blocks_args=ROWS, name="small"),
    ),
    "EfficientNetV2": (
        small(
            efficientnet_v2.efficientnet_v2,
            network=efficientnet_v2.Network(32, tuple(row._replace(blocks=2) for row in efficientnet_v2.B.stages[:5])),
            scale=efficientnet_v2.Scale(0.6, 1.2, 224),
            preprocessed=True,
            standardized=True,
        ),
        partial(keras_efficientnet_v2.EfficientNetV2, 0.6, 1.2, 224, blocks_args=ROWS_V2, name="small-b0"),
    ),
    "NASNet": (
        small(nasnet.nasnet, settings=nasnet.Settings(channels=8, cells=1, stem=16, skips=False)),
        partial(
            keras_nasnet.NASNet,
            penultimate_filters=192,
            num_blocks=1,
            stem_block_filters=16,
            skip_reduction=False,
            default_size=224,
            name="small",
        ),
    ),
    "NASNet that skips": (
        small(nasnet.nasnet, settings=nasnet.Settings(channels=8, cells=2, stem=16, skips=True)),
        partial(keras_nasnet.NASNet, penultimate_filters=192, num_blocks=2, stem_block_filters=16, name="small"),
    ),
    "ConvNeXt": (
        small(convnext.convnext, depths=(1, 2, 1, 1), width=16, preprocessed=True),
        partial(keras_convnext.ConvNeXt, [1, 2, 1, 1], [16, 32, 64, 128], name="small"),
    ),
}
# These are refused by Keras with the channels first; here they are compared with themselves.
LAST_ONLY = ("DenseNet", "NASNet", "NASNet that skips")
LOGITS: dict[str, Any] = {"classifier_activation": None, "classes": 5}
FEATURES: dict[str, Any] = {"include_top": False, "pooling": "avg"}
CASES = [
    ("ResNet", 40, LOGITS),
    ("ResNetV2", 40, FEATURES),
    ("MobileNet", 33, {"alpha": 0.25, **LOGITS}),
    ("MobileNetV2", 47, {"alpha": 0.35, **FEATURES}),
    ("MobileNetV3Small", 40, {"pixels": 255.0, **LOGITS}),
    ("EfficientNet", 40, {"pixels": 255.0, **LOGITS}),
    ("EfficientNetV2", 33, {"pixels": 255.0, **FEATURES}),
    ("DenseNet", 32, LOGITS),
    ("NASNet", 45, FEATURES),
    ("NASNet that skips", 33, LOGITS),
    ("ConvNeXt", 33, {"pixels": 255.0, **FEATURES}),
    ("ConvNeXt", 32, {"pixels": 255.0, **LOGITS}),
]
LARGE = [("VGG16", 32, FEATURES), ("Xception", 71, FEATURES), ("InceptionV3", 75, LOGITS)]
WHOLE = [name for name in lamina.applications.__all__ if name[0].isupper()]
PLAIN_PIXELS = ("EfficientNet", "MobileNetV3", "ConvNeXt")


def compare(name: str, folder: Path, shape: tuple[int, ...], arguments: dict[str, Any]) -> None:
    if name in SMALL:
        ours, theirs = SMALL[name]
        ours = partial(ours, name="small-b0" if name == "EfficientNetV2" else "small")
        arguments = {"ours": ours, "theirs": theirs, **arguments}
    check(name, folder, shape, files=False, **arguments)


def named(cases: list[Any]) -> Any:
    names = [f"{name}-{'features' if 'pooling' in arguments else 'head'}" for name, _, arguments in cases]
    return pytest.mark.parametrize("name, side, arguments", cases, ids=names)


@pytest.mark.quick_cases(2)
@named(CASES)
def test_family(name, side, arguments, tmp_path: Path):
    compare(name, tmp_path, (side, side, 3), arguments)


@pytest.fixture
def channels_first():
    """Both take the channels first, until the test is over."""
    before = lamina.config.image_data_format()
    for engine in (keras, lamina):
        engine.config.set_image_data_format("channels_first")
    yield
    for engine in (keras, lamina):
        engine.config.set_image_data_format(before)


@pytest.mark.quick_cases(1)
@pytest.mark.usefixtures("channels_first")
@named([case for case in CASES if case[0] not in LAST_ONLY])
def test_channels_first(name, side, arguments, tmp_path: Path):
    if name == "ConvNeXt":
        with pytest.raises(ValueError, match="channels last"):
            lamina.applications.ConvNeXtTiny(weights=None)
        return
    compare(name, tmp_path, (3, side, side), arguments)


@pytest.mark.quick_cases(1)
@pytest.mark.parametrize("name", LAST_ONLY)
def test_channels_first_of_what_keras_has_with_the_channels_last_only(name, request):
    last = SMALL[name][0](weights=None, input_shape=(48, 40, 3), **FEATURES)
    x = np.random.default_rng(0).random((2, 48, 40, 3), "float32")
    expected = last.predict(x, verbose=0)
    request.getfixturevalue("channels_first")
    first = SMALL[name][0](weights=None, input_shape=(3, 48, 40), **FEATURES)
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first.predict(x.transpose(0, 3, 1, 2), verbose=0), expected, rtol=1e-4, atol=1e-5)


def test_a_family_without_smaller_forms_has_the_weights_that_keras_tells_of():
    model = lamina.applications.InceptionResNetV2(weights=None, include_top=False, input_shape=(75, 75, 3))
    assert (model.count_params(), len(model.layers), model.output_shape) == (54_336_736, 780, (None, 1, 1, 1536))


@pytest.fixture
def emptied(tmp_path):
    """A folder whose files, of a gigabyte and more, go with the test."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.slow
@named(LARGE)
def test_large_family(name, side, arguments, emptied: Path, request):
    compare(name, emptied, (side, side, 3), arguments)
    request.getfixturevalue("channels_first")
    compare(name, emptied, (3, side, side), arguments)


@pytest.mark.slow
@pytest.mark.parametrize("head", (True, False), ids=("head", "features"))
@pytest.mark.parametrize("name", WHOLE)
def test_architecture(name, head, emptied: Path):
    arguments = {"classifier_activation": None} if head else {"include_top": False}
    if name in ("MobileNet", "MobileNetV2"):
        arguments["name"] = "mobilenet"  # Keras' own has a dot in it, which a file of ours is told of
    if name == "NASNetMobile":
        arguments["theirs"] = KERAS_NASNET_MOBILE
    pixels = 255.0 if name.startswith(PLAIN_PIXELS) else 1.0
    check(name, emptied, (96, 96, 3), pixels=pixels, files=not head, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_layers_and_weights_at_the_published_size(name):
    """Of whose weights nothing is stored, on either side."""
    keras.utils.clear_session()
    theirs = KERAS_NASNET_MOBILE if name == "NASNetMobile" else getattr(keras.applications, name)
    with keras.device("meta"):
        reference = theirs(weights=None)
    with torch.device("meta"):
        model = getattr(lamina.applications, name)(weights=None)
    assert_same_architecture(model, reference)
