"""GroupNormalization: each example on its own, over groups of channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from lamina._torch import tracing, transforms
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

    least_axes = 2

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
        index = self._index
        views = views_to_second_axis(rank, index)
        moves: tuple[Callable[..., torch.Tensor], ...] = views or (partial(_moved, index, 1), partial(_moved, 1, index))
        self._enter, self._leave = moves

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        gamma, beta = self.gamma, self.beta
        # PyTorch's kernel (torch 2.13) fails on a shift without a factor, and a compiler warns of `_Tied`.
        inside = gamma is not None and not (torch.is_grad_enabled() and tracing.is_compiling_for_use())
        outputs: torch.Tensor = self._enter(inputs)
        try:
            outputs = self._leave(self._normalize(outputs, gamma, beta) if inside else self._normalize(outputs))
        except RuntimeError:
            if not transforms.at_work():
                raise
            # `vmap` and forward mode have no rule for weights inside, and for memory in another order.
            inside, outputs = False, self._leave(self._normalize(outputs.contiguous()))
        if inside:
            return outputs
        shape = [-1 if axis == self._index else 1 for axis in range(inputs.dim())]
        if gamma is not None:
            outputs = outputs * gamma.view(shape)
        return outputs if beta is None else outputs + beta.view(shape)

    def _normalize(
        self, values: torch.Tensor, gamma: torch.Tensor | None = None, beta: torch.Tensor | None = None
    ) -> torch.Tensor:
        if gamma is not None and torch.is_grad_enabled():
            values = _Tied.apply(values, gamma, beta)  # type: ignore[no-untyped-call]  # PyTorch gives it no hints
        return torch.group_norm(values, self._groups, gamma, beta, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


class _Tied(torch.autograd.Function):
    """The values as they are, but whoever asks for a gradient of the weights asks for theirs.

    PyTorch's kernel (torch 2.13) kills the process where values in channels_last order want no gradient and its weights
    do, as in a first layer and behind frozen ones. Doing factor and shift outside of it takes 3 times as long.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(values: torch.Tensor, gamma: Any, beta: Any) -> torch.Tensor:
        return values.view_as(values)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return grad, None, None


def _moved(source: int, target: int, values: torch.Tensor) -> torch.Tensor:
    return values.movedim(source, target)
