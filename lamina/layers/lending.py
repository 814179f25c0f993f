"""Lending: a layer's ``forward`` runs on a stand-in of the layer, with other tensors in the places of its weights.

Two things ask for it. Under a mixed policy the trainable weights are in the compute dtype. Under a tracer that takes
no subclass of a tensor (``make_fx``, ``FakeTensorMode``) a `Variable` is a plain tensor. Lent weights lie in the
``__dict__`` of the stand-in, where Python looks before it asks an ``nn.Module`` for its parameters, so any way of
reading them finds them, compiled or not; gradients flow through to the weights, and other threads may use the layer
meanwhile.

The layer itself is what PyTorch calls, so its hooks see the layer, and what they set on it stays.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial, wraps
from types import MethodType
from typing import Any

import torch

from lamina._torch import attributes as reading
from lamina._torch import dispatch, modules
from lamina.graph import tree
from lamina.probing import is_shape, parts_of, stand_in

from .made_in_call import give_back_boxes, lent_boxes
from .precision import Precision, cast_floats, weight_lists
from .variable import Variable


def lends(layer: Any) -> bool:
    """Whether a call runs on a stand-in, now and in this thread; asked of layers that may (``_may_lend``)."""
    if "_is_lent" in layer.__dict__:
        return False
    if layer._mixed and not layer.full_precision and (layer._parameters or layer.casts_parts):
        return True  # a layer without weights computes in the dtype that comes: 2 us less
    return dispatch.may_refuse() and dispatch.refuses_subclasses()


def prepare(layer: Any) -> None:
    """Before a call that something sees: under a tracer, have all layers here and below ask whether they lend.

    They ask from then on, which costs them 0.1 us and changes nothing else, for other threads neither.
    """
    if dispatch.refuses_subclasses():
        for part in layer.modules():
            part.__dict__["_may_lend"] = True


def lending(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A class's own ``forward``, run on a stand-in where that is asked for."""

    @wraps(forward)
    def lent(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._may_lend and lends(self):
            return forward_on_stand_in(self, args, kwargs)
        return forward(self, *args, **kwargs)

    return lent


def forward_on_stand_in(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``layer.forward``, with lent weights."""
    casts = layer._mixed and not layer.full_precision and not _is_tried_with_foreign_parts(layer, args, kwargs)
    if casts and layer.autocast and (kwargs or len(args) != 1 or getattr(args[0], "dtype", 0) != layer._torch_dtype):
        args, kwargs = cast_floats((args, kwargs), layer._torch_dtype)
    plan = _plan(layer)
    copies = _lent_copies(layer, plan, casts)
    boxes = lent_boxes(plan, copies) if layer.casts_parts and not torch.compiler.is_compiling() else ()
    try:
        return copies[id(layer)].forward(*args, **kwargs)
    finally:
        sets = False
        for part, _ in plan:
            if copies[id(part)].__dict__["_set_names"]:
                give_back(part, copies[id(part)])
                sets = True
        if boxes or (sets and not torch.compiler.is_compiling()):
            give_back_boxes(plan, copies, boxes)


def _lent_copies(layer: Any, plan: list[tuple[Any, list[str]]], casts: bool) -> dict[int, Any]:
    """The stand-ins for a call, by the layers that they stand for."""
    plain = dispatch.may_refuse() and dispatch.refuses_subclasses()
    copies: dict[int, Any] = {}
    for part, holders in plan:  # those within come first, so the ones around them hold their stand-ins
        casts_part = casts and part._mixed and _follows_policy(part)
        attributes = _lent_weights(part, casts_part, plain)
        for name in holders:
            attributes[name] = tree.map_leaves(partial(_copy_of, copies), part.__dict__[name])
        if casts_part and part._losing:  # a class of the user's may make weights in its call
            attributes["_lent_dtype"] = part._torch_dtype
        if part._asks_mode:
            behind = part.__dict__.get("_behind")
            attributes["_behind"] = weakref.ref(part) if behind is None else behind
        if part is not layer and _has_hooks(part):
            attributes["run"] = part.run  # one within that is called, and not only read
        if part is layer:
            attributes["_is_lent"] = True  # those within may lend what they make in this call
        copies[id(part)] = lent_stand_in(part, attributes)
    return copies


def _copy_of(copies: dict[int, Any], leaf: Any) -> Any:
    return copies.get(id(leaf), leaf) if isinstance(leaf, torch.nn.Module) else leaf


def lent_stand_in(layer: Any, attributes: dict[str, Any]) -> Any:
    """A stand-in for one call, with other attributes; it notes which ones the call sets, for `give_back`."""
    attributes = {**attributes, "_set_names": set()}
    return (reading.copied_one_by_one if reading.one_by_one() else stand_in)(layer, attributes)


def give_back(layer: Any, copy: Any) -> None:
    """Keep on the layer what a call has set on its stand-in."""
    for name in copy.__dict__["_set_names"]:
        if name in copy.__dict__:
            layer.__dict__[name] = copy.__dict__[name]
        else:
            layer.__dict__.pop(name, None)  # it is a part or a weight now
        if "_set_names" in layer.__dict__:  # a stand-in itself
            layer.__dict__["_set_names"].add(name)


def _is_tried_with_foreign_parts(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """On shapes alone `torch.autocast` does not reach PyTorch's modules within, so nothing is cast at all."""
    return layer._has_foreign_parts() and any(map(is_shape, tree.leaves((args, kwargs))))


def _follows_policy(layer: Any) -> bool:
    return bool(layer.autocast or layer.own_weights_follow_policy)


def _has_hooks(layer: torch.nn.Module) -> bool:
    return modules.has_hooks(layer) or modules.any_global_hook()


def _plan(layer: Any) -> list[tuple[Any, list[str]]]:
    """The layers whose weights are lent for a call of this one, each after those within it, and which of its
    attributes hold such layers."""
    if not layer.casts_parts:
        return [(layer, [])]
    if layer._cast_plan is None or layer._cast_plan[-1][0] is not layer:  # a stand-in has that of its layer
        layer.__dict__["_cast_plan"] = _plan_of_parts(layer)
    plan: list[tuple[Any, list[str]]] = layer._cast_plan
    return plan


def _plan_of_parts(layer: Any) -> list[tuple[Any, list[str]]]:
    parts = [part for part in reversed(list(parts_of(layer))) if isinstance(part, Precision)]
    known = set(map(id, parts))
    kinds = (list, tuple, dict)
    return [
        (
            part,
            [
                n
                for n, v in reading.attributes_of(part).items()
                if type(v) in kinds and any(id(m) in known for m in tree.leaves(v))
            ],
        )
        for part in parts
    ]


def _lent_weights(layer: Any, casts: bool, plain: bool) -> dict[str, Any]:
    """What takes the places of the layer's weights, by attribute; those lent to it for this call stay."""
    attributes, dtype = layer.__dict__, layer._torch_dtype
    others: dict[int, torch.Tensor] = {}
    found: dict[str, Any] = {}
    for name, weight in layer._parameters.items():
        if weight is None or name in attributes:
            continue
        lent = _plain(weight) if plain else weight
        if casts and weight.dtype != dtype and weight.is_floating_point() and _is_cast(layer, name, weight):
            lent = lent.to(dtype)
        if lent is not weight:
            found[name] = others[id(weight)] = lent
    # What a hook has computed for this call in a weight's place, as pruning and `spectral_norm` do.
    for name, facts in layer.weight_facts.items() if casts else ():
        value = attributes.get(name)
        if isinstance(value, torch.Tensor) and value.is_floating_point() and facts.autocast and not facts.is_buffer:
            found[name] = value.to(dtype)
    if plain:
        found.update({n: _plain(w) for n, w in layer._buffers.items() if type(w) is Variable and n not in attributes})
    # Noted for a mixed layer, which is the usual case.
    for name in attributes.get("_weight_lists", ()) if not plain else weight_lists(layer):
        found[name] = tree.map_leaves(lambda leaf: others.get(id(leaf), leaf), attributes[name])
    return found


def _is_cast(layer: Any, name: str, weight: torch.Tensor) -> bool:
    return bool(getattr(layer.weight_facts.get(name, weight), "autocast", True))


def _plain(weight: Any) -> Any:
    """The same memory as a plain tensor, with a `Variable`'s methods; gradients reach the weight."""
    if type(weight) is not Variable:
        return weight
    with dispatch.unseen():
        tensor: Any = weight.as_subclass(torch.Tensor)
    tensor.path = weight.path
    for name in ("assign", "assign_add", "assign_sub"):
        setattr(tensor, name, MethodType(getattr(Variable, name), tensor))
    tensor.__deepcopy__ = weight.__deepcopy__  # a traced graph holds it as a constant; PyTorch copies no result
    return tensor
