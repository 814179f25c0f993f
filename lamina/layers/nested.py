"""Layers kept in plain lists and dicts are found, as Keras users expect; PyTorch looks at attributes only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

# The attribute, and the places and keys that lead from it to a module.
Path = tuple[Any, ...]


def adopt_nested_layers(owner: torch.nn.Module) -> None:
    """Register the modules inside the owner's plain lists, tuples and dicts as its children.

    A layer at ``self.blocks[2]`` becomes the child ``blocks_2``, one at ``self.heads["a"]`` the child ``heads_a``.
    Where another module has been put in one of the two places since, it is put in the other one too.
    """
    # Every walk over modules comes here for every layer, and nearly always there is nothing: 4 us instead of 9 by
    # looking at names first, then at what lies right in a container.
    own = owner.__dict__
    public = [name for name in list(own) if name and name[0] != "_"]
    found = [
        (name, value)
        for name in public
        if isinstance(value := own.get(name), (list, tuple, dict)) and _may_hold_modules(value)
    ]
    if not found:
        return
    children = owner._modules
    adopted: dict[Path, tuple[str, torch.nn.Module]] = own.get("_adopted", {})
    known = {id(child) for child in children.values()}
    for attribute, value in found:
        for path, module in list(_modules_in(value, (attribute,))):
            name, before = adopted.get(path, (None, None))
            if name is None and id(module) in known:
                continue
            if name is None:
                name = _free_name(path, children)
            elif module is before:  # whoever walks over modules has put another one there, or none
                module = children.get(name) or module
                if module is not before:
                    own[attribute] = _with(value, path[1:], module)
                    value = own[attribute]
            if module is not before:
                known.add(id(module))
                own.setdefault("_adopted", adopted)[path] = name, module
                if module.training != owner.training and not hasattr(module, "called_by"):
                    module.train(owner.training)  # a module of PyTorch's, born in training mode
            children[name] = module


def _may_hold_modules(value: Any) -> bool:
    """Whether a container has a module or another container in it."""
    for item in list(value.values()) if isinstance(value, dict) else value:
        if isinstance(item, (torch.nn.Module, list, tuple, dict)):
            return True
    return False


def _free_name(path: Path, children: dict[str, Any]) -> str:
    base = "_".join(map(str, path)).replace(".", "_")
    name, k = base, 1
    while name in children:
        name, k = f"{base}_{k}", k + 1
    return name


def _with(value: Any, path: Path, module: torch.nn.Module) -> Any:
    """The container with a module at a place in it: changed, or a new tuple."""
    if not path:
        return module
    inner = _with(value[path[0]], path[1:], module)
    if not isinstance(value, tuple):
        value[path[0]] = inner
        return value
    items = [inner if i == path[0] else item for i, item in enumerate(value)]
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def _modules_in(value: Any, path: Path) -> Iterator[tuple[Path, torch.nn.Module]]:
    if isinstance(value, torch.nn.Module):
        yield path, value
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _modules_in(item, (*path, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _modules_in(item, (*path, key))
