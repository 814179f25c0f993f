"""How a model is trained, in a few words, from what a file of Keras' or Lamina's tells."""

from __future__ import annotations

from typing import Any

from .facts import quoted

# Settings of optimizers that a person asks for first, by old words and today's.
_SETTINGS = (
    "learning_rate",
    "lr",
    "decay",
    "weight_decay",
    "momentum",
    "nesterov",
    "beta_1",
    "beta_2",
    "rho",
    "clipnorm",
)
_MAX_DEPTH = 20


def optimizer_facts(told: Any, tensors: int) -> dict[str, Any] | None:
    """Class and settings of an optimizer, and how many tensors of its state there are."""
    if isinstance(told, str):
        return {"class_name": quoted(told), "settings": {}, "tensors": tensors}
    if not isinstance(told, dict):
        return None
    config = told.get("config")
    config = config if isinstance(config, dict) else {}
    settings = {key: _setting(config[key]) for key in _SETTINGS if config.get(key) is not None}
    return {"class_name": quoted(told.get("class_name")), "settings": settings, "tensors": tensors}


def _setting(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float)) else brief(value)


def brief(value: Any) -> str:
    """Objects by their classes or functions, lists and dicts of them by their items.

    >>> brief({"a": "mse", "b": [{"class_name": "AUC", "config": {}}]})
    'a: mse, b: AUC'
    """
    return quoted(_brief(value))


def _brief(value: Any, depth: int = 0) -> str:
    if value is None or value is False or depth > _MAX_DEPTH:
        return ""
    if isinstance(value, dict):
        if "$object" in value:
            return _brief(value["$object"], depth + 1)
        if isinstance(value.get("class_name"), str):
            config = value.get("config")
            if value["class_name"] == "function":
                return str(config)
            function = config.get("fn") if isinstance(config, dict) else None
            return function if isinstance(function, str) else str(value["class_name"])
        parts = ((key, _brief(item, depth + 1)) for key, item in list(value.items())[:100])
        return ", ".join(f"{key}: {text}" for key, text in parts if text)
    if isinstance(value, list):
        return ", ".join(filter(None, (_brief(item, depth + 1) for item in value[:100])))
    return str(value)
