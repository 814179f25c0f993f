"""Which recorded functions keep the mask of their input: those that treat every position alike."""

from __future__ import annotations

from lamina.mask_uses import ENDED, is_on_purpose, spoken_name
from lamina.operations import OPERATIONS

from .node import Node, Symbolic
from .source import warn


def carried_mask(node: Node) -> list[Symbolic | None]:
    """The masks of a function's results, from the masks of its inputs.

    Where several inputs have one, all must hold. A function that moves or mixes positions ends the mask's way, with a
    warning that names it: a mask that is dropped in silence trains a wrong model.
    """
    masks: list[Symbolic] = []
    facts = OPERATIONS.of(node.op)
    for symbolic in node.args[:1] if facts.casts else node.inputs:
        mask = symbolic.node.masks[symbolic.index] if isinstance(symbolic, Symbolic) else None
        if mask is not None and all(mask is not other for other in masks):
            masks.append(mask)
    nothing: list[Symbolic | None] = [None] * len(node.specs)
    if not masks or facts.mask == "unread":
        return nothing
    if facts.mask == "kept":
        joint = masks[0]
        for mask in masks[1:]:
            joint = joint & mask  # type: ignore[operator]
        return [joint] * len(node.specs)
    if not is_on_purpose(node):
        warn(f"{spoken_name(node.label)} ({node.source}) {ENDED}.")
    return nothing
