"""The order in which a ``.keras`` numbers the weights of a model that is there already: told by names in its config."""

from __future__ import annotations

from typing import Any

from lamina.graph import LaminaError
from lamina.layers import Layer
from lamina.saving.errors import BAD_CONFIG
from lamina.saving.translations import Translations

from .graph_in import GraphReader, field_of

_WHERE = "The config"


def orders_for(model: Any, entry: Any) -> dict[int, list[Layer]]:
    """Id of a model -> its layers as Keras orders them, for each graph in ``model`` whose layers the config knows by
    name; nothing is made of the config."""
    orders: dict[int, list[Layer]] = {}
    _walk(model, entry, orders)
    return orders


def _walk(model: Any, entry: Any, orders: dict[int, list[Layer]]) -> None:
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return
    here = {layer.name: layer for layer in getattr(model, "layers", ())}
    if getattr(model, "graph", None) is not None and "input_layers" in config:
        try:
            names = _names_in_order(config)
        except (LaminaError, *BAD_CONFIG):
            return  # whoever loads the file whole is told; weights go by the model's own order
        if set(names) == here.keys():
            orders[id(model)] = [here[name] for name in names]
    for below in config["layers"]:
        told = below.get("config") if isinstance(below, dict) else None
        name = told.get("name") if isinstance(told, dict) else None
        if isinstance(name, str) and name in here:
            _walk(here[name], below, orders)


def _names_in_order(config: dict[str, Any]) -> list[str]:
    reader = GraphReader(config, _Names(), _WHERE)
    return [layer.name for layer in reader.layers_in_order(reader.told(field_of(config, "output_layers", _WHERE)))]


class _Names:
    """Makes of each layer in a config no more than its name."""

    old = False
    sorts_deep = True

    def __init__(self) -> None:
        self.told = Translations()

    def layer(self, entry: dict[str, Any], where: str) -> Layer:
        return Layer(name=entry["config"]["name"])
