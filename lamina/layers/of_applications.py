"""Layers that only applications have: for their files, by Keras' names, and not exported."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from lamina.graph import ShapeError
from lamina.initializers import Constant
from lamina.layers.base import Layer
from lamina.layers.geometry import Shape
from lamina.layers.merging.elementwise import Elementwise, Tensors

__all__ = ["CustomScaleLayer", "LayerScale"]

KERAS_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
        "LayerScale": "keras.src.applications.convnext",
    }
)
"""Where Keras has each of them, which its files say."""


class CustomScaleLayer(Elementwise):
    """`a + scale * b`, of a list of two tensors (B, ...).

    >>> CustomScaleLayer(0.5)([torch.tensor([1.0]), torch.tensor([4.0])])
    tensor([3.])
    """

    at_least = at_most = 2

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Tensors) -> torch.Tensor:
        first, second = inputs
        return first + second * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


class LayerScale(Layer):
    """`x * gamma`, one weight for each channel.

    Input (..., C), output the same.

    Args:
        init_values: what gamma begins with.
        projection_dim: C.

    Raises:
        ShapeError: another number of channels.

    >>> LayerScale(0.1, 2)(torch.ones(2))
    tensor([0.1000, 0.1000], grad_fn=<MulBackward0>)
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Shape) -> None:
        if input_shape[-1] != self.projection_dim:
            raise ShapeError(
                f"{self.label} cannot scale this input.",
                got=f"{input_shape}",
                expected=f"{self.projection_dim} channels on the last axis",
            )
        self.gamma = self.add_weight((self.projection_dim,), initializer=Constant(self.init_values))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}
