"""Layers that a `Lambda` calls from outside: the model does not have their weights."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers import Lambda
from lamina.layers.captured import captured

from .said import Said


def tell_of_captured(said: Said, model: Any) -> None:
    """Warn of weights in the functions of `Lambda` layers that could be trained and are none of the model's."""
    known = {id(weight) for weight in model.parameters()}
    for layer in model.modules():
        if not isinstance(layer, Lambda):
            continue
        for name, value in captured(layer.function):
            weights = list(value.parameters()) if isinstance(value, torch.nn.Module) else [value]
            strange = [
                weight
                for weight in weights
                if isinstance(weight, torch.nn.Parameter) and weight.requires_grad and id(weight) not in known
            ]
            if strange:
                said.once(
                    f"captured {layer.name} {name}",
                    f"{layer.label} uses {name!r}, which has {len(strange)} weights that are none of the model's: they "
                    f"are not trained and not saved. Try calling {name!r} on the tensor itself, or a Layer with it as "
                    f"an attribute; {name}.requires_grad_(False) where it is to stay as it is.",
                )
