"""What it takes to draw a layer, in calls of Python's functions: they are counted, since time hangs on the machine."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest
import torch

from lamina import Input, Model, layers
from lamina.layers.signature import call_facts


def calls_of(function) -> int:
    count = 0

    def seen(frame, event, argument):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "make, most",
    [
        (lambda: layers.Activation("relu"), 240),
        (lambda: layers.BatchNormalization(), 460),
        (lambda: layers.Conv2D(4, 1), 430),
        (lambda: layers.Reshape((1, 1, 256)), 270),  # a size of 1 that is asked for hangs on no example
    ],
    ids=["activation", "normalization", "convolution", "reshape"],
)
def test_drawing_a_layer_takes_few_calls(make, most):
    x = Input((8, 8, 4))
    make()(x)
    layer = make()
    assert calls_of(lambda: layer(x)) <= most


def test_building_a_model_takes_few_calls_for_each_layer():
    """Of all that there is to do: the layers are made, drawn, built, and become a model. No program is written."""

    def build(blocks: int) -> None:
        x = h = Input((8, 8, 4))
        for _ in range(blocks):
            h = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(h))
            h = layers.Activation("relu")(h)
        Model(x, h)

    build(1)
    assert (calls_of(lambda: build(6)) - calls_of(lambda: build(2))) / 12 <= 520


def test_merging_what_was_found_in_the_same_worlds_searches_none():
    x = Input((8,))
    y = layers.Activation("relu")(layers.Activation("relu")(x))
    first, second = layers.Add(), layers.Add()
    first([x, x])
    alike = calls_of(lambda: second([x, x]))
    assert calls_of(lambda: layers.Add()([x, y])) - alike < 120  # making the layer is counted here too


def test_an_array_finds_the_weights_without_a_walk_over_modules():
    x = Input((8,))
    model = Model(x, layers.Dense(2)(layers.Activation("relu")(x)))
    row, tensor = np.ones((1, 8), "float32"), torch.ones(1, 8)
    model(row)
    assert calls_of(lambda: model(row)) - calls_of(lambda: model(tensor)) <= 20


def test_weights_lie_where_pytorch_is_told():
    with torch.device("meta"):
        layer = layers.Dense(2)
        layer.build((None, 3))
    assert layer.kernel.is_meta
    with torch.inference_mode():
        layer = layers.Dense(2)
        layer.build((None, 3))
    layer(torch.ones(1, 3)).sum().backward()
    assert layer.kernel.grad is not None


def _calls():
    def none(self): ...
    def one(self, x): ...
    def two(self, x, y=1): ...
    def several(self, x, *others): ...
    def named(self, x, *, y): ...
    def named_or_not(self, x, /, *, y=1, **more): ...

    return [none, one, two, several, named, named_or_not]


@pytest.mark.parametrize("call", _calls(), ids=lambda call: call.__name__)
def test_the_number_of_arguments_tells_what_binding_them_tells(call):
    facts = call_facts(call, lambda self, shape: None)
    for count in range(4):
        arguments = (0,) * count
        try:
            facts.signature.bind(*arguments)
        except TypeError:
            assert not facts.takes(arguments, {})
        else:
            assert facts.takes(arguments, {})
    assert not facts.takes((0,), {"y": 1})  # Python has to be asked
    assert isinstance(facts.signature, inspect.Signature)


def test_what_makes_no_weights_is_built_for_any_shape_and_by_a_build_of_its_own():
    layer = layers.Activation("relu")
    layer(Input((3,)))
    assert layer.built
    assert layer(Input((4, 5))).shape == (None, 4, 5)
    built = []
    other = layers.Activation("relu")
    other.build = built.append
    other(Input((3,)))
    assert built == [(None, 3)]
