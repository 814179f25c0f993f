"""GroupNormalization: each example on its own, over groups of channels."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from lamina.layers.arguments import axis as checked_axis
from lamina.layers.arguments import whole
from lamina.layers.base import InputSpec
from lamina.layers.geometry import Shape, axis_index, known_size, shape_error, views_to_second_axis
from lamina.layers.normalization.affine import AffineNormalization


class GroupNormalization(AffineNormalization):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`, mean and variance of each example and group.

    A group is C / groups neighbouring channels with all their positions. `groups=1` normalizes each example as a whole,
    `groups=-1` each channel by itself (instance normalization).

    Input (B, ..., C) of any rank from 2 on, output of the same shape. Weights: `gamma`, `beta` (C,).

    Args:
        groups: number of groups, a divisor of C, or -1.
        axis: of the channels.
        epsilon: added to the variance.
        center, scale: whether there is a `beta`, a `gamma`.
        beta_..., gamma_...: initializer, regularizer and constraint of the weights.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the channels are of unknown number, or the groups do not divide them.

    >>> GroupNormalization(groups=4).compute_output_shape((None, 8, 8, 16))
    (None, 8, 8, 16)
    """

    full_precision = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        super().__init__(axis, epsilon, center, scale, beta, gamma, **kwargs)
        self.axis = checked_axis(self, "axis", axis)
        self.groups = groups if groups == -1 else whole(self, "groups", groups)

    def build(self, input_shape: Shape) -> None:
        rank = len(input_shape)
        self._index = axis_index(self, input_shape, self.axis)
        channels = known_size(self, input_shape, self.axis, "the channels")
        self._groups = channels if self.groups == -1 else self.groups
        if channels % self._groups:
            expected = f"channels that {self.groups} groups divide evenly, not {channels}"
            raise shape_error(self, input_shape, expected, f"groups= a divisor of {channels}")
        self.input_spec = InputSpec(ndim=rank, axes={self.axis: channels})
        self.add_affine((channels,))
        self._views = views_to_second_axis(rank, self._index)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        # The backward pass of PyTorch's kernel (torch 2.13) fails on a shift without a factor, and kills the process
        # where inputs in channels_last order want no gradient, as the first layer's and those behind frozen layers.
        inside = self.gamma is not None and not torch.is_grad_enabled()
        gamma, beta = (self.gamma, self.beta) if inside else (None, None)
        if self._views is not None:
            enter, leave = self._views
            outputs = leave(F.group_norm(enter(inputs), self._groups, gamma, beta, self.epsilon))
        else:
            moved = inputs.movedim(self._index, 1)
            outputs = F.group_norm(moved, self._groups, gamma, beta, self.epsilon).movedim(1, self._index)
        if inside:
            return outputs
        shape = [-1 if axis == self._index else 1 for axis in range(inputs.dim())]
        if self.gamma is not None:
            outputs = outputs * self.gamma.view(shape)
        return outputs if self.beta is None else outputs + self.beta.view(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}
