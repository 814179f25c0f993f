"""Layers that bring values to one scale."""

from lamina.layers.normalization.batch import BatchNormalization
from lamina.layers.normalization.group import GroupNormalization
from lamina.layers.normalization.layer import LayerNormalization, RMSNormalization, UnitNormalization
from lamina.layers.normalization.spectral import SpectralNormalization

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "SpectralNormalization",
    "UnitNormalization",
]
