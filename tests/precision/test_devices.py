"""Where weights are made: "meta" stands in for an accelerator, which the machine of the tests may not have."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lamina
from lamina import devices, layers
from lamina.devices import current_device, device
from lamina.graph import ArgumentError

META, CPU = torch.device("meta"), torch.device("cpu")


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(devices, "accelerator", lambda: META)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(devices, "accelerator", lambda: None)


def made():
    layer = layers.Dense(2)
    layer.build((None, 3))
    return {weight.device for weight in layer.weights}


def test_weights_go_to_the_accelerator(gpu):
    assert made() == {META}
    x = lamina.Input((4,))
    model = lamina.Model(x, layers.BatchNormalization()(layers.Dense(2)(x)))
    assert {weight.device for weight in model.weights} == {META}


def test_without_one_they_go_to_the_cpu(no_gpu):
    assert made() == {CPU}
    assert current_device() == CPU


@pytest.mark.parametrize("name", ["cpu", "CPU", "cpu:0", torch.device("cpu")])
def test_a_device_that_is_said_counts_more(gpu, name):
    with device(name) as chosen:
        assert chosen.type == "cpu"
        assert made() == {CPU}
        with device("gpu"):
            assert made() == {META}
        assert made() == {CPU}
    assert made() == {META}


def test_a_device_comes_back_after_an_error(gpu):
    with pytest.raises(KeyError), device("cpu"):
        raise KeyError
    assert made() == {META}


def test_what_pytorch_was_told_counts_more_than_the_accelerator(gpu):
    with torch.device("cpu"):
        assert made() == {CPU}
        with device("meta"):
            assert made() == {META}
    torch.set_default_device("cpu")
    try:
        assert made() == {CPU}
    finally:
        torch.set_default_device(None)
    assert made() == {META}


def test_a_layer_that_builds_itself_while_it_is_tried_has_real_weights(no_gpu):
    class Late(lamina.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    late = Late()
    assert late(lamina.Input((3,))).shape == (None, 2)
    assert {weight.device for weight in late.weights} == {CPU}


def test_arrays_follow_the_weights(gpu):
    array = np.ones((1, 3), "float32")
    with device("cpu"):
        on_cpu = layers.Dense(2)
        assert on_cpu(array).device == CPU
    assert on_cpu(array).device == CPU
    assert layers.Dense(2)(array).device == META  # not built yet
    on_gpu = layers.Dense(2)
    on_gpu._build_once((None, 3))
    assert on_gpu(array).device == META
    assert layers.Flatten()(array).device == META
    x = lamina.Input((3,))
    assert lamina.Model(x, on_cpu(x))(array).device == CPU
    assert lamina.Model(x, on_gpu(x))(array).device == META


def test_names(gpu):
    assert devices.parse_device("gpu") == META
    assert devices.parse_device("GPU:1") == torch.device("meta:1")
    assert devices.parse_device("cuda:1") == torch.device("cuda:1")
    for name in ("tpu9", "", 0, None):
        with pytest.raises(ArgumentError, match="no such device"):
            devices.parse_device(name)


def test_a_gpu_that_is_not_there_is_said(no_gpu):
    with pytest.raises(ArgumentError, match="no accelerator"), device("gpu"):
        pass


def test_the_accelerator_is_pytorchs(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: CPU)
    assert devices.accelerator() == CPU


def test_each_process_of_a_machine_has_an_accelerator_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 4)
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert devices.accelerator() == torch.device("cuda")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert devices.accelerator() == torch.device("cuda", 2)
