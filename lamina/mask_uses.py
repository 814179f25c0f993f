"""What users do with masked sequences on purpose, of which nobody need warn them: pick steps, use the mask by hand.

Nodes and symbolic tensors are those of `lamina.graph`, which asks.
"""

from __future__ import annotations

import operator
from typing import Any

import torch

ENDED = (
    "drops the mask of its input: what follows sees the padded positions as data. Try a layer that reads masks, such "
    "as GlobalAveragePooling1D; or multiply by ops.cast(x.mask, x.dtype)[..., None] before. To drop the mask on "
    "purpose and without a warning: layers.Lambda(lambda x: x)(x) before it"
)
_PICKING = ("select", "take", "gather", "take_along_dim", "take_along_axis", "index_select")


def is_on_purpose(node: Any) -> bool:
    """Whether a call that ends the way of a mask picks steps by their places, or comes of arithmetic with the mask."""
    return _picks_steps(node) or _reads_condition(node)


def _picks_steps(node: Any) -> bool:
    """``x[:, -1]``, ``x[:, -1:]``, ``x.select(1, 0)``: steps, but not ``x[:, 1:]``, a stretch of several."""
    if node.op is not operator.getitem:
        return getattr(node.op, "__name__", "") in _PICKING
    key = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    for step in key[1:2] if key[0] is not ... and key[0] is not None else ():
        return _is_of_one(step) if isinstance(step, slice) else step is not None and step is not ...
    return False


def _is_of_one(step: slice) -> bool:
    start, stop = step.start or 0, step.stop
    if not isinstance(start, int) or not isinstance(stop, (int, type(None))):
        return False
    return start == -1 if stop is None else stop - start == 1


def _reads_condition(node: Any) -> bool:
    """Whether a call, or the functions that its masked inputs come from, read a tensor that is made of booleans."""
    left, seen = [node], {node}
    while left:
        each = left.pop()
        masked = [symbolic for symbolic in each.inputs if _mask_of(symbolic) is not None]
        if any(_is_of_booleans(symbolic) for symbolic in each.inputs if _mask_of(symbolic) is None):
            return True
        for before in (symbolic.node for symbolic in masked):
            # A layer has read the mask to compute; what it gives has padding again.
            if before not in seen and not isinstance(before.op, torch.nn.Module):
                seen.add(before)
                left.append(before)
    return False


def _mask_of(symbolic: Any) -> Any:
    masks = symbolic.node.masks
    return masks[symbolic.index] if symbolic.index < len(masks) else None


def _is_of_booleans(symbolic: Any) -> bool:
    """Whether a tensor was made of booleans by functions alone."""
    left, seen = [symbolic], {symbolic.node}
    while left:
        each = left.pop()
        if getattr(each, "dtype", None) is torch.bool:
            return True
        if not isinstance(each.node.op, torch.nn.Module):
            left += [before for before in each.node.inputs if before.node not in seen]
            seen.update(before.node for before in each.node.inputs)
    return False
