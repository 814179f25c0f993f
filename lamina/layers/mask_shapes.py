"""Masks that a call is given: each says for which positions of which tensor it speaks, so its shape is checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.graph import ShapeError


def check_mask(layer: Any, mask: Any, positions: Sequence[int], inputs: Any, name: str = "mask") -> None:
    """Refuse a mask of other positions.

    Args:
        layer: for the message.
        mask: a tensor.
        positions: the sizes that it is to have; an axis of size 1 counts for all positions along it.
        inputs: what the mask belongs to.
        name: the argument's.

    Raises:
        ShapeError: another number of axes, or another size.
    """
    if not fits(mask, positions):
        raise mask_error(layer, mask, positions, inputs, name)


def fits(mask: Any, positions: Sequence[int]) -> bool:
    """Whether a mask speaks of these positions."""
    return mask.dim() == len(positions) and _fit(mask.shape, positions)


def mask_error(layer: Any, mask: Any, positions: Sequence[int], inputs: Any, name: str = "mask") -> ShapeError:
    """What `check_mask` raises."""
    return ShapeError(
        f"{layer.label} cannot use this {name}.",
        got=f"{name} {tuple(mask.shape)} for the input {tuple(inputs.shape)}",
        expected=f"{tuple(positions)}: one truth value for each position",
    )


def lies_over(mask: Any, inputs: Any) -> bool:
    """Whether a mask has the sizes of the first axes, two or more but not all: it speaks of positions, not values."""
    n = mask.dim()
    return 2 <= n < inputs.dim() and _fit(mask.shape, inputs.shape)


def _fit(sizes: Sequence[int], others: Sequence[int]) -> bool:
    """Whether each size is the other one's, or 1. As plain numbers: a trial looks into what is asked about sizes, and
    nothing of the result hangs on this question."""
    for one, other in zip(sizes, others):  # noqa: B905
        a, b = _plain(one), _plain(other)
        if a != b and a != 1:
            return False
    return True


def _plain(size: int) -> int:
    return size if type(size) is int or not isinstance(size, int) else int(size)
