"""Dot: products of two tensors summed along one axis of each."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from string import ascii_lowercase
from typing import Any

import torch
import torch.nn.functional as F

from lamina.layers.arguments import refuse
from lamina.layers.geometry import Shape, axis_index

from .base import Merge


class Dot(Merge):
    """Batch by batch, `sum_k a[..., k, ...] * b[..., k, ...]` along one axis of each.

    Input: a list of two tensors. Output: the batch, the axes of `a` that remain, then those of `b`; (B, 1) where none
    do. The output has no mask.

    Args:
        axes: the axis of both, or a pair: of the first, of the second. The batch axis 0 cannot be summed.
        normalize: divide each vector along the axis by its length first, which gives the cosine of their angle.

    Raises:
        ArgumentError: `axes` is neither an integer nor a pair of integers, or names the batch.
        ShapeError: the two axes differ in size.

    >>> Dot(axes=(1, 2))([torch.zeros(1, 5, 2), torch.zeros(1, 3, 5)]).shape
    torch.Size([1, 2, 3])
    """

    at_least = at_most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        expected = "an integer, or a pair of integers, other than 0, which is the batch"
        try:
            given: Any = axes
            pair = list(given) if isinstance(given, (list, tuple)) else [operator.index(given)] * 2
            valid = len(pair) == 2 and all(operator.index(axis) != 0 for axis in pair)
        except TypeError:
            pair, valid = [], False
        if not valid:
            raise refuse(self, "axes", axes, expected, "axes=-1 for the features of both")
        self.axes = axes if isinstance(axes, int) else pair
        self._pair = pair
        self.normalize = bool(normalize)

    def call(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        a, b = inputs
        first, second = (axis % x.dim() for axis, x in zip(self._pair, (a, b), strict=True))
        if self.normalize:
            a, b = F.normalize(a, dim=first, eps=1e-12), F.normalize(b, dim=second, eps=1e-12)
        if a.dim() == b.dim() == 2:
            products = a * b
            return products.sum(1, keepdim=True, dtype=products.dtype)
        # The letter at place 0 is the batch; the summed axes share the last letter.
        left, right = list(ascii_lowercase[: a.dim()]), list("a" + ascii_lowercase[a.dim() : a.dim() + b.dim() - 1])
        left[first] = right[second] = "z"
        kept = [letter for letter in left + right[1:] if letter != "z"]
        return torch.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)

    def merged_shape(self, shapes: list[Shape]) -> Shape:
        places = [axis_index(self, shape, axis) for axis, shape in zip(self._pair, shapes, strict=True)]
        sizes = [shape[place] for place, shape in zip(places, shapes, strict=True)]
        if 0 in places:
            raise self.misfit(places.index(0), shapes, f"an axis {self._pair[places.index(0)]} other than the batch")
        if None not in sizes and sizes[0] != sizes[1]:
            expected = f"axis {places[1]} of size {sizes[0]}, as axis {places[0]} of input 0, not {sizes[1]}"
            raise self.misfit(1, shapes, expected, "another axes=, or Dense to the same width")
        kept = [
            [size for i, size in enumerate(shape) if i != place] for place, shape in zip(places, shapes, strict=True)
        ]
        merged = (*kept[0], *kept[1][1:])
        return merged if len(merged) > 1 else (*merged, 1)

    only_passes_masks = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}
