"""Stand-ins: copies of modules for the length of one call.

A stand-in has the same weights, buffers and settings as the module behind it, as the same objects, and what the call
needs otherwise: weights in another dtype, another training mode, attributes that may be set without anybody seeing it.
So no call changes a module that another thread is using.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import torch

from lamina.sizes import tree

M = TypeVar("M", bound=torch.nn.Module)
_ABSENT = object()
_PLAIN = frozenset((bool, int, float, str, type(None), torch.dtype))
_SLOTS = ("_parameters", "_buffers", "_modules")
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def stand_in(module: M, attributes: dict[str, Any]) -> M:
    """A copy of the module alone, with other attributes; it shares everything else, its parts among that."""
    copy = object.__new__(type(module))
    object.__setattr__(copy, "__dict__", {**module.__dict__, **attributes})  # not by the module's own `__setattr__`
    return copy


class StandIns:
    """Stand-ins for a module and all modules under it, each with lists and dicts of its own.

    Args:
        module: the module that will be called.
        only: which of the modules under it; those under one that is left out are left out too.
        attributes: what the stand-ins have otherwise, where their modules have an attribute of that name.

    Attributes:
        copy: what to call in its place.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        only: Callable[[torch.nn.Module], bool] = lambda part: True,
        attributes: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        parts = [part for part in parts_of(module, only) if not isinstance(part, torch.jit.ScriptModule)]
        self._attributes = attributes
        self._copies = {id(part): object.__new__(type(part)) for part in parts}
        self._real = {id(self._copies[id(part)]): part for part in parts}
        self._taken: dict[int, dict[str, Any]] = {}
        for part in parts:
            self.renew(self._copies[id(part)])
        self.copy = self._copies.get(id(module), module)

    def real(self, copy: M) -> M:
        """The module behind a stand-in; a module that is none is itself."""
        return self._real.get(id(copy), copy)  # type: ignore[return-value]

    def renew(self, copy: torch.nn.Module) -> None:
        """Make the stand-in what its module is now; what is no stand-in stays."""
        if id(copy) not in self._real:
            return
        own = dict(self._real[id(copy)].__dict__)  # as it is now, whatever other threads do to it
        taken = dict(own)
        for name, value in own.items():
            if type(value) not in _PLAIN:
                own[name] = fresh = self._copied(value)
                taken[name] = _contents(fresh)
        for name, value in self._attributes.items():
            if name in own:
                own[name], taken[name] = value, _contents(value)
        copy.__dict__.clear()
        copy.__dict__.update(own)
        self._taken[id(copy)] = taken

    def renew_built(self, copy: torch.nn.Module) -> None:
        """`renew`, and for the parts under it too that have got weights or parts: a build may build what is within."""
        self.renew(copy)
        for part in parts_of(self.real(copy)):
            twin = self._copies.get(id(part))
            if twin is not None and any(part.__dict__[n].keys() != twin.__dict__[n].keys() for n in _SLOTS):
                self.renew(twin)

    def show_modules_to_hooks(self) -> None:
        """Have hooks be given the modules behind the stand-ins."""
        for copy in self._copies.values():
            own, taken = copy.__dict__, self._taken[id(copy)]
            for name in _HOOKS:
                if own[name]:
                    own[name] = type(own[name])((k, partial(_given, self.real(copy), h)) for k, h in own[name].items())
                    taken[name] = _contents(own[name])

    def _copied(self, value: Any) -> Any:
        """Containers anew, with stand-ins in the places of modules; anything else as it is."""
        if isinstance(value, torch.nn.Module):
            return self._copies.get(id(value), value)
        if type(value) in (list, tuple, dict):
            if not value:
                return value.copy() if type(value) is not tuple else value
            return tree.map_leaves(lambda leaf: self._copies.get(id(leaf), leaf), value)
        return value.copy() if hasattr(value, "copy") and isinstance(value, (dict, set)) else value

    def give_back(self) -> None:
        """Keep what the call has set on the stand-ins."""
        for copy in self._copies.values():
            real, taken = self._real[id(copy)], self._taken[id(copy)]
            for name in taken.keys() - copy.__dict__.keys():
                real.__dict__.pop(name, None)
            for name in _SLOTS:
                self._give_back_slot(real.__dict__[name], copy.__dict__[name], dict(taken[name]))
            self._give_back_attributes(real, copy, taken)

    def give_back_parts(self) -> None:
        """Keep the layers and weights that the call has made, and what it has noted beside them, but no tensors.

        A call that has made none has computed only: what it noted, a flag, a counter, a cache, is forgotten with that.
        """
        for copy in self._copies.values():
            real, taken = self._real[id(copy)], self._taken[id(copy)]
            made = [
                (name, key, value)
                for name in _SLOTS
                for key, value in copy.__dict__[name].items()
                if key not in dict(taken[name]) and _outlasts(value)
            ]
            for name, key, value in made:
                real.__dict__[name][key] = self._real.get(id(value), value)
            if made:
                self._give_back_attributes(real, copy, taken)

    def _give_back_attributes(self, real: Any, copy: Any, taken: dict[str, Any]) -> None:
        for name, value in copy.__dict__.items():
            if name not in _SLOTS and (name not in taken or not _same(taken[name], _contents(value))):
                kept = tree.map_leaves(lambda leaf: self._real.get(id(leaf), leaf), value)
                if not any(map(is_shape, tree.leaves(kept))):
                    real.__dict__[name] = kept

    def _give_back_slot(self, real: dict[str, Any], now: dict[str, Any], before: dict[str, Any]) -> None:
        for name in before.keys() - now.keys():
            real.pop(name, None)
        for name, value in now.items():
            if value is not before.get(name, _ABSENT):
                real[name] = self._real.get(id(value), value)


def parts_of(
    module: torch.nn.Module, only: Callable[[torch.nn.Module], bool] = lambda part: True
) -> Iterator[torch.nn.Module]:
    """The module and all under it, each once, by their registration alone; not beyond one that ``only`` leaves out."""
    stack, seen = [module], {id(module)}
    while stack:
        part = stack.pop()
        yield part
        for inner in list(part._modules.values()):
            if inner is not None and id(inner) not in seen and only(inner):
                seen.add(id(inner))
                stack.append(inner)


def _given(module: torch.nn.Module, hook: Callable[..., Any], _: torch.nn.Module, *args: Any) -> Any:
    return hook(module, *args)


def _contents(value: Any) -> Any:
    """What tells whether a value has changed: the value, or the items of a list or dict."""
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(value) if isinstance(value, (list, set)) else value


def _same(a: Any, b: Any) -> bool:
    """Whether the contents are the same objects."""
    if a is b:
        return True
    if type(a) is not tuple or type(b) is not tuple or len(a) != len(b):
        return False
    return all(x is y or (type(x) is type(y) is tuple and _same(x, y)) for x, y in zip(a, b, strict=True))


def _outlasts(value: Any) -> bool:
    """Whether something that a call on shapes has set is a part or a weight, made for real."""
    return isinstance(value, (torch.nn.Module, torch.nn.Parameter)) and not is_shape(value)


def is_shape(leaf: Any) -> bool:
    """Whether this is a tensor without storage."""
    return isinstance(leaf, torch.Tensor) and leaf.is_meta
