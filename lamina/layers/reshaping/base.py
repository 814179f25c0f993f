"""What the layers share that only move values: integers stay integers."""

from __future__ import annotations

from typing import Any

import torch

from lamina.layers.base import Layer


class ReshapingLayer(Layer):
    """Base of layers that compute nothing: floats get the layer's dtype as in any layer, others keep theirs."""

    def compute_output_dtype(self, input_dtype: Any) -> torch.dtype:
        return super().compute_output_dtype(input_dtype) if input_dtype.is_floating_point else input_dtype
