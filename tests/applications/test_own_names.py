"""Layers of the user's that are called as those which only applications have stay the user's, in every file."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch

import lamina
from lamina import layers
from lamina.layers import of_applications


class LayerScale(layers.Layer):
    """Not that of ConvNeXt: it halves."""

    def call(self, inputs):
        return inputs / 2


@pytest.fixture
def halving():
    x = layers.Input((4,))
    return lamina.Model(x, LayerScale(name="mine")(layers.Dense(3)(x)))


@pytest.mark.parametrize("name", ("m.lamina", "m.keras", "m.h5"))
def test_the_users_class_is_read_by_its_own_name(halving, name, tmp_path):
    halving.save(tmp_path / name)
    again = lamina.models.load_model(tmp_path / name, custom_objects={"LayerScale": LayerScale}, report=None)
    assert type(again.get_layer("mine")) is LayerScale
    x = np.ones((2, 4), "float32")
    np.testing.assert_array_equal(again.predict(x, verbose=0), halving.predict(x, verbose=0))


def config_of(path):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("config.json"))


def test_without_modules_a_class_that_is_given_goes_first(halving, tmp_path):
    halving.save(tmp_path / "m.keras")
    config = config_of(tmp_path / "m.keras")
    for entry in config["config"]["layers"]:
        entry.pop("module")
        entry.pop("registered_name")
    again = lamina.models.model_from_json(json.dumps(config), {"LayerScale": LayerScale}, report=None)
    assert type(again.get_layer("mine")) is LayerScale


@pytest.mark.parametrize("name", ("m.lamina", "m.keras", "m.h5"))
def test_those_of_the_applications_need_no_class(name, tmp_path):
    x = layers.Input((4,))
    scaled = of_applications.LayerScale(0.5, 4, name="scaled")(x)
    model = lamina.Model(x, of_applications.CustomScaleLayer(0.25, name="summed")([x, scaled]))
    model.save(tmp_path / name)
    again = lamina.models.load_model(tmp_path / name, report=None)
    assert type(again.get_layer("scaled")) is of_applications.LayerScale
    assert torch.equal(again(torch.ones(1, 4)), torch.full((1, 4), 1.125))
    if name == "m.keras":
        modules = {entry["name"]: entry["module"] for entry in config_of(tmp_path / name)["config"]["layers"]}
        assert modules["scaled"] == of_applications.KERAS_MODULES["LayerScale"]


def test_scales_of_another_number_of_channels_are_refused():
    with pytest.raises(ValueError, match=r'LayerScale "scale" cannot(.|\n)*3 channels'):
        of_applications.LayerScale(0.5, 3, name="scale")(layers.Input((4,)))
