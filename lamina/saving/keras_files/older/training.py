"""How a model is trained, as Keras 1 and 2 tell it, in the words of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lamina import metrics
from lamina.naming import snake_case
from lamina.saving.errors import LoadingError

_RENAMED = {"lr": "learning_rate"}
# (optimizer or "", argument) -> the values with which it says no more than Keras 3 does by itself; None: any.
_IDLE: Mapping[tuple[str, str], tuple[Any, ...] | None] = MappingProxyType(
    {
        ("", "decay"): (0, 0.0, None),
        ("", "jit_compile"): None,
        ("", "is_legacy_optimizer"): None,
        ("", "iterations"): None,
    }
)
_EPSILON = 1e-7
_OBJECTS_OF_FUNCTIONS = ("MeanMetricWrapper", "LossFunctionWrapper", "SumOverBatchSizeMetricWrapper")
# Functions of one version by names of their own -> of today.
_FUNCTIONS = {"acc": "accuracy", "binary_accuracy_v2": "binary_accuracy"}


def training_in_todays_words(config: dict[str, Any]) -> dict[str, Any]:
    """``training_config`` of Keras 1 or 2, as Keras 3 would say it.

    Raises:
        LoadingError: a setting that Keras 3 does not have.

    >>> training_in_todays_words({"optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.0}}})
    {'optimizer': {'class_name': 'SGD', 'config': {'learning_rate': 0.1}}}
    """
    found = {key: value for key, value in config.items() if key not in ("optimizer_config", "sample_weight_mode")}
    optimizer = config.get("optimizer_config", config.get("optimizer"))
    found["optimizer"] = _optimizer(optimizer)
    for part in ("loss", "metrics", "weighted_metrics"):
        if part in found:
            found[part] = _object(found[part])
    return found


def _optimizer(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("config"), dict):
        return data
    name = str(data.get("class_name")).removeprefix("Custom>")
    config = {_RENAMED.get(key, key): value for key, value in data["config"].items()}
    if name == "Nadam" and data["config"].get("is_legacy_optimizer") is not False and config.get("decay") is not None:
        config.setdefault("schedule_decay", config.pop("decay"))  # of which tf.keras (to 2.10) kept it under this word
    decay = config.get("decay")
    if decay and isinstance(decay, (int, float)) and isinstance(config.get("learning_rate"), (int, float)):
        # The rate at step t was lr / (1 + decay * t).
        config["learning_rate"] = {
            "class_name": "InverseTimeDecay",
            "config": {"initial_learning_rate": config["learning_rate"], "decay_steps": 1, "decay_rate": decay},
        }
        del config["decay"]
    for (kind, key), values in _IDLE.items():
        if key not in config or kind not in ("", name):
            continue
        if values is not None and config[key] not in values:
            raise LoadingError(
                f"The optimizer {name:.40} has a setting that Keras gave up with version 3.",
                got=f"{key}={config[key]!r}"[:80], expected=f"{key}={values[0]!r}",
            )  # fmt: skip
        del config[key]
    if "epsilon" in config and config["epsilon"] is None:
        config["epsilon"] = _EPSILON
    if isinstance(config.get("inner_optimizer"), dict):
        config["inner_optimizer"] = _optimizer(config["inner_optimizer"])
    return {**data, "config": config}


def _object(value: Any) -> Any:
    """A loss or metric, or lists and dicts of them."""
    if isinstance(value, list):
        return [_object(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {key: _object(item) for key, item in value.items()}
    config = value.get("config")
    if not isinstance(config, dict):
        return value
    function = config.get("fn")
    kept = {key: item for key, item in config.items() if key != "fn" or not isinstance(function, str)}
    if kept.get("reduction") == "auto":
        kept["reduction"] = "sum_over_batch_size"
    name = value["class_name"]
    if name in _OBJECTS_OF_FUNCTIONS and isinstance(function, str):
        return _of_function(function, kept)
    return {**value, "config": kept}


def _of_function(function: str, config: dict[str, Any]) -> Any:
    """A metric or loss that was told by its function: the class of that function, or the function where it has none."""
    function = _FUNCTIONS.get(function, function)
    classes = {snake_case(name): name for name in metrics.__all__ if name[:1].isupper()}
    if function in classes:
        return {"class_name": classes[function], "config": config}
    return function
