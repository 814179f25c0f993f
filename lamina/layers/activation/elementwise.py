"""Activation, ReLU, LeakyReLU, ELU: one function on each value, as a layer."""

from __future__ import annotations

from typing import Any

import torch

from lamina import activations
from lamina.layers.arguments import number
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape


class ElementwiseLayer(Layer):
    """Base of layers whose output has the input's shape and keeps its mask."""

    built_at_once = True
    casts_integers = True

    supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


class Activation(ElementwiseLayer):
    """Any activation function.

    Input of any shape, output of the same.

    Args:
        activation: name of one of `lamina.activations`, or a function on tensors.

    Raises:
        ArgumentError: no such name.

    >>> import torch
    >>> Activation("relu")(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.activation(inputs)
        return result

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class ReLU(ElementwiseLayer):
    """`min(x, max_value)` where x >= threshold, else `negative_slope * (x - threshold)`.

    Input of any shape, output of the same.

    Args:
        max_value: ceiling, >= 0; None for none.
        negative_slope: slope below the threshold, >= 0.
        threshold: >= 0.

    Raises:
        ArgumentError: an argument is negative.

    >>> import torch
    >>> ReLU(max_value=6)(torch.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = max_value if max_value is None else number(self, "max_value", max_value, 0.0)
        self.negative_slope = number(self, "negative_slope", negative_slope, 0.0)
        self.threshold = number(self, "threshold", threshold, 0.0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(ElementwiseLayer):
    """`x` where x >= 0, else `negative_slope * x`.

    Input of any shape, output of the same.

    Args:
        negative_slope: >= 0. `alpha`, its name in Keras 2, is understood too.

    Raises:
        ArgumentError: the slope is negative.

    >>> import torch
    >>> LeakyReLU(0.5)(torch.tensor([-1.0, 2.0]))
    tensor([-0.5000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = number(self, "negative_slope", negative_slope, 0.0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "negative_slope": self.negative_slope}


class ELU(ElementwiseLayer):
    """`x` where x > 0, else `alpha * (exp(x) - 1)`.

    Input of any shape, output of the same.

    Args:
        alpha: what large negative inputs tend to, with the sign turned.

    >>> import torch
    >>> ELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = number(self, "alpha", alpha, -float("inf"))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
