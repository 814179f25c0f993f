"""Initializers, regularizers, constraints, policies and functions of Keras 1 and 2, in the words of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .words import FUNCTIONS

CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "GlorotUniformV2": "GlorotUniform", "GlorotNormalV2": "GlorotNormal", "HeNormalV2": "HeNormal",
        "HeUniformV2": "HeUniform", "LecunNormalV2": "LecunNormal", "LecunUniformV2": "LecunUniform",
        "VarianceScalingV2": "VarianceScaling", "RandomNormalV2": "RandomNormal", "RandomUniformV2": "RandomUniform",
        "TruncatedNormalV2": "TruncatedNormal", "OrthogonalV2": "Orthogonal", "IdentityV2": "Identity",
        "OnesV2": "Ones", "ZerosV2": "Zeros", "ConstantV2": "Constant",
        "PolicyV1": "DTypePolicy", "Policy": "DTypePolicy",
        "WeightRegularizer": "L1L2", "L1L2Regularizer": "L1L2",
        "ActivityRegularizer": "L1L2",
        "Maxnorm": "MaxNorm", "Nonneg": "NonNeg", "Unitnorm": "UnitNorm",
    }
)  # fmt: skip

# (class, argument) -> that of today.
_RENAMED = {("MaxNorm", "m"): "max_value"}

# Arguments that an object of some older version has, and that say nothing of it: the dtype was that of the layer, which
# tells it too; "uses_learning_phase" how it was run.
_IDLE = ("dtype", "uses_learning_phase", "partition", "layout")
_INITIALIZERS = frozenset(CLASSES[name] for name in CLASSES if name.endswith("V2")) | {
    "GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Identity", "Zeros",
    "Ones", "Constant", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
    "glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform", "identity",
    "zeros", "ones", "constant", "orthogonal", "random_normal", "random_uniform", "truncated_normal",
    "variance_scaling",
}  # fmt: skip
_REGULARIZERS_AND_CONSTRAINTS = ("L1L2", "L1", "L2", "MaxNorm", "NonNeg", "UnitNorm", "MinMaxNorm")

# tf.keras 1's words for the ways in which VarianceScaling draws.
_DISTRIBUTIONS = {"normal": "truncated_normal"}


def todays_value(key: str, value: Any) -> Any:
    """A value in the config of a layer, at any depth, in the words of Keras 3.

    >>> todays_value("kernel_initializer", {"class_name": "Zeros", "config": {"dtype": "float32"}})
    {'class_name': 'Zeros', 'config': {}}
    >>> todays_value("recurrent_activation", "hard_sigmoid")
    'keras2_hard_sigmoid'
    """
    if isinstance(value, list):
        return [todays_value(key, item) for item in value]
    if isinstance(value, str):
        return FUNCTIONS.get(value, value) if key.endswith("activation") else value
    if not isinstance(value, dict):
        return value
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    if key.endswith(("regularizer", "constraint")) and "class_name" not in value and isinstance(value.get("name"), str):
        value = {"class_name": value["name"], "config": {k: v for k, v in value.items() if k != "name"}}
    if not isinstance(value.get("class_name"), str):
        return value
    return _object(key, value)


def _object(key: str, value: dict[str, Any]) -> dict[str, Any]:
    name, config = value["class_name"], value.get("config")
    if name == "function" and isinstance(config, str):
        return {**value, "config": FUNCTIONS.get(config, config) if key.endswith("activation") else config}
    name = CLASSES.get(name, name)
    if isinstance(config, dict) and (name in _INITIALIZERS or name in _REGULARIZERS_AND_CONSTRAINTS):
        config = {_RENAMED.get((name, k), k): _number(v) for k, v in config.items() if k not in _IDLE}
        if name == "VarianceScaling" and config.get("distribution") in _DISTRIBUTIONS:
            config["distribution"] = _DISTRIBUTIONS[config["distribution"]]
        if name == "MaxNorm" and value["class_name"] in ("Maxnorm", "MaxNorm"):
            config = {k: v for k, v in config.items() if k in ("max_value", "axis")}
    elif name == "DTypePolicy" and isinstance(config, dict):
        config = {"name": config.get("name")}
    return {**value, "class_name": name, "config": config}


def _number(value: Any) -> Any:
    """Arrays of one version stand as {"type": "ndarray", "value": ...}."""
    return value["value"] if isinstance(value, dict) and value.get("type") == "ndarray" and "value" in value else value
