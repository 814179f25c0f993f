"""What classes of the user's save by their own hooks, in Keras' files: variables among the weights, files as assets.

A layer's variables lie where its weights would, by the names that its class gives them; its files in a folder of the
same path below ``assets/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.layers import Layer
from lamina.saving.own_state import assets_of, give_assets, give_variables, hooked_parts, variables_of

from .h5 import H5File
from .layout import Layout

ASSETS = "assets/"

Orders = Mapping[int, list[Layer]]
_NONE: Orders = MappingProxyType({})


def own_arrays(layout: Layout) -> dict[str, torch.Tensor]:
    """Path of a dataset -> what a layer's class saves there."""
    stored = ((place, variables_of(layer)) for place, layer in layout.stores.items())
    return {f"{place}/{name}": value for place, own in stored for name, value in own.items()}


def own_assets(model: Any, orders: Orders = _NONE) -> dict[str, bytes]:
    """Path of a member -> content, of all files that classes save."""
    if not any(True for _ in hooked_parts(model)):
        return {}
    found: dict[str, bytes] = {}
    for place, layer in Layout(model, orders).assets.items():
        prefix = f"{ASSETS}{place}/" if place else ASSETS
        found |= {f"{prefix}{name}": content for name, content in assets_of(layer).items()}
    return found


def give_own_variables(layout: Layout, file: H5File) -> None:
    """Hand each layer whose class reads by itself what is stored for it."""
    for place, layer in layout.stores.items():
        prefix = f"{place}/"
        names = {path.removeprefix(prefix): path for path in file.datasets if path.startswith(prefix)}
        stored = {name: file.read(path, file.datasets[path].shape) for name, path in names.items() if "/" not in name}
        give_variables(layer, stored)


def give_own_assets(model: Any, members: Mapping[str, bytes], orders: Orders = _NONE) -> None:
    """Hand each layer whose class reads by itself the files that are for it."""
    if not any(name.startswith(ASSETS) for name in members):
        return
    for place, layer in Layout(model, orders).assets.items():
        prefix = f"{ASSETS}{place}/" if place else ASSETS
        files = {name.removeprefix(prefix): content for name, content in members.items() if name.startswith(prefix)}
        if files:
            give_assets(layer, files)
