"""The three options that every weight has: how it starts, what it costs, and where it may lie."""

from __future__ import annotations

from typing import Any

from lamina import constraints, initializers, regularizers


def keep_weight_options(
    layer: Any, weight: str, initializer: Any, regularizer: Any = None, constraint: Any = None
) -> None:
    """Resolve names and keep the objects as `layer.<weight>_initializer`, `..._regularizer`, `..._constraint`."""
    setattr(layer, f"{weight}_initializer", initializers.get(initializer))
    setattr(layer, f"{weight}_regularizer", regularizers.get(regularizer))
    setattr(layer, f"{weight}_constraint", constraints.get(constraint))


def weight_options(layer: Any, weight: str) -> dict[str, Any]:
    """The kept options as arguments of `add_weight`."""
    return {kind: getattr(layer, f"{weight}_{kind}") for kind in ("initializer", "regularizer", "constraint")}


def weight_options_config(layer: Any, *weights: str) -> dict[str, Any]:
    """The kept options of these weights as `get_config` gives them."""
    config: dict[str, Any] = {}
    for weight in weights:
        config[f"{weight}_initializer"] = initializers.serialize(getattr(layer, f"{weight}_initializer"))
        config[f"{weight}_regularizer"] = regularizers.serialize(getattr(layer, f"{weight}_regularizer"))
        config[f"{weight}_constraint"] = constraints.serialize(getattr(layer, f"{weight}_constraint"))
    return config
