"""Moving to another dtype: what ``double()``, ``half()`` and ``to(torch.bfloat16)`` are to a layer's policy.

PyTorch casts weights; a layer also says in which dtype it computes, so its policy goes along: the plain policy of the
dtype that its weights have got. A mixed layer whose weights are cast becomes a plain one, since "everything in float64"
is what was asked for; where its weights keep their dtype (``float()`` under "mixed_bfloat16") it stays what it is.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from lamina.dtype_policies import DTypePolicy
from lamina.graph.dtypes import name_of

Fn = Callable[[torch.Tensor], torch.Tensor]


def dtype_after(fn: Fn, dtype: torch.dtype) -> torch.dtype:
    """The dtype that ``Module._apply(fn)`` gives to weights of this one."""
    try:
        after = fn(torch.empty(0, dtype=dtype, device="cpu")).dtype
    except (RuntimeError, AssertionError, NotImplementedError):
        return dtype  # a device that is not there: PyTorch says so where there is a weight to be moved
    return after if after.is_floating_point else dtype


def follow(layer: Any, fn: Fn) -> None:
    """Give the layer the policy that its weights have moved to, and tell the models whose graphs it is in."""
    before = layer._variable_torch_dtype
    _move(layer, dtype_after(fn, before) if before.is_floating_point else before)


def follow_weights(layer: Any) -> None:
    """The same for weights that have been put in the places of others, all of one dtype."""
    weights = [weight for weight in layer._parameters.values() if weight is not None]
    found = {weight.dtype for weight in weights if weight.is_floating_point() and getattr(weight, "autocast", True)}
    if len(found) == 1:
        _move(layer, found.pop())


def _move(layer: Any, after: torch.dtype) -> None:
    if after != layer._variable_torch_dtype:
        layer._take_policy(DTypePolicy(name_of(after)))
        layer.dtype_changed()
        tell_places(layer)


def tell_places(layer: Any) -> None:
    """Let the models that have drawn this layer draw themselves again before they run, and those around them."""
    told: list[Any] = [layer]
    while told:
        for ref in told.pop().__dict__.get("_drawn_in", ()):
            model = ref()
            if model is not None and model._drawn is not None and not model._drawn.is_outdated:
                model._drawn.outdate()
                told.append(model)


def note_place(layer: Any, model: Any) -> None:
    """Remember, weakly, that the model's graph has this layer."""
    kept = [ref for ref in layer.__dict__.get("_drawn_in", ()) if ref() not in (None, model)]
    layer.__dict__["_drawn_in"] = [*kept, weakref.ref(model)]
