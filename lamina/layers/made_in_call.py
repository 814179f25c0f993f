"""What a layer's call has made, parts and weights, and put into lists and dicts that were lent to it: it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lamina.probing import contents_of, is_box, rebuilt, refilled, same_contents

from .nested import known_parts
from .precision import weight_lists

# The layers whose weights are lent for a call, and which of the attributes of each hold such layers.
Plan = list[tuple[Any, list[str]]]
# A layer, one of its containers by its name, and what its stand-in had there.
Box = tuple[Any, str, Any]


def lent_boxes(plan: Plan, copies: dict[int, Any]) -> list[Box]:
    """The containers that stand-ins have of their own, since parts are in them."""
    return [(part, name, contents_of(copies[id(part)].__dict__[name])) for part, holders in plan for name in holders]


def _changed(plan: Plan, copies: dict[int, Any], boxes: Sequence[Box]) -> list[Box]:
    """Those that the call has changed, and those with weights in them where it has made one, as they are now."""
    found = [(part, name, taken, copies[id(part)].__dict__.get(name)) for part, name, taken in boxes]
    changed = [(part, name, now) for part, name, taken, now in found if not same_contents(taken, contents_of(now))]
    for part, _ in plan:
        copy = copies[id(part)].__dict__
        if "_parameters" in copy["_set_names"]:
            part.__dict__["_weight_lists"] = lists = weight_lists(part) if part._mixed else []
            look_again(part)
            changed += [(part, name, copy[name]) for name in lists if name in copy]
    return changed


def give_back_boxes(plan: Plan, copies: dict[int, Any], boxes: Sequence[Box]) -> None:
    """Keep what the call has put into them."""
    changed = _changed(plan, copies, boxes)
    if not changed:
        return
    behind: dict[int, Any] = {}
    for part, _ in plan:
        copy = copies[id(part)]
        behind[id(copy)] = part
        behind.update({id(copy.__dict__[n]): w for n, w in part._parameters.items() if n in copy.__dict__})

    def real(value: Any) -> Any:
        return rebuilt(value, real) if is_box(value) else behind.get(id(value), value)

    for part, name, now in changed:
        own, new = part.__dict__, real(now)
        own[name] = refilled(own[name], new) if type(own.get(name)) is type(new) else new
        look_again(part)


def launch_first(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`Layer.launch` for the first time; what the layer consists of is seen anew then.

    Under a mixed policy, weights that the call makes are not in the compute dtype yet. Where that is an error, the call
    is made again.
    """
    if torch.compiler.is_compiling():
        return layer.launch(*args, **kwargs)  # a compiled call notes nothing; what it makes a later one sees
    known = len(layer.weights) if layer._mixed and has_calls_of_users(layer) else None
    try:
        output = layer.launch(*args, **kwargs)
    except RuntimeError:
        if known is None or len(layer.weights) == known:
            raise
        layer._look()
        output = layer.launch(*args, **kwargs)
    if layer._losing:
        look_again(layer)
    layer.__dict__["_has_run"] = True
    return output


def look_again(layer: Any) -> None:
    """Have the layer see what it consists of, at its next call."""
    layer.__dict__.update(_looked_at=False, _direct=False, _cast_plan=None)


def has_calls_of_users(layer: torch.nn.Module) -> bool:
    """Whether a class of the user's is among the layer and the layers in it: its call may make some."""
    return any(
        hasattr(part, "called_by") and not type(part).__module__.startswith("lamina.") for part in known_parts(layer)
    )
