"""The words of a file: plain values, and names of functions and classes, each exact and from a closed table."""

from __future__ import annotations

import importlib
import inspect
import json
import operator
import pkgutil
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import lamina
from lamina import ops
from lamina.function_names import functions
from lamina.ops.creation import arange_beside
from lamina.saving import LoadingError, SavingError
from lamina.saving.classes import init_arguments, layer_classes
from lamina.saving.functions import function_of_name, name_of_function
from lamina.saving.values import decode, encode

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.just(...)
TORCH = st.sampled_from([torch.float32, torch.uint16, torch.bool, torch.channels_last, torch.device("cuda:1"), 1 - 2j])
KEYS = st.text() | st.integers() | st.tuples(st.text(), st.integers()) | st.none()


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.lists(inner, max_size=3).map(tuple)
            | st.dictionaries(KEYS, inner, max_size=3)
            | st.dictionaries(KEYS, inner, max_size=3).map(OrderedDict)
            | st.tuples(inner, inner, inner).map(lambda parts: slice(*parts))
        ),
        max_leaves=10,
    )


@given(nested(PLAIN | TORCH))
def test_values_come_back_exactly(value: Any) -> None:
    back = decode(json.loads(json.dumps(encode(value), allow_nan=False)))
    assert repr(back) == repr(value)  # tells 1 from 1.0 and True, -0.0 from 0.0, tuples from lists, and order


def test_dicts_that_look_like_words_are_not_taken_for_them() -> None:
    for value in ({"$tuple": [1]}, {"$": 1, "a": 2}, {"$node": [0, 0]}, {"$dict": [[1, 2]]}):
        assert decode(encode(value)) == value


@pytest.mark.parametrize("data", ({"$tuple": [1], "a": 2}, {"a": 2, "$float": "inf"}, {"$tuple": [], "$dict": []}))
def test_a_word_stands_alone(data: Any) -> None:
    with pytest.raises(LoadingError, match="a word that is not known"):
        decode([data])


def test_numbers_of_numpy_become_plain_ones() -> None:
    assert encode([np.float32(0.5), np.int64(3), np.bool_(True)]) == [0.5, 3, True]
    assert encode((torch.Size([1, 2]), torch.ones(2, 2).max(0)[0].shape)) == {
        "$tuple": [{"$tuple": [1, 2]}, {"$tuple": [2]}]
    }


@pytest.mark.parametrize("value", ({1}, b"x", object(), print, type, torch.ones(1), range(3), torch.device("meta")))
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(SavingError, match="no word for this value"):
        encode({"a": [value]})


# -- functions


def test_every_name_means_one_function_and_back() -> None:
    assert len(functions()) > 1000
    for name in functions():
        function = function_of_name(name)
        assert function_of_name(name_of_function(function) or "") is function, name


@pytest.mark.parametrize(
    "function,name",
    (
        (torch.tanh, "torch.tanh"),
        (torch.Tensor.view, "torch.Tensor.view"),
        (torch.Tensor.split, "torch.Tensor.split"),
        (F.hardsigmoid, "torch.nn.functional.hardsigmoid"),
        (torch.linalg.norm, "torch.linalg.norm"),
        (torch.fft.irfft2, "torch.fft.irfft2"),
        (operator.getitem, "operator.getitem"),
        (ops.max_pool, "lamina.ops.max_pool"),
        (ops.silu, "lamina.ops.silu"),
        (ops.image.resize, "lamina.ops.image.resize"),
        (arange_beside, "lamina.ops.arange_beside"),
        (lamina.activations.gelu, "lamina.activations.gelu"),
    ),
)
def test_names_are_the_public_ones(function: Any, name: str) -> None:
    assert name_of_function(function) == name


@pytest.mark.parametrize("function", (print, eval, torch.load, torch.compile, operator.attrgetter, lambda: 0))
def test_other_functions_have_no_name(function: Any) -> None:
    assert name_of_function(function) is None


@pytest.mark.parametrize("name", ("", "tanh", "torch", "torch.nn", "torch.Tensor", "torch.TANH", "torch.tanh "))
def test_names_are_exact(name: str) -> None:
    with pytest.raises(LoadingError, match="No function is called"):
        function_of_name(name)


def test_every_function_of_ours_that_is_one_node_has_a_name() -> None:
    modules = [importlib.import_module(f"lamina.ops.{info.name}") for info in pkgutil.iter_modules(ops.__path__)]
    nodes = {
        value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__.startswith("lamina.ops") and hasattr(value, "__wrapped__")
    }
    assert len(nodes) > 20
    assert {f"{f.__module__}.{f.__name__}" for f in nodes if not name_of_function(f)} == set()


# -- classes


def test_classes_are_the_public_layers() -> None:
    found = layer_classes()
    assert {"Dense", "LSTM", "InputLayer", "Concatenate", "MultiHeadAttention"} <= found.keys()
    assert not {"Layer", "InputSpec", "Input", "Model", "Sequential"} & found.keys()
    assert all(name == cls.__name__ for name, cls in found.items())


ARGUMENTS = {
    "units": 3, "filters": 2, "kernel_size": 3, "pool_size": 2, "input_dim": 5, "output_dim": 4, "rate": 0.5, "n": 3,
    "target_shape": (4,), "dims": (2, 1), "function": torch.tanh, "equation": "ab,bc->ac", "output_shape": (3,),
    "num_heads": 2, "key_dim": 3, "axes": 1, "factor": 0.5, "stddev": 0.1, "activation": "relu",
    "output_size": 3, "height": 4, "width": 5, "head_dim": 2, "num_query_heads": 4, "num_key_value_heads": 2,
    "scale": 2.0, "num_bins": 3, "max_number": 4, "height_factor": 0.1, "width_factor": 0.1, "init_values": 0.1,
}  # fmt: skip
# What says how to compute, what only a live object can tell, and shorthands that get_config gives in full.
NOT_IN_CONFIGS = {
    "Embedding": {"weights"},
    "Bidirectional": {"weights"},
    "InputLayer": {"shape", "batch_size", "sparse", "ragged", "input_tensor"},
    "LSTM": {"use_cudnn"},
    "GRU": {"use_cudnn"},
}


def make(cls: type) -> Any:
    required, _, _ = init_arguments(cls)
    special: dict[str, dict[str, Any]] = {
        "InputLayer": {"shape": (3,)},
        "RNN": {"cell": lamina.layers.LSTMCell(2)},
        "StackedRNNCells": {"cells": [lamina.layers.LSTMCell(2)]},
        "Bidirectional": {"layer": lamina.layers.LSTM(2)},
        "TimeDistributed": {"layer": lamina.layers.Dense(2)},
        "SpectralNormalization": {"layer": lamina.layers.Dense(2)},
        "Wrapper": {"layer": lamina.layers.Dense(2)},
        "Pipeline": {"layers": [lamina.layers.Dense(2)]},
        "CategoryEncoding": {"num_tokens": 3},
        "RandomPosterization": {"factor": 3},
        "LayerScale": {"init_values": 0.1, "projection_dim": 3},
        "Discretization": {"bin_boundaries": [0.0, 1.0]},
    }
    return cls(**(special.get(cls.__name__) or {name: ARGUMENTS[name] for name in required}))


@pytest.mark.parametrize("name", [name for name in layer_classes() if name != "TorchModule"])
def test_the_config_of_every_layer_of_ours_tells_all_its_arguments(name: str) -> None:
    cls = layer_classes()[name]
    layer = make(cls)
    layer.activity_regularizer = lamina.regularizers.L2(0.1)  # in the config only where there is one
    _, named, _ = init_arguments(cls)
    config = layer.get_config()
    only_if_given = {"lora_rank", "lora_alpha"}
    assert set(named) - set(config) - only_if_given - NOT_IN_CONFIGS.get(name, set()) == set()
    assert decode(encode(config)) == config
    assert cls.from_config(config).get_config() == config
