"""``Model.from_config``: a model from what ``get_config`` gave, here or in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lamina.layers.low_rank import add_adapters
from lamina.sizes.cycles import refuse_loop

from .budget import within_budget
from .classes import MODELS
from .config_reader import ConfigReader
from .keras_files.files import keras_model_from_config
from .plain_config import worded
from .weights import tie

_WHERE = "The config"


def from_config(cls: Any, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A new model with fresh weights from what ``get_config`` gave, here or in Keras.

    Args:
        custom_objects: name -> class, for layers that are not Lamina's own.

    Raises:
        LoadingError: the config is malformed, or names a class that is not at hand.
        StructureError: a list or dict in it holds itself.
    """
    refuse_loop(config)
    if is_of_keras(config):
        return keras_model_from_config(_entry(config), _WHERE, custom_objects, MODELS)

    def made() -> Any:
        return _adapted(cls.read_config(worded(config), ConfigReader(custom_objects, MODELS)), config)

    model = within_budget(_WHERE, made)
    tie(model, config.get("tied", {}) if model.graph is not None else {})
    return model


def _adapted(model: Any, config: Any) -> Any:
    if model.graph is not None:
        add_adapters(model, config.get("adapters", {}))
    return model


def is_of_keras(config: Any) -> bool:
    """Whether a model's config is one of Keras': a graph by its input layers, or layers without ids of ours.

    >>> is_of_keras([{"class_name": "Dense", "config": {"units": 2}}]), is_of_keras({"nodes": [], "layers": []})
    (True, False)
    """
    if isinstance(config, list):
        return True
    if not isinstance(config, dict) or "nodes" in config:
        return False
    layers = config.get("layers")
    told = isinstance(layers, list) and bool(layers) and all(isinstance(e, dict) and "id" not in e for e in layers)
    return told and all({"class_name", "config"} <= entry.keys() for entry in layers or ())


def _entry(config: Any) -> dict[str, Any]:
    """The config as the entry of a model, of the version that its words are of."""
    layers = config if isinstance(config, list) else config["layers"]
    today = any(isinstance(entry, dict) and "module" in entry for entry in layers)
    name = "Functional" if isinstance(config, dict) and "input_layers" in config else "Sequential"
    return {"class_name": name, "config": config, **({"module": "keras"} if today else {})}
