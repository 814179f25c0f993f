"""Masking: marks the time steps that hold no data."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.arguments import number
from lamina.layers.base import InputSpec, Layer
from lamina.layers.geometry import Shape


class Masking(Layer):
    """Masks each step whose features all equal `mask_value`, and sets them to zero.

    Input and output (B, T, F), or any rank from 2 on; the mask is False at (b, t) where `inputs[b, t, :] == mask_value`
    throughout. Layers that follow skip those steps if they know masks.

    Args:
        mask_value: the value that stands for "no data".

    >>> layer = Masking(-1.0)
    >>> layer.compute_mask(torch.tensor([[[1.0, -1.0], [-1.0, -1.0]]]))
    tensor([[ True, False]])
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = number(self, "mask_value", mask_value, float("-inf"))
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        empty = torch.all(torch.eq(inputs, self.mask_value), dim=-1, keepdim=True)
        return torch.masked_fill(inputs, empty, 0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return torch.any(torch.ne(inputs, self.mask_value), dim=-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return input_dtype

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
