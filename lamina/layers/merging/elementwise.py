"""Layers that merge tensors element by element: Add, Subtract, Multiply, Average, Maximum, Minimum."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch

from lamina.arrays import takes_lists_of_arrays
from lamina.graph import DtypeError
from lamina.layers.geometry import Shape
from lamina.layers.mask_shapes import check_mask

from .base import Merge, check_masks
from .broadcast import broadcast_shapes, same_rank, with_rank

Tensors = Sequence[torch.Tensor]
Masks = Sequence[torch.Tensor | None] | None


class Elementwise(Merge):
    """Base of the elementwise merging layers.

    Input: a list of tensors (B, ...) whose axes are equal or 1; a tensor of fewer axes gets axes of size 1 behind its
    batch. Output: their common shape. The output's mask is True where any input's is, and there is one only if every
    input has one.
    """

    def merged_shape(self, shapes: list[Shape]) -> Shape:
        merged = shapes[0]
        for index, shape in enumerate(shapes):
            common = broadcast_shapes(merged, shape)
            if common is None:
                hint = "Dense, Conv2D(1x1), Reshape or Permute on one of them so that the axes agree; or Concatenate()"
                raise self.misfit(index, shapes, f"each axis equal or 1, that is {merged} so far", hint)
            merged = common
        return merged

    only_passes_masks = True

    @takes_lists_of_arrays
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            check_masks(self, inputs, mask)
        if mask is None or any(one is None for one in mask):
            return None
        return reduce(torch.logical_or, same_rank(mask))


class Add(Elementwise):
    """`a + b + ...`

    Input: a list of tensors (B, ...) that broadcast; output: their sum.

    >>> Add()([torch.tensor([1.0]), torch.tensor([2.0])])
    tensor([3.])
    """

    def call(self, inputs: Tensors) -> torch.Tensor:
        first, *rest = same_rank(inputs)
        for tensor in rest:
            first = first + tensor
        return first


class Subtract(Elementwise):
    """`a - b`

    Input: a list of two tensors (B, ...) that broadcast; output: their difference. Two of bools are a DtypeError.

    >>> Subtract()([torch.tensor([1.0]), torch.tensor([2.0])])
    tensor([-1.])
    """

    at_least = at_most = 2

    def call(self, inputs: Tensors) -> torch.Tensor:
        first, second = same_rank(inputs)
        return first - second

    def merged_dtype(self, common: torch.dtype) -> torch.dtype:
        if common == torch.bool:
            hint = "ops.logical_xor(a, b) for where they differ, or ops.cast(x, 'float32') of one"
            raise DtypeError(f"{self.label} cannot take this input.", got="bool", expected="numbers", hint=hint)
        return common


class Average(Elementwise):
    """`(a + b + ...) / n`

    Input: a list of n tensors (B, ...) that broadcast; output: their mean.

    >>> Average()([torch.tensor([1.0]), torch.tensor([2.0])])
    tensor([1.5000])
    """

    def call(self, inputs: Tensors) -> torch.Tensor:
        first, *rest = same_rank(inputs)
        for tensor in rest:
            first = first + tensor
        return first / len(inputs)

    def merged_dtype(self, common: torch.dtype) -> torch.dtype:
        return common if common.is_floating_point or common.is_complex else torch.get_default_dtype()


class Multiply(Elementwise):
    """`a * b * ...`

    Input: a list of tensors (B, ...) that broadcast; output: their product. Where an input's mask is False it counts
    as 1; where every input's is False the product is 0.

    >>> Multiply()([torch.tensor([3.0]), torch.tensor([2.0])])
    tensor([6.])
    """

    def call(self, inputs: Tensors, mask: Masks = None) -> torch.Tensor:
        tensors = same_rank(inputs)
        keeps = _keeps(self, tensors, mask)
        if any(keep is not None for keep in keeps):
            tensors = [x if keep is None else torch.where(keep, x, 1) for x, keep in zip(tensors, keeps, strict=True)]
        first, *rest = tensors
        for tensor in rest:
            first = first * tensor
        if all(keep is not None for keep in keeps):
            first = torch.where(reduce(torch.logical_or, keeps), first, 0)
        return first


class Extreme(Elementwise):
    """Base of Maximum and Minimum: an input counts only where its mask is True, as far as masks go."""

    refuses_complex = True

    def chosen(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """The larger, or the smaller."""
        raise NotImplementedError

    def call(self, inputs: Tensors, mask: Masks = None) -> torch.Tensor:
        tensors = same_rank(inputs)
        keeps = _keeps(self, tensors, mask)
        output, known = tensors[0], keeps[0]
        for tensor, keep in zip(tensors[1:], keeps[1:], strict=True):
            if keep is not None:
                tensor = torch.where(keep, tensor, output)
            if known is not None:
                output = torch.where(known, output, tensor)
            known = known | keep if known is not None and keep is not None else None
            output = self.chosen(output, tensor)
        return output


class Maximum(Extreme):
    """`max(a, b, ...)`, element by element.

    Input: a list of tensors (B, ...) that broadcast; output: the largest of each. Where an input's mask is False the
    others decide.

    >>> Maximum()([torch.tensor([1.0]), torch.tensor([2.0])])
    tensor([2.])
    """

    def chosen(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.maximum(a, b)


class Minimum(Extreme):
    """`min(a, b, ...)`, element by element.

    Input: a list of tensors (B, ...) that broadcast; output: the smallest of each. Where an input's mask is False the
    others decide.

    >>> Minimum()([torch.tensor([1.0]), torch.tensor([2.0])])
    tensor([1.])
    """

    def chosen(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.minimum(a, b)


def _keeps(layer: Any, tensors: Tensors, masks: Masks) -> list[Any]:
    """Each mask with trailing axes of size 1 until it lies over its tensor; None where there is none."""
    if masks is None:
        return [None] * len(tensors)
    keeps = []
    for tensor, mask in zip(tensors, masks, strict=True):
        if mask is not None:
            mask = with_rank(mask, tensor.dim() - 1).unsqueeze(-1) if mask.dim() < tensor.dim() else mask
            check_mask(layer, mask, tensor.shape, tensor)
        keeps.append(mask)
    return keeps
