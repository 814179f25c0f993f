"""dtype policies by themselves, as Keras has them, and what layers take as `dtype=`."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import torch

import lamina
from lamina import config, dtype_policies, layers, mixed_precision
from lamina.dtype_policies import DTypePolicy, DTypePolicyMap
from lamina.graph import ArgumentError, DtypeError

NAMES = ["float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16", "int8", "bool"]


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_names_the_dtypes_that_it_names_in_keras(name):
    ours, theirs = DTypePolicy(name), keras.dtype_policies.DTypePolicy(name)
    for fact in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    assert ours.get_config() == theirs.get_config()
    assert repr(ours) == repr(theirs)


def test_equal_names_are_equal_policies():
    assert DTypePolicy("bfloat16") == dtype_policies.FloatDTypePolicy("bfloat16")
    assert DTypePolicy("bfloat16") != DTypePolicy("mixed_bfloat16")
    assert DTypePolicy("bfloat16") != "bfloat16"
    assert len({DTypePolicy("float32"), DTypePolicy("float32"), DTypePolicy("float64")}) == 2


def test_get_reads_all_that_layers_take():
    for given, name in [
        ("mixed_float16", "mixed_float16"),
        (torch.bfloat16, "bfloat16"),
        (np.float64, "float64"),
        (np.dtype("int32"), "int32"),
        (float, "float32"),
        ({"class_name": "DTypePolicy", "config": {"name": "float16"}}, "float16"),
        (DTypePolicy("float64"), "float64"),
        (None, "float32"),
    ]:
        assert dtype_policies.get(given).name == name
        assert layers.Dense(2, dtype=given).dtype_policy.name == name
    theirs = keras.dtype_policies.serialize(keras.dtype_policies.DTypePolicy("mixed_bfloat16"))
    assert dtype_policies.get(theirs) == DTypePolicy("mixed_bfloat16")
    assert dtype_policies.deserialize(dtype_policies.serialize(DTypePolicy("float16"))).name == "float16"


@pytest.mark.parametrize("name", ["float33", "mixed_float32", "int8_from_float32", 7, 1.5])
def test_what_is_no_policy_is_refused(name):
    with pytest.raises(ArgumentError, match="dtype policy"):
        layers.Dense(2, dtype=name)


def test_a_quantized_policy_says_that_there_are_none():
    with pytest.raises(ArgumentError, match="quantized layers are not offered"):
        DTypePolicy("int8_from_mixed_bfloat16")


def test_a_map_finds_policies_as_in_keras():
    ours = DTypePolicyMap("float32")
    theirs = keras.dtype_policies.DTypePolicyMap(keras.dtype_policies.DTypePolicy("float32"))
    for path, name in [("encoder/layer_0/dense", "bfloat16"), ("encoder/.*", "mixed_float16"), ("decoder", "float64")]:
        ours[path] = name
        theirs[path] = keras.dtype_policies.DTypePolicy(name)
    for path in ("encoder/layer_0/dense", "encoder/query", "decoder", "decoder/query", "encoder", "other"):
        assert ours[path].name == theirs[path].name, path
    assert (ours.name, ours.compute_dtype, len(ours)) == (theirs.name, theirs.compute_dtype, len(theirs))
    assert list(ours) == list(theirs)
    assert ("decoder" in ours, "encoder/query" in ours) == ("decoder" in theirs, "encoder/query" in theirs)
    del ours["decoder"]
    assert ours["decoder"].name == "float32"


def test_a_map_refuses_what_it_cannot_tell_apart():
    policies = DTypePolicyMap("float32", {"a/.*": "float64", "a/b.*": "bfloat16"})
    with pytest.raises(ArgumentError, match="Several dtype policies fit"):
        policies["a/bc"]
    with pytest.raises(ArgumentError, match="has a dtype policy already"):
        policies["a/.*"] = "float16"
    with pytest.raises(ArgumentError, match="one policy"):
        DTypePolicyMap(policies)
    with pytest.raises(ArgumentError, match="is a dict"):
        DTypePolicyMap("float32", ["a"])
    with pytest.raises(ArgumentError, match="holds names and policies"):
        DTypePolicyMap("float32", {"a": policies})


def test_a_map_follows_the_default_where_it_has_none():
    policies = DTypePolicyMap(policy_map={"a": "float64"})
    assert policies["b"].name == "float32"
    config.set_dtype_policy("mixed_bfloat16")
    assert (policies["b"].name, policies["a"].name) == ("mixed_bfloat16", "float64")
    again = dtype_policies.get(json.loads(json.dumps(dtype_policies.serialize(policies))))
    assert (again["b"].name, again["a"].name) == ("mixed_bfloat16", "float64")


def test_a_map_gives_layers_and_their_parts_their_policies():
    policies = DTypePolicyMap("float32", {"attention": "mixed_bfloat16", "attention/.*": "mixed_bfloat16"})
    attention = layers.MultiHeadAttention(2, 3, dtype=policies, name="attention")
    assert attention(torch.ones(1, 4, 5), torch.ones(1, 4, 5)).dtype == torch.bfloat16
    assert attention.query.dtype_policy.name == "mixed_bfloat16"
    assert layers.Dense(2, dtype=policies, name="head").compute_dtype == "float32"
    twin = layers.MultiHeadAttention.from_config(json.loads(json.dumps(attention.get_config())))
    assert twin.compute_dtype == "bfloat16"
    assert twin.dtype_policy["attention/key"].name == "mixed_bfloat16"


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float64"])
def test_a_layer_tells_the_dtypes_that_it_tells_in_keras(name):
    ours, theirs = layers.Dense(2, dtype=name), keras.layers.Dense(2, dtype=name)
    for fact in ("dtype", "compute_dtype", "variable_dtype"):
        assert getattr(ours, fact) == getattr(theirs, fact)
    assert ours.dtype_policy.name == theirs.dtype_policy.name
    assert ours.get_config()["dtype"] == name
    assert layers.Dense.from_config(ours.get_config()).dtype_policy == ours.dtype_policy


def test_a_layer_reads_the_config_that_keras_writes():
    written = keras.layers.Dense(2, dtype="mixed_bfloat16", activation="relu").get_config()
    written.pop("quantization_config", None)
    assert layers.Dense.from_config(written).dtype_policy.name == "mixed_bfloat16"


def test_the_default_policy_is_for_layers_that_are_made_afterwards():
    before = layers.Dense(2)
    mixed_precision.set_global_policy("mixed_bfloat16")
    after, plain = layers.Dense(2), layers.Dense(2, dtype="float32")
    assert mixed_precision.global_policy() == mixed_precision.Policy("mixed_bfloat16") == config.dtype_policy()
    assert [layer.compute_dtype for layer in (before, after, plain)] == ["float32", "bfloat16", "float32"]
    assert lamina.Input((3,)).dtype == torch.float32 == getattr(torch, keras.Input((3,)).dtype)
    assert DTypePolicy().name == "mixed_bfloat16"
    assert [cell.dtype_policy.name for cell in (layers.LSTM(2).cell, layers.LSTM(2, dtype="float32").cell)] == [
        "mixed_bfloat16",
        "float32",
    ]


def test_a_policy_can_be_set_until_the_layer_is_built():
    layer = layers.Dense(2)
    layer.dtype_policy = "mixed_bfloat16"
    assert layer(torch.ones(1, 3)).dtype == torch.bfloat16
    with pytest.raises(ArgumentError, match="its dtype policy stays"):
        layer.dtype_policy = "float32"
    drawn = layers.Dense(2)
    drawn(lamina.Input((3,)))
    with pytest.raises(ArgumentError, match="its dtype policy stays"):
        drawn.dtype_policy = "mixed_bfloat16"


def test_a_dtype_that_is_none_names_itself():
    with pytest.raises(DtypeError, match="is not a dtype"):
        layers.Dense(2, dtype=dict)
