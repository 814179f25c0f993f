"""LayerNormalization, RMSNormalization, UnitNormalization: each example on its own, over its features."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import axes, number
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape, axis_index, check_axes, known_size
from lamina.layers.normalization.affine import AffineNormalization


class FeatureAxes:
    """The axes a layer normalizes over, counted from the front, once its input's shape is known."""

    def __init__(self, layer: Any, axis: int | list[int], input_shape: Shape) -> None:
        rank = len(input_shape)
        listed = axis if isinstance(axis, list) else [axis]
        self.indices = sorted(axis_index(layer, input_shape, item) for item in listed)
        self.sizes = tuple(known_size(layer, input_shape, index, "normalized over") for index in self.indices)
        self.trailing = self.indices == list(range(rank - len(self.indices), rank))
        self.broadcast: list[Any] = [input_shape[index] if index in self.indices else 1 for index in range(rank)]
        fixed = {index - rank: size for index, size in zip(self.indices, self.sizes, strict=True)}
        self.input_spec = InputSpec(ndim=None if self.trailing else rank, axes=fixed)


class LayerNormalization(AffineNormalization):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`, mean and variance of each example over `axis`.

    Input (B, ...), output of the same shape. Weights: `gamma`, `beta`, shaped as the normalized axes.

    Args:
        axis: one axis, or a list of axes.
        epsilon: added to the variance.
        center, scale: whether there is a `beta`, a `gamma`.
        beta_..., gamma_...: initializer, regularizer and constraint of the weights.
        rms_scaling: Keras' deprecated form, which only divides by the deviation; use `RMSNormalization`.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input has no such axis, or one of unknown size.

    >>> LayerNormalization().compute_output_shape((None, 10, 16))
    (None, 10, 16)
    """

    full_precision = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        gamma = (gamma_initializer, gamma_regularizer, gamma_constraint)
        super().__init__(axis, epsilon, center, scale, beta, gamma, **kwargs)
        self.axis = axes(self, "axis", axis)
        self.rms_scaling = bool(rms_scaling)
        if self.rms_scaling:
            self.center, self.scale = False, True

    def build(self, input_shape: Shape) -> None:
        self._over = FeatureAxes(self, self.axis, input_shape)
        self.input_spec = self._over.input_spec
        self.add_affine(self._over.sizes)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        over = self._over
        if over.trailing and not self.rms_scaling:
            return torch.layer_norm(inputs, over.sizes, self.gamma, self.beta, self.epsilon)
        variance, mean = torch.var_mean(inputs, over.indices, correction=0, keepdim=True)
        factor = (variance + self.epsilon).rsqrt()
        outputs = (inputs if self.rms_scaling else inputs - mean) * factor
        if self.gamma is not None:
            outputs = outputs * self.gamma.view(over.broadcast)
        return outputs if self.beta is None else outputs + self.beta.view(over.broadcast)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": self.rms_scaling}


class RMSNormalization(Layer):
    """`scale * inputs / sqrt(mean(inputs ** 2) + epsilon)`, the mean of each example over `axis`.

    Input (B, ...), output of the same shape. Weights: `scale`, shaped as the normalized axes.

    Args:
        axis: one axis, or a list of axes.
        epsilon: added to the mean square.

    Raises:
        ArgumentError: an argument cannot be.
        ShapeError: the input has no such axis, or one of unknown size.

    >>> RMSNormalization().compute_output_shape((None, 10, 16))
    (None, 10, 16)
    """

    casts_integers = True

    full_precision = True

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axes(self, "axis", axis)
        self.epsilon = number(self, "epsilon", epsilon, 0.0)

    def build(self, input_shape: Shape) -> None:
        self._over = FeatureAxes(self, self.axis, input_shape)
        self.input_spec = self._over.input_spec
        self.scale = self.add_weight(self._over.sizes, name="scale", initializer="ones")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        over = self._over
        if over.trailing:
            return torch.rms_norm(inputs, over.sizes, self.scale, self.epsilon)
        square = inputs.square().mean(over.indices, keepdim=True)
        return inputs * (square + self.epsilon).rsqrt() * self.scale.view(over.broadcast)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return check_axes(self, input_shape, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


class UnitNormalization(Layer):
    """`inputs / |inputs|`: each example's vector over `axis` to Euclidean length 1; a zero vector stays zero.

    Input (B, ...), output of the same shape; no weights.

    Args:
        axis: one axis, or a list of axes.

    >>> import torch
    >>> UnitNormalization()(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    built_at_once = True
    casts_integers = True

    full_precision = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axes(self, "axis", axis)
        self.supports_masking = True

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        length = torch.linalg.vector_norm(inputs, dim=self.axis, keepdim=True)
        result: torch.Tensor = inputs / length.clamp(min=1e-12)
        return result

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return check_axes(self, input_shape, self.axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
