"""Which recorded functions keep the mask of their input: those that leave every position where it is."""

from __future__ import annotations

from functools import reduce
from operator import and_

from lamina.mask_axes import keeps_positions
from lamina.mask_uses import ENDED, is_on_purpose
from lamina.operations import OPERATIONS

from .node import Node, Symbolic
from .source import warn


def carried_mask(node: Node) -> list[Symbolic | None]:
    """The masks of a function's results, from the masks of its inputs.

    Where several inputs have one, all must hold. A function that moves or mixes positions ends the mask's way, with a
    warning that names it: a mask that is dropped in silence trains a wrong model.
    """
    facts = OPERATIONS.of(node.op)
    brought = [_mask_of(symbolic) for symbolic in (node.args[:1] if facts.casts else node.inputs)]
    masks = list({id(mask): mask for mask in brought if mask is not None}.values())
    if not masks or facts.mask == "unread":
        return [None] * len(node.specs)
    if facts.mask == "kept" or keeps_positions(node, facts.name):
        return [reduce(and_, masks)] * len(node.specs)
    if not is_on_purpose(node):
        spoken = f"ops.{node.source.op}" if node.source.op else node.label
        warn(f"{spoken} ({node.source}) {ENDED}.")
    return [None] * len(node.specs)


def _mask_of(leaf: object) -> Symbolic | None:
    return leaf.node.masks[leaf.index] if isinstance(leaf, Symbolic) else None
