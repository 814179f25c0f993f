"""Layers kept in plain lists and dicts are found, as Keras users expect; PyTorch looks at attributes only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


def adopt_nested_layers(owner: torch.nn.Module) -> None:
    """Register the modules inside the owner's plain lists, tuples and dicts as its children.

    A layer at ``self.blocks[2]`` becomes the child ``blocks_2``, one at ``self.heads["a"]`` the child ``heads_a``.
    """
    children = owner._modules
    known = {id(child) for child in children.values()}
    for attribute, value in list(owner.__dict__.items()):
        if attribute.startswith("_") or not isinstance(value, (list, tuple, dict)) or not value:
            continue
        for path, module in _modules_in(value, attribute):
            if id(module) in known:
                continue
            known.add(id(module))
            if module.training != owner.training and not hasattr(module, "called_by"):
                module.train(owner.training)  # a module of PyTorch's, born in training mode
            name, k = path, 1
            while name in children:
                name, k = f"{path}_{k}", k + 1
            children[name] = module


def _modules_in(value: Any, path: str) -> Iterator[tuple[str, torch.nn.Module]]:
    if isinstance(value, torch.nn.Module):
        yield path.replace(".", "_"), value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _modules_in(item, f"{path}_{i}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _modules_in(item, f"{path}_{key}")
