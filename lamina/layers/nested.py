"""Layers kept in plain lists and dicts are found, as Keras users expect; PyTorch looks at attributes only.

They become children in the order in which they came to the layer, among those that are attributes, as in Keras: the
containers are looked through when one is set, and before a layer is set as an attribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any

import torch

from lamina._torch import attributes as reading

# The attribute, and the places and keys that lead from it to a module.
Path = tuple[Any, ...]

# What PyTorch and Lamina note about modules that are registered already.
_NOTES = frozenset(vars(torch.nn.Module())) | set(
    "_adopted _containers _losing _seen _inner _chain _weight_lists _cast_plan _jit".split()
)
# What `compile` is given. Losses and metrics may be modules of PyTorch's, which are no parts of the model.
_GIVEN_TO_COMPILE = frozenset(("loss", "_compiled"))
_CONTAINERS = (list, tuple, dict)
_MODULES = (torch.nn.Module,)
# What most attributes are: asked for first, at a third of the time.
_PLAIN = frozenset((bool, int, float, str, type(None), set, torch.dtype, FunctionType))
_HOLDERS = (*_MODULES, *_CONTAINERS)


def adopt_nested_layers(owner: torch.nn.Module, in_place: bool = True) -> None:
    """Register the modules inside the owner's plain lists, tuples and dicts as its children.

    A layer at ``self.blocks[2]`` becomes the child ``blocks_2``, one at ``self.heads["a"]`` the child ``heads_a``.
    Where another module has been put in one of the two places since, it is put in the other one too; one that has left
    its list is no child any more.

    Args:
        in_place: a new module in the place of another one in a list gets its place among the children too.
    """
    adopted: dict[Path, tuple[str, torch.nn.Module]] = owner.__dict__.get("_adopted", {})
    found = dict(_found(owner))
    if not found and not adopted:
        return
    for path, (name, before) in adopted.items():
        child = owner._modules.get(name)
        if found.get(path) is before and child is not None and child is not before:
            # whoever walks over modules has put another one there
            value = owner.__dict__[path[0]]
            owner.__dict__[path[0]] = _with(value, path[1:], child)
            found[path] = child
    plain, kept = _named(owner, adopted, found)
    if kept == adopted and all(owner._modules.get(name) is module for name, module in kept.values()):
        return
    known = {id(module) for _, module in adopted.values()}
    new = {name: module for name, module in kept.values() if id(module) not in known}
    for module in new.values():
        if module.training != owner.training and not hasattr(module, "called_by"):
            module.train(owner.training)  # a module of PyTorch's, born in training mode
    names = {id(module): name for name, module in kept.values()}
    places = {name: kept.get(path) for path, (name, _) in adopted.items()}
    children: dict[str, Any] = {}
    for name, child in owner._modules.items():
        place = places.get(name)
        if name not in places:
            children.setdefault(name, child)
        elif id(child) in plain or id(child) in names:  # it may be an attribute since, and keeps its place
            children.setdefault(plain.get(id(child)) or names[id(child)], child)
        elif in_place and place is not None and place[0] in new:
            children.setdefault(*place)
    for name, module in _as_they_came({path: child for path, child in kept.items() if child[0] not in children}):
        children.setdefault(name, module)
    owner.__dict__["_adopted"] = kept
    owner._modules.clear()
    owner._modules.update(children)


def _found(owner: torch.nn.Module) -> Iterator[tuple[Path, torch.nn.Module]]:
    # Every walk over modules comes here for every layer, and nearly always there is nothing: names are looked at first,
    # then kinds, then what lies right in a container. PyTorch's compiler cannot look at the kinds of what it writes to,
    # nor at a model that it is compiling, which `_jit` holds.
    # A layer of ours has noted which of its attributes are containers.
    own = reading.attributes_of(owner)
    of_ours = type(owner).__module__.startswith("lamina.")
    compiled = own.get("_compiled") is not None
    names = own.get("_containers") if of_ours else None
    for name in list(own) if names is None else names:
        if (name[:1] == "_" if of_ours else name in _NOTES) or (compiled and name in _GIVEN_TO_COMPILE):
            continue
        value = own.get(name)
        if type(value) in _PLAIN or not isinstance(value, _CONTAINERS) or not value:
            continue
        if may_hold(value, _HOLDERS):
            yield from found_in(value, _MODULES, (name,))


def note_container(owner: torch.nn.Module, name: str, value: Any) -> bool:
    """Note that an attribute is a list, a tuple or a dict, in which modules and weights may be found sooner or later.

    Returns:
        Whether it is one, and something may be in it now.
    """
    if not isinstance(value, _CONTAINERS) or (type(value) is tuple and is_plain(value)):
        return False
    if name[:1] == "_" and type(owner).__module__.startswith("lamina."):
        return False  # where layers of ours keep what is no part of them
    noted = owner.__dict__.get("_containers", ())
    if name not in noted:  # a new tuple: copies of the layer share it
        owner.__dict__["_containers"] = (*noted, name)
    return type(value) in _CONTAINERS and not is_plain(value)


def is_plain(value: Any) -> bool:
    """Whether nothing stands right in a container but what holds nothing: numbers, texts, functions."""
    return _PLAIN.issuperset(map(type, value.values() if isinstance(value, dict) else value))


def may_hold(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a container has something of these kinds right in it."""
    for item in list(value.values()) if isinstance(value, dict) else value:  # noqa: SIM110  any() takes thrice as long
        if isinstance(item, kinds):
            return True
    return False


def known_parts(owner: torch.nn.Module) -> Iterable[torch.nn.Module]:
    """The owner and all modules under it, when those in its lists have been adopted: most layers have none."""
    return owner.modules() if owner._modules else (owner,)


def _named(
    owner: torch.nn.Module, adopted: dict[Path, tuple[str, torch.nn.Module]], found: dict[Path, torch.nn.Module]
) -> tuple[dict[int, str], dict[Path, tuple[str, torch.nn.Module]]]:
    """The names of the children that are attributes; and for each other module that was found its place and name."""
    lists = {name for name, _ in adopted.values()}
    plain = {id(child): name for name, child in owner._modules.items() if name not in lists}
    kept: dict[Path, tuple[str, torch.nn.Module]] = {}
    taken, seen = {*plain.values()}, {*plain}
    for path, module in found.items():
        if id(module) not in seen:
            old = adopted[path][0] if path in adopted else ""
            name = old if old and old not in taken else _free_name(path, taken)
            taken.add(name)
            seen.add(id(module))
            kept[path] = name, module
    return plain, kept


def _as_they_came(new: dict[Path, tuple[str, torch.nn.Module]]) -> Iterator[tuple[str, torch.nn.Module]]:
    """What has come to several lists since these were looked through, in the order in which Keras, which sees each
    `append`, comes by it: a list in its own order, of several lists what was made first."""
    lists: dict[Any, list[tuple[str, torch.nn.Module]]] = {}
    for path, child in new.items():
        lists.setdefault(path[0], []).append(child)
    waiting = list(lists.values())
    while waiting:
        first = min(waiting, key=lambda children: vars(children[0][1]).get("_made_at", 0))
        yield first.pop(0)
        waiting = [children for children in waiting if children]


def name_of(path: Path) -> str:
    """The name of what stands at a place: a layer at ``self.blocks[2]`` is called ``blocks_2``."""
    return "_".join(map(str, path)).replace(".", "_")


def _free_name(path: Path, taken: Iterable[str]) -> str:
    base = name_of(path)
    name, k = base, 1
    while name in taken:
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


def holds_modules(value: Any) -> bool:
    """Whether this is a container with a module in it."""
    return isinstance(value, _CONTAINERS) and next(found_in(value, _MODULES, ()), None) is not None


def found_in(
    value: Any, kinds: tuple[type, ...], path: Path, around: tuple[Any, ...] = ()
) -> Iterator[tuple[Path, Any]]:
    """What is of these kinds in a value, however deep in containers, with the places and keys that lead to it.

    Args:
        around: the lists and dicts around it: one that holds itself is not gone through again. They are compared by
            themselves, not by id: it may be compiled.
    """
    if isinstance(value, kinds):
        yield path, value
    elif isinstance(value, tuple):  # holds itself only by way of a list or a dict
        for key, item in enumerate(value):
            yield from found_in(item, kinds, (*path, key), around)
    elif isinstance(value, _CONTAINERS) and not any(value is outer for outer in around):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from found_in(item, kinds, (*path, key), (*around, value))
