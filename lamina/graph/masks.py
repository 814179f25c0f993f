"""Which recorded functions keep the mask of their input: those that treat every position alike."""

from __future__ import annotations

import warnings

import torch

from lamina.sizes.pointwise import KEEPS_POSITIONS

from .factories import device_of
from .node import Node, Symbolic

# These read a size or a mask, not the masked values: nothing is lost where they end the mask's way.
_METHODS = "size dim new_full new_empty new_zeros new_ones".split()
_SILENT = frozenset([device_of, *(getattr(torch.Tensor, name) for name in _METHODS)])


def carried_mask(node: Node) -> list[Symbolic | None]:
    """The masks of a function's results, from the masks of its inputs.

    Where several inputs have one, all must hold. A function that moves or mixes positions ends the mask's way, with a
    warning that names it: a mask that is dropped in silence trains a wrong model.
    """
    masks: list[Symbolic] = []
    for symbolic in node.inputs:
        mask = symbolic.node.masks[symbolic.index]
        if mask is not None and all(mask is not other for other in masks):
            masks.append(mask)
    nothing: list[Symbolic | None] = [None] * len(node.specs)
    if not masks or node.op in _SILENT:
        return nothing
    if node.op in KEEPS_POSITIONS or getattr(node.op, "keeps_positions", False):
        joint = masks[0]
        for mask in masks[1:]:
            joint = joint & mask  # type: ignore[operator]
        return [joint] * len(node.specs)
    warnings.warn(
        f"{node.label} ({node.source}) drops the mask of its input: what follows sees the padded positions as data.",
        UserWarning,
        stacklevel=2,
    )
    return nothing
