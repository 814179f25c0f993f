"""Stand-ins: copies of modules for the length of one call.

A stand-in has the same weights, buffers and settings as the module behind it, as the same objects, and what the call
needs otherwise: weights in another dtype, another training mode, attributes that may be set without anybody seeing it.
So no call changes a module that another thread is using.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import torch

from lamina.sizes import tree

from .boxes import contents_of, is_box, rebuilt, refilled, same_contents

M = TypeVar("M", bound=torch.nn.Module)
_KNOWN = ("lamina.", "torch.")
_ABSENT = object()
_PLAIN = frozenset((bool, int, float, str, type(None), torch.dtype))
_SLOTS = ("_parameters", "_buffers", "_modules")
_OF_TORCH = frozenset(vars(torch.nn.Module()))
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
        self._boxes: dict[int, tuple[Any, Any]] = {}
        self._originals: dict[int, tuple[Any, Any]] = {}
        for part in parts:
            self._take(self._copies[id(part)], part)
        self.copy = self._copies.get(id(module), module)

    def real(self, copy: M) -> M:
        """The module behind a stand-in; a module that is none is itself."""
        return self._real.get(id(copy), copy)  # type: ignore[return-value]

    def _take(self, copy: torch.nn.Module, part: torch.nn.Module) -> None:
        own = dict(part.__dict__)  # as it is now, whatever other threads do to it
        taken = dict(own)
        for name, value in own.items():
            if type(value) in _PLAIN:
                continue
            if name in _OF_TORCH and not value:  # hooks
                own[name], taken[name] = value.copy(), ()
            else:
                own[name] = fresh = self._shown(name, value)
                taken[name] = contents_of(fresh)
        for name, value in self._attributes.items():
            if name in own:
                own[name], taken[name] = value, contents_of(value)
        copy.__dict__.update(own)
        self._taken[id(copy)] = taken

    def renew(self, copy: torch.nn.Module) -> None:
        """Show the stand-in what its module has become since; what the call has set stays, and what is no stand-in."""
        if id(copy) not in self._real:
            return
        own, seen, taken = dict(self._real[id(copy)].__dict__), copy.__dict__, self._taken[id(copy)]
        for name in taken.keys() - own.keys():
            seen.pop(name, None)
            del taken[name]
        for name, value in own.items():
            if name in self._attributes or (name in taken and self._is_as_taken(taken[name], contents_of(value))):
                continue
            boxes, self._boxes = self._boxes, {}  # containers as they are now
            now = self._shown(name, value)
            self._boxes = boxes
            if name in _SLOTS:
                _write_changes(seen[name], dict(taken[name]), now, {})
            else:
                before = boxes.get(id(value))
                seen[name] = now if before is None else refilled(before[1], now)
            taken[name] = contents_of(now)

    def _is_as_taken(self, taken: Any, now: Any) -> bool:
        """Whether the contents of a module's attribute are what its stand-in got."""
        if taken is now or (id(now) in self._copies and taken is self._copies[id(now)]):
            return True
        if type(taken) is not tuple or type(now) is not tuple or len(taken) != len(now):
            return False
        return all(x is y or self._is_as_taken(x, y) for x, y in zip(taken, now, strict=True))

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
                    taken[name] = contents_of(own[name])

    def _shown(self, name: str, value: Any) -> Any:
        """An attribute of a module as its stand-in has it."""
        if name not in _OF_TORCH:
            return self._copied(value)
        if name == "_modules":
            return {key: self._copies.get(id(part), part) for key, part in list(value.items())}
        return value.copy() if hasattr(value, "copy") else value

    def _copied(self, value: Any) -> Any:
        """Containers anew, each once, with stand-ins in the places of modules; anything else as it is."""
        if isinstance(value, torch.nn.Module):
            return self._copies.get(id(value), value)
        if not is_box(value):
            return value
        known = self._boxes.get(id(value))
        if known is None:
            known = self._boxes[id(value)] = (value, rebuilt(value, self._copied))
            self._originals[id(known[1])] = known
        return known[1]

    def _returned(self, value: Any) -> Any:
        """What the call has left in an attribute, with modules in the places of stand-ins; a list, dict or set of the
        module's stays the one that it is."""
        if isinstance(value, torch.nn.Module):
            return self._real.get(id(value), value)
        if not is_box(value):
            return value
        new = rebuilt(value, self._returned)
        original = self._originals.get(id(value), (None,))[0]
        return new if original is None else refilled(original, new)

    def give_back(self) -> None:
        """Keep what the call has set on the stand-ins."""
        for copy in self._copies.values():
            real, taken = self._real[id(copy)], self._taken[id(copy)]
            for name in taken.keys() - copy.__dict__.keys():
                real.__dict__.pop(name, None)
            for name in _SLOTS:
                _write_changes(real.__dict__[name], dict(taken[name]), copy.__dict__[name], self._real)
            self._give_back_attributes(real, copy, taken)

    def give_back_parts(self) -> None:
        """Keep the layers and weights that the call has made, and what it has noted beside them, but no tensors.

        A call that has made none has computed only: what it noted, a flag, a counter, a cache, is forgotten with that.
        """
        for copy in self._copies.values():
            real, taken = self._real[id(copy)], self._taken[id(copy)]
            if not type(copy).__module__.startswith(_KNOWN):
                next(copy.named_children(), None)  # a layer of the user's finds those in its lists and dicts now
            made = False
            for name in _SLOTS:
                now, before = copy.__dict__[name], taken[name]
                if not same_contents(before, tuple(now.items())):
                    before = dict(before)
                    new = {k: v for k, v in now.items() if _outlasts(v) and self._is_made(v, before.get(k))}
                    real.__dict__[name].update((key, self._real.get(id(v), v)) for key, v in new.items())
                    made |= bool(new)
            if made:
                for name in taken.keys() - copy.__dict__.keys():
                    real.__dict__.pop(name, None)
                self._give_back_attributes(real, copy, taken)

    def _is_made(self, value: Any, before: Any) -> bool:
        """Whether something is new in a place that was empty, or where a module without weights stood for it."""
        if before is None or not isinstance(before, torch.nn.Module):
            return before is None
        return id(value) not in self._real and _has_weights(value) and not _has_weights(before)

    def _give_back_attributes(self, real: Any, copy: Any, taken: dict[str, Any]) -> None:
        for name, value in copy.__dict__.items():
            if name in _SLOTS or (name in taken and same_contents(taken[name], contents_of(value))):
                continue
            if not any(map(is_shape, tree.leaves(value))):
                real.__dict__[name] = self._returned(value)


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


def _write_changes(own: dict[str, Any], before: dict[str, Any], now: dict[str, Any], real: dict[int, Any]) -> None:
    for name in before.keys() - now.keys():
        own.pop(name, None)
    for name, value in now.items():
        if value is not before.get(name, _ABSENT):
            own[name] = real.get(id(value), value)


def _outlasts(value: Any) -> bool:
    """Whether something that a call on shapes has set is a part or a weight, made for real."""
    return isinstance(value, (torch.nn.Module, torch.nn.Parameter)) and not is_shape(value)


def _has_weights(module: torch.nn.Module) -> bool:
    return next(itertools.chain(module.parameters(), module.buffers()), None) is not None


def is_shape(leaf: Any) -> bool:
    """Whether this is a tensor without storage."""
    return isinstance(leaf, torch.Tensor) and leaf.is_meta
