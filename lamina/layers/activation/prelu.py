"""PReLU: a leaky rectifier that learns how leaky."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.layers.activation.elementwise import ElementwiseLayer
from lamina.layers.arguments import plain, refuse, whole
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, known_size, shape_error
from lamina.layers.weight_options import keep_weight_options, weight_options, weight_options_config


class PReLU(ElementwiseLayer):
    """`x` where x > 0, else `alpha * x`, with a learned alpha for each position.

    Input (B, ...), output of the same shape. Weights: `alpha`, shaped as the input without the batch, of size 1 on
    the shared axes.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of `alpha`.
        shared_axes: axes along which one alpha serves all positions; `[1, 2]` for images gives one for each channel.

    Raises:
        ArgumentError: a shared axis is not a positive integer.
        ShapeError: an axis that is not shared is of unknown size.

    >>> PReLU(shared_axes=[1]).compute_output_shape((None, None, 8))
    (None, None, 8)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        keep_weight_options(self, "alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        listed = plain(shared_axes)
        listed = [listed] if isinstance(listed, int) else listed
        if listed is not None and not isinstance(listed, (list, tuple)):
            raise refuse(self, "shared_axes", shared_axes, "a list of axes, counted from 1")
        self.shared_axes = None if listed is None else [whole(self, "shared_axes", axis) for axis in listed]

    def build(self, input_shape: Shape) -> None:
        shared = self.shared_axes or []
        rank = len(input_shape)
        if any(axis >= rank for axis in shared):
            raise shape_error(self, input_shape, f"an input with the axes shared_axes={shared}")
        own = [axis for axis in range(1, rank) if axis not in shared]
        sizes = {axis: known_size(self, input_shape, axis, "it has alphas of its own") for axis in own}
        shape = tuple(sizes.get(axis, 1) for axis in range(1, rank))
        self._of_each, self._of_channels = 0 < len(own) == rank - 1, own == [rank - 1]
        self.alpha = self.add_weight(shape, name="alpha", **weight_options(self, "alpha"))
        self.input_spec = InputSpec(ndim=rank, axes=sizes)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        alpha = self.alpha
        # PyTorch's kernel, half the time of the other form, has one alpha for each position of axis 1.
        if inputs.dtype == alpha.dtype and self._of_each:
            return F.prelu(inputs.flatten(1), alpha.flatten()).view(inputs.shape)
        if inputs.dtype == alpha.dtype and self._of_channels:
            return F.prelu(inputs.movedim(-1, 1), alpha.flatten()).movedim(1, -1)
        return torch.where(inputs > 0, inputs, alpha * inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **weight_options_config(self, "alpha"), "shared_axes": self.shared_axes}
