"""Softmax: values to proportions."""

from __future__ import annotations

from typing import Any

import torch

from lamina import activations
from lamina.layers.activation.elementwise import ElementwiseLayer
from lamina.layers.arguments import axes
from lamina.layers.geometry import Shape, check_axes, shape_error
from lamina.layers.mask_shapes import lies_over


class Softmax(ElementwiseLayer):
    """`exp(x) / sum(exp(x))` over `axis`; where `mask` is False the output is 0.

    Input (B, ...), output of the same shape. The mask has the input's shape, or one that broadcasts to it. One of
    positions, (B, T) for (B, T, F), as it comes with a padded sequence, hides steps where the sum runs over time
    (`axis=1`); where it runs over features there is nothing to hide, and the mask passes on.

    Args:
        axis: one axis, or a list of axes that share one sum.

    Raises:
        ArgumentError: `axis` is not made of integers.
        ShapeError: the input has no such axis, or the mask does not broadcast to the input.

    >>> import torch
    >>> Softmax()(torch.zeros(1, 4), mask=torch.tensor([[True, True, False, False]]))
    tensor([[0.5000, 0.5000, 0.0000, 0.0000]])
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axes(self, "axis", axis)

    def call(self, inputs: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        if mask is not None and lies_over(mask, inputs):
            behind = [1] * (inputs.dim() - mask.dim())
            mask = mask.reshape(*mask.shape, *behind) if self._sums_over(mask.dim(), inputs.dim()) else None
        if mask is None:
            return activations.softmax(inputs, self.axis)
        fits = all(m in (1, n) for m, n in zip(reversed(mask.shape), reversed(inputs.shape), strict=False))
        if mask.dim() > inputs.dim() or not fits:
            raise shape_error(
                self, inputs.shape, f"a mask that broadcasts to the input, not one of {tuple(mask.shape)}"
            )
        hidden = ~mask if mask.dtype == torch.bool else mask <= 0.5
        # The lowest finite number, not -inf: a row that is hidden throughout then gives zeros and no NaN.
        lowest = torch.finfo(inputs.dtype).min / 2
        return activations.softmax(inputs.masked_fill(hidden, lowest), self.axis).masked_fill(hidden, 0.0)

    def _sums_over(self, positions: int, rank: int) -> bool:
        """Whether the sum runs over one of the first axes, of which a mask of positions speaks."""
        summed = self.axis if isinstance(self.axis, list) else [self.axis]
        return any(axis % rank < positions for axis in summed)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return check_axes(self, input_shape, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
