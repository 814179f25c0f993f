"""Keras' words and ours, in closed tables: models, arguments of layers renamed, arguments without meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

MODEL_NAMES = ("Functional", "Model", "Sequential")

# Keras 2's names of arguments; "" means any class.
RENAMED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("ReLU", "alpha"): "negative_slope",
        ("LeakyReLU", "alpha"): "negative_slope",
        ("InputLayer", "batch_input_shape"): "batch_shape",
    }
)

# Arguments of layers that Lamina does not have -> the values with which they say nothing.
MEANINGLESS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "quantization_config": (None,),
        "quantization_mode": (None,),
        "lora_rank": (None,),
        "lora_alpha": (None,),
        "gptq_unpacked_column_size": (None,),
        "time_major": (False,),
        "implementation": (0, 1, 2),
        "noise_shape": (None,),
        "groups": (1,),
        "fused": (None, True, False),
        "virtual_batch_size": (None,),
        "adjustment": (None,),
        "renorm": (False,),
        "synchronized": (False,),
        "sparse": (False, None),
        "oov_method": ("floormod",),
        "ragged": (False, None),
        "optional": (False,),
        "function_type": ("function",),
        "output_shape_type": ("raw",),
        "module": (None,),
        "output_shape_module": (None,),
        "rms_scaling": (False,),
        "softmax_robust_masking": (False,),
        "seed": (None,),
    }
)

# What Keras keeps in configs of layers though it is no argument, or one that only matters before the graph is drawn.
DROPPED = ("batch_input_shape", "input_length", "build_input_shape", "query_shape", "key_shape", "value_shape")

# Arguments of Keras 2's layers for weights that they do not have.
NO_SUCH_WEIGHT = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")


def inner_sorted(structure: Any, _within: bool = False) -> Any:
    """The structure with the keys sorted of each dict that lies within another one.

    So any Keras numbers its leaves alike, whatever it runs on.

    >>> inner_sorted({"b": 1, "a": {"d": 3, "c": 4}})
    {'b': 1, 'a': {'c': 4, 'd': 3}}
    """
    if isinstance(structure, dict):
        keys = sorted(structure) if _within else structure
        return {key: inner_sorted(structure[key], True) for key in keys}
    return [inner_sorted(item, _within) for item in structure] if isinstance(structure, list) else structure


def free_name(name: str, used: set[str]) -> str:
    """The name, numbered where it is taken: layers and operations share one space of names in Keras."""
    found, k = name, 1
    while found in used:
        found, k = f"{name}_{k}", k + 1
    used.add(found)
    return found
