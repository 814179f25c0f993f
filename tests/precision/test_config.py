"""lamina.config: the settings of keras.config, and when they count."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import backend, config, constraints, layers
from lamina.graph import ArgumentError


def test_every_name_of_keras_config_is_there():
    names = {name for name in dir(keras.config) if not name.startswith("_")}
    assert len(names) == 25
    assert names == set(config.__all__)


def test_the_first_answers_are_those_of_keras():
    for name in ("floatx", "epsilon", "image_data_format", "backend", "is_nnx_enabled", "max_epochs"):
        assert getattr(config, name)() == getattr(keras.config, name)()
    assert config.max_steps_per_epoch() is None
    assert config.dtype_policy().name == keras.config.dtype_policy().name


@pytest.mark.parametrize(
    "name, value", [("floatx", "float64"), ("epsilon", 1e-4), ("image_data_format", "channels_first"),
                    ("max_epochs", 3), ("max_steps_per_epoch", 2)]
)  # fmt: skip
def test_what_is_set_is_told(name, value):
    getattr(config, f"set_{name}")(value)
    assert getattr(config, name)() == value


@pytest.mark.parametrize(
    "name, value",
    [("floatx", "int32"), ("floatx", "float8"), ("epsilon", 0), ("epsilon", "small"), ("image_data_format", "first"),
     ("max_epochs", 0), ("max_steps_per_epoch", 1.5), ("backend", "jax"), ("dtype_policy", "mixed")],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_changes_nothing(name, value):
    before = getattr(config, name)()
    with pytest.raises(ArgumentError):
        getattr(config, f"set_{name}")(value)
    assert getattr(config, name)() == before


def test_floatx_is_read_when_something_is_made():
    early = layers.Dense(2)
    config.set_floatx("float64")
    late = layers.Dense(2)
    assert (early.dtype, late.dtype) == ("float32", "float64")
    assert lamina.Input((3,)).dtype == torch.float64
    assert layers.InputLayer((3,)).get_config()["dtype"] == "float64"
    assert early(torch.ones(1, 3)).dtype == torch.float32
    config.set_floatx("float32")
    assert late(torch.ones(1, 3)).dtype == torch.float64
    assert late.kernel.dtype == torch.float64
    assert early.kernel.dtype == torch.float32


def test_backend_and_config_are_one():
    backend.set_floatx("float64")
    assert config.floatx() == backend.standardize_dtype(None) == backend.standardize_dtype(float) == "float64"
    keras.config.set_floatx("float64")
    assert backend.result_type("int32", float) == "float64"
    backend.set_epsilon(1e-3)
    assert config.epsilon() == 1e-3
    backend.set_image_data_format("channels_first")
    assert config.image_data_format() == "channels_first"


def test_clear_session_forgets_the_policy_as_in_keras_and_keeps_the_rest():
    for module in (keras, lamina):
        module.config.set_dtype_policy("mixed_bfloat16")
        module.config.set_epsilon(1e-4)
        module.backend.clear_session()
        assert (module.config.dtype_policy().name, module.config.epsilon()) == ("float32", 1e-4)


def test_channels_first_is_for_layers_that_are_made_afterwards():
    early = layers.Conv2D(4, 3)
    config.set_image_data_format("channels_first")
    late = layers.Conv2D(4, 3)
    assert (early.data_format, late.data_format) == ("channels_last", "channels_first")
    assert layers.Flatten().data_format == "channels_first"
    assert late(torch.ones(1, 3, 8, 8)).shape == (1, 4, 6, 6)
    assert layers.GlobalAveragePooling2D()(torch.ones(1, 3, 8, 8)).shape == (1, 3)


def test_epsilon_is_read_when_a_constraint_is_applied():
    early = constraints.UnitNorm()
    for module in (keras, lamina):
        module.config.set_epsilon(0.5)
    w = np.array([[3.0], [4.0]], "float32")
    np.testing.assert_allclose(constraints.UnitNorm()(torch.tensor(w)), keras.constraints.UnitNorm()(w), rtol=1e-6)
    np.testing.assert_allclose(early(torch.tensor(w)), w / 5.5, rtol=1e-6)
    x = torch.tensor(w)
    np.testing.assert_allclose(constraints.MaxNorm(1)(x), keras.constraints.MaxNorm(1)(w), rtol=1e-6)
    np.testing.assert_allclose(constraints.MinMaxNorm(1, 2)(x), keras.constraints.MinMaxNorm(1, 2)(w), rtol=1e-6)


def test_the_flash_switch_is_pytorchs():
    q = torch.randn(1, 2, 8, 4)

    def kernels():
        cpu = [torch.profiler.ProfilerActivity.CPU]
        # Without acc_events, torch 2.11 warns of events that it does not lose.
        with torch.profiler.profile(activities=cpu, acc_events=True) as profile:
            torch.nn.functional.scaled_dot_product_attention(q, q, q)
        return {event.key for event in profile.key_averages() if "flash" in event.key}

    assert config.is_flash_attention_enabled()
    assert kernels()
    config.disable_flash_attention()
    try:
        assert not config.is_flash_attention_enabled()
        assert not kernels()
    finally:
        config.enable_flash_attention()
    assert config.is_flash_attention_enabled()


@pytest.mark.parametrize(
    "name, text",
    [("enable_unsafe_deserialization", "holds no")],
)
def test_what_lamina_does_not_do_is_said(name, text):
    with pytest.raises(ArgumentError, match=text):
        getattr(config, name)()
