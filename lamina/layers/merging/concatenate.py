"""Concatenate: tensors side by side along one axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch

from lamina.arrays import takes_lists_of_arrays
from lamina.graph import ArgumentError
from lamina.layers.geometry import Shape, axis_index

from .base import Merge, check_masks


class Concatenate(Merge):
    """The inputs side by side along `axis`.

    Input: a list of tensors of one rank, equal in every other axis. Output: that axis has the sum of their sizes. A
    mask (B, T) of one input is joined with the others' (all True where there is none): side by side along time, and by
    "or" along the last axis.

    Args:
        axis: index of the axis, counted from the end where it is negative.

    Raises:
        ArgumentError: `axis` is no integer.
        ShapeError: the inputs differ in another axis than `axis`.

    >>> Concatenate()([torch.zeros(2, 3), torch.zeros(2, 5)]).shape
    torch.Size([2, 8])
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, int) or isinstance(axis, bool):
            raise ArgumentError(f"Concatenate: axis cannot be {axis!r}.", got=repr(axis), expected="an integer")
        self.axis = axis

    def call(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        return torch.cat(tuple(inputs), self.axis)

    def merged_shape(self, shapes: list[Shape]) -> Shape:
        axis = axis_index(self, shapes[0], self.axis)
        merged = list(shapes[0])
        for index, shape in enumerate(shapes[1:], start=1):
            expected = f"{len(merged)} axes, equal in all but axis {self.axis}"
            if len(shape) != len(merged):
                raise self.misfit(
                    index, shapes, expected, "Flatten(), Reshape or a global pooling layer on one of them"
                )
            for place, (a, b) in enumerate(zip(merged, shape, strict=True)):
                if place == axis:
                    merged[place] = None if a is None or b is None else a + b
                elif a is not None and b is not None and a != b:
                    raise self.misfit(index, shapes, expected, f"pad, crop or pool axis {place}; or another axis=")
                elif a is None:
                    merged[place] = b
        return tuple(merged)

    only_passes_masks = True

    @takes_lists_of_arrays
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            check_masks(self, inputs, mask)
        if mask is None or all(one is None for one in mask):
            return None
        pairs = zip(inputs, mask, strict=True)
        masks = [torch.ones_like(x[..., 0], dtype=torch.bool) if one is None else _over(x, one) for x, one in pairs]
        if self.axis in (-1, inputs[0].dim() - 1):
            return reduce(torch.logical_or, masks)
        return torch.cat(masks, self.axis if self.axis >= 0 else self.axis + 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _over(x: Any, mask: Any) -> Any:
    """A mask with one axis less than its tensor: one that masks single features keeps a position if any remains."""
    return torch.any(mask, dim=-1) if mask.dim() == x.dim() else mask
